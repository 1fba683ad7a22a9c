"""The published tables are what the code makes of the published episodes, byte for byte."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.records.layouts import EPISODES, METRICS, open_results
from bench.records.runs import RUN_KEYS, read_runs
from bench.statistics import aggregates, finetuning
from bench.statistics.frames import read_csv, write_csv
from bench.statistics.paired_effects import paired_effects
from bench.statistics.scores import SCORE_COLUMNS, collect_scores

PUBLISHED = ROOT / "results/published"
SUITES = sorted(path.parent.name for path in PUBLISHED.glob("*/runs.jsonl"))
# Suites that ran under another name, with what was given on the command line.
AGAIN: dict[str, tuple[str, dict[str, Any]]] = {
    "quick-again": ("quick", {}),
    "local-again": ("local", {"methods": ("iql", "bc", "bcq")}),
}
CATALOGUE = Catalogue()


def suite_of(name: str) -> Suite:
    file, changes = AGAIN.get(name, (name, {}))
    suite = CATALOGUE.read_suite(PUBLISHED.parents[1] / f"config/{file}.yaml")
    return suite.model_copy(update={"suite": name} | changes)


def test_every_published_suite_is_found() -> None:
    assert len(SUITES) == 10
    assert sum(len(open_results(PUBLISHED / name).runs) for name in SUITES) == 219


@pytest.mark.parametrize("name", SUITES)
def test_the_tables_follow_from_the_episodes(name: str, tmp_path: Path) -> None:
    suite, folder = suite_of(name), PUBLISHED / name
    runs = list(open_results(folder).runs.values())
    collect_scores(runs, tmp_path / "scores.csv")
    scores = read_csv(tmp_path / "scores.csv", SCORE_COLUMNS)
    write_csv(aggregates.summarise(scores, suite, CATALOGUE.tasks), tmp_path / "summary.csv")
    aggregate = aggregates.aggregate(scores, suite, CATALOGUE.tasks, suite.bootstrap)
    write_csv(aggregate, tmp_path / "aggregate.csv")
    if suite.baseline is not None:
        write_csv(paired_effects(scores, suite, CATALOGUE.tasks), tmp_path / "effects.csv")
    if finetuning.cells(suite, CATALOGUE.tasks):
        played = finetuning.read_episodes(runs)
        frame = finetuning.fine_tuning(scores, played, suite, CATALOGUE.tasks)
        write_csv(frame, tmp_path / "finetune.csv")
    made = sorted(tmp_path.iterdir())
    for table in made:
        assert table.read_bytes() == (folder / table.name).read_bytes(), table.name
    others = {EPISODES, METRICS, "evaluations.csv"}
    assert {p.name for p in made} == {p.name for p in folder.glob("*.csv")} - others


@pytest.mark.parametrize("name", SUITES)
def test_every_run_is_of_a_cell_and_of_its_cards_data(name: str) -> None:
    results, suite = open_results(PUBLISHED / name), suite_of(name)
    cards = results.cards()
    assert set(read_runs(suite, results.folder, str).found) == set(results.runs)
    seen = set()
    for run in results.runs.values():
        record = run.record()
        assert set(RUN_KEYS) <= set(record)
        method, task, _ = run.name.split("/")
        settings = record["settings"]
        assert (settings["method"], settings["task"]["task"]) == (method, task)
        assert cards[task]["hash"] == record["dataset_hash"]
        seen.add(task)
    assert seen == set(cards)


def test_the_overestimate_that_is_told_of_is_in_the_curves() -> None:
    run = open_results(PUBLISHED / "finetune").runs["sac_iql/antmaze-umaze/0-2"]
    q: dict[int, list[float]] = {}
    for row in csv.DictReader(run.read(METRICS).text.splitlines()):
        q.setdefault(int(row["step"]), []).append(float(row["q"]))
    means = [sum(values) / len(values) for _, values in sorted(q.items())]
    text = (ROOT / "docs/results/finetuning.md").read_text()
    assert f"climbs from {means[0]:.0f} to {means[-1]:,.0f}" in text

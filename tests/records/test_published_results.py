"""The published runs are those of their suites, on the data of their cards."""

from __future__ import annotations

import csv

import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.paths import METRICS
from bench.publishing.derived import suite_of
from bench.records.layouts import open_results
from bench.records.runs import RUN_KEYS, read_runs

PUBLISHED = ROOT / "results/published"
SUITES = sorted(path.parent.name for path in PUBLISHED.glob("*/runs.jsonl"))
CATALOGUE = Catalogue()


def test_every_published_suite_is_found() -> None:
    """Each has runs and is listed on the page beside them."""
    page = (PUBLISHED / "README.md").read_text()
    assert len(SUITES) == 10
    assert sum(len(open_results(PUBLISHED / name).runs) for name in SUITES) == 267
    assert [name for name in SUITES if f"\n| `{name}` |" not in page] == []


@pytest.mark.parametrize("name", SUITES)
def test_every_run_is_of_a_cell_and_of_its_cards_data(name: str) -> None:
    folder = PUBLISHED / name
    results, suite = open_results(folder), suite_of(folder, CATALOGUE)
    cards = results.cards()
    assert set(read_runs(suite, results.folder, lambda *_: "").found) == set(results.runs)
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
    first = f"{means[0]:.0f}".replace("-", "\N{MINUS SIGN}")
    assert f"climbs from {first} to {means[-1]:,.0f}" in text

"""A task without an environment: trained, its losses and data reported, nothing scored."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.projects import suite_of, write_project
from helpers.training_jobs import random_data

from bench.config.catalogue import Catalogue
from bench.config.types import resolved
from bench.data import prepare
from bench.errors import BenchError
from bench.paths import TRANSITIONS, SuiteFolder
from bench.publishing import derived
from bench.records.layouts import open_results
from bench.report import inputs
from bench.report.contents import PAGES
from bench.report.pages import answer
from bench.statistics.aggregates import groups
from bench.statistics.frames import read_csv
from bench.training.job_process import StopRequest
from bench.training.train import train

TINY = {
    "seeds": [0, 1],
    "updates": 4,
    "log_every": 2,
    "batch_size": 16,
    "evaluation": {"every": 2, "episodes": 2},
    "overrides": [{"config": {"hidden": [8]}, "reason": "a test"}],
}


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    tasks = tmp_path / "config/tasks.tsv"
    tasks.write_text(tasks.read_text().replace("Hopper-v4", "none"))
    monkeypatch.setattr("bench.training.train.prepare_process", lambda *_: None)
    monkeypatch.setattr(StopRequest, "on_signals", StopRequest)


def test_losses_take_the_place_of_scores() -> None:
    catalogue, suite = Catalogue(), suite_of(tasks=["hopper-medium"], baseline="bc", **TINY)
    results = SuiteFolder.of(suite.suite)
    place = TRANSITIONS / resolved(catalogue.tasks["hopper-medium"], suite).transitions
    data = random_data()
    card = {"task": "hopper-medium", "dataset": "local/hopper-100k-v0", "env_id": "none"}
    card |= {"reading": "full", "audit": [], "collection": {}}
    prepare.write(data, card | prepare.card(data), place)
    for method in suite.methods:
        cell = catalogue.settings(suite, method, "hopper-medium", (0, 1))
        train(cell, place, results.run(method, "hopper-medium", (0, 1)).path, "cpu", 1, 1000.0)
    runs = derived.chosen(suite, open_results(results.path).verified)
    assert len(runs) == 2
    derived.write_tables(suite, runs, catalogue, results.path)
    read = inputs.read(suite, catalogue, results.path, [place / "card.json"], lambda *_: "x")
    assert len(read.scores) == len(read.summary) == len(read.aggregate) == 0
    assert answer.abstract(read) == [answer.NOTHING_SCORED]
    made = {s.name: s for s in (section(read) for section in PAGES[1:-1]) if s is not None}
    assert list(made) == ["Losses"]
    paragraph, table = made["Losses"].items
    assert "Nothing was scored on hopper-medium" in paragraph.text
    rows = {tuple(cell.text for cell in row[1:3]): row for row in table.table.rows}
    metrics = read_csv(results.run("bc", "hopper-medium", (0, 1)).metrics, ["actor_loss"])
    last = metrics[metrics["step"] == 4]["actor_loss"].mean()
    assert rows["BC", "actor loss"][4].text == f"{last:.3f}".replace("-", "\N{MINUS SIGN}")
    assert rows["BC", "actor loss"][5].text == "2"


def test_a_task_without_an_environment_is_in_no_group() -> None:
    suite, tasks = suite_of(), Catalogue().tasks
    assert groups(suite, tasks) == {"all": ["pointmaze-large-stitch"]}
    assert groups(suite_of(tasks=["hopper-medium"]), tasks) == {}


def test_without_an_environment_there_is_no_online_phase() -> None:
    with pytest.raises(BenchError, match="hopper-medium has no environment; give it an env_id"):
        suite_of(methods=["iql"], online={"steps": 100, "every": 50, "episodes": 1})

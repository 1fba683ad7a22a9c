"""A run.json of today and of before the reference scores left the settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.suite_results import TASKS, catalogue, make_suite, write_run

from bench.errors import BenchError
from bench.records.run_record import settings_of, task_of
from bench.records.stored_run import FolderRun
from bench.statistics import scores

TASK = TASKS[0]
ROW = catalogue().tasks[TASK]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with one evaluation, whose return of 250 scores 25."""
    return write_run(tmp_path, make_suite(), "iql", TASK, [0], {(500, 0): [250.0]})


def record(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return content


def older(run: dict[str, Any]) -> dict[str, Any]:
    """The same record with the whole row in its settings."""
    settings = run["settings"] | {"task": run["task"] | run["settings"]["task"]}
    return {k: v for k, v in run.items() if k != "task"} | {"settings": settings}


def test_both_forms_read_alike(folder: Path) -> None:
    run = record(folder)
    before = older(run)
    assert "source" in before["settings"]["task"]
    assert settings_of(before) == settings_of(run)
    assert settings_of(run).model_dump(mode="json") == run["settings"]
    assert task_of(run, "x") == ROW
    assert task_of(before, "x").ref_max_score == ROW.ref_max_score
    (folder / "run.json").write_text(json.dumps(before))
    assert scores.run_scores(FolderRun(folder))["score"].tolist() == [25.0]


def test_a_score_is_by_the_table_of_today(folder: Path) -> None:
    today = {TASK: ROW.model_copy(update={"ref_max_score": 500.0})}
    assert scores.run_scores(FolderRun(folder))["score"].tolist() == [25.0]
    assert scores.run_scores(FolderRun(folder), today)["score"].tolist() == [50.0]


def test_without_reference_scores_there_is_no_score(folder: Path) -> None:
    run = record(folder)
    del run["task"]
    (folder / "run.json").write_text(json.dumps(run))
    with pytest.raises(BenchError, match=r"run.json: task: ref_min_score, .*config/tasks.tsv"):
        scores.run_scores(FolderRun(folder))
    assert scores.run_scores(FolderRun(folder), {TASK: ROW})["score"].tolist() == [25.0]

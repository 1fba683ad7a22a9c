"""Where a suite stands, from records, checkpoints and progress written here by hand."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.projects import MINIMAL, write_project
from safetensors.numpy import save_file

from bench.cli import workflow
from bench.errors import BenchError
from bench.jobs import status
from bench.progress import FOLDER

RUNS = Path("results/tiny/runs")


@pytest.fixture(autouse=True)
def _project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    suite = MINIMAL | {"seeds": [0, 1, 2, 3], "seeds_per_job": 2, "updates": 1000}
    Path("tiny.yaml").write_text(yaml.safe_dump(suite))


def record(method: str, task: str, block: str, state: str) -> None:
    folder = RUNS / method / task / block
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"status": state}))


def checkpoint(method: str, task: str, block: str, content: dict[str, Any]) -> None:
    folder = RUNS / method / task / block
    folder.mkdir(parents=True)
    metadata = {"record": json.dumps(content)}
    save_file({"x": np.zeros(3)}, folder / "checkpoint.safetensors", metadata=metadata)


def report(label: str, done: int, rate: float) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    state = {"label": label, "done": done, "total": 1000, "unit": "updates", "rate": rate}
    state |= {"pid": os.getpid(), "host": platform.node()}
    (FOLDER / f"{label.replace('/', '_')}.json").write_text(json.dumps(state))


def shown(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    """The printed lines, cut where two blanks stand."""
    workflow.status(Path("tiny.yaml"))
    lines = capsys.readouterr().out.splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines]


def test_nothing_has_begun(capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys) == [
        ["task", "iql", "bc"],
        ["hopper-medium", "waiting", "waiting"],
        ["pointmaze-large-stitch", "waiting", "waiting"],
        ["8 jobs: 8 waiting"],
    ]


def test_every_state_has_its_word(capsys: pytest.CaptureFixture[str]) -> None:
    record("bc", "hopper-medium", "0-1", "done")
    record("bc", "hopper-medium", "2-3", "done")
    record("bc", "pointmaze-large-stitch", "0-1", "diverged")
    checkpoint("iql", "hopper-medium", "0-1", {"step": 400, "phase": "offline"})
    checkpoint("iql", "hopper-medium", "2-3", {"step": 300, "phase": "offline"})
    report("tiny/iql/hopper-medium/2-3", done=500, rate=25.0)
    assert shown(capsys) == [
        ["task", "iql", "bc"],
        ["hopper-medium", "at 500, stopped at 400", "done"],
        ["pointmaze-large-stitch", "waiting", "1 diverged, 1 waiting"],
        ["iql hopper-medium: 500 of 1,000 (50%), 25/s, 0:20 left"],
        ["8 jobs: 2 done, 1 diverged, 1 running, 1 stopped, 3 waiting"],
        # IQL costs 4 an update, cloning 1: 25 x 4 = 100 a second and seed. Left are, for IQL,
        # 500 + 600 + 1,000 + 1,000 updates, and 1,000 for cloning: 13,400 in all.
        ["about 2:14 left, with as many jobs at once as now"],
    ]


def test_a_torn_checkpoint_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint("iql", "hopper-medium", "0-1", {"step": 400, "phase": "offline"})
    path = RUNS / "iql/hopper-medium/0-1/checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:20])
    assert shown(capsys)[-1] == ["8 jobs: 8 waiting"]


def test_a_torn_record_is_one_sentence() -> None:
    record("bc", "hopper-medium", "0-1", "done")
    (RUNS / "bc/hopper-medium/0-1/run.json").write_text('{"stat')
    with pytest.raises(BenchError, match=r"run.json: not valid JSON .*delete it"):
        workflow.status(Path("tiny.yaml"))


def test_online_steps_come_after_the_updates() -> None:
    report_of = {"unit": "steps", "done": 50, "total": 200, "rate": 5.0}
    from helpers.projects import suite_of

    from bench.config.catalogue import Catalogue

    suite = suite_of(methods=["iql"], online={"steps": 200, "every": 100, "episodes": 2})
    cell = Catalogue().settings(suite, "iql", "hopper-medium", (0, 1, 2))
    job = status.job_of(cell, {"tiny/iql/hopper-medium/0-2": report_of})
    assert (job.step, job.length, job.left) == (150, 300, 150)
    checkpoint("iql", "hopper-medium", "0-2", {"step": 50, "phase": "online"})
    assert status.job_of(cell, {}).step == 150

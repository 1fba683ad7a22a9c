"""Faults of whole workflows: killed outright, two at once, a clock that jumps, another place."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from helpers.paths import ROOT
from helpers.workflow_project import Project

from bench.jobs.watch import alive, running

UPDATES = 3000
DATA = "data/minari/local/pointmaze/stitch-4k-v0"


@contextmanager
def in_the_background(project: Project, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A process of the project's directory, gone at the end, as are those that it left."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    with open(project.folder / "background.log", "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=project.folder, env=environment,
            stdout=log, stderr=log, text=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        for state in running(project.folder / "logs/progress"):
            os.kill(state["pid"], signal.SIGKILL)


def reported(project: Project, word: str, process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the job with `word` in its label says of itself, once it is under way."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for state in running(project.folder / "logs/progress"):
            if word in state["label"]:
                return state
        log = (project.folder / "background.log").read_text()
        assert process.poll() is None, log
        time.sleep(0.01)
    raise AssertionError(f"no job {word}")


def make(folder: Path, **changes: Any) -> Project:
    project = Project(folder)
    (folder / "profiles").symlink_to(ROOT / "profiles")
    project.suite |= {"tasks": ["pointmaze-large-stitch"], "methods": ["bc"], **changes}
    return project


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A workflow that was killed outright while it trained, run again to its end."""
    project = make(
        tmp_path_factory.mktemp("killed"),
        updates=UPDATES,
        evaluation={"every": 1000, "episodes": 2},
    )
    project.snakemake("--dry-run")  # writes the suite's file
    arguments = ("--cores", "2", "--configfile", "config/tiny.yaml")
    with in_the_background(project, "snakemake", *arguments) as first:
        orphan = reported(project, "tiny/bc", first)["pid"]
        os.kill(orphan, signal.SIGSTOP)  # it is to be at work still when the others come
        second = project.run("bench run")
        assert second.returncode == 2
        assert f"another workflow writes the same files (process {first.pid} on " in second.stderr
        assert "Traceback" not in second.stderr
        first.kill()
        first.wait()
        os.kill(orphan, signal.SIGCONT)
        third = project.snakemake()
        assert third.returncode == 0, third.stdout + third.stderr
        assert f"process {first.pid} was killed while it ran a workflow here" in third.stderr
        assert not alive(orphan)
    assert (project.folder / "reports/tiny.pdf").exists()
    return project


def test_a_workflow_killed_outright_is_just_run_again(killed: Project, tmp_path: Path) -> None:
    calm = make(tmp_path)
    calm.suite = killed.suite
    shutil.copytree(killed.folder / "data", tmp_path / "data", copy_function=shutil.copy2)
    done = calm.snakemake("results/tiny/scores.csv")
    assert done.returncode == 0, done.stdout + done.stderr
    scores = "results/tiny/scores.csv"
    assert (killed.folder / scores).read_bytes() == (calm.folder / scores).read_bytes()
    for name in ("locks", "owners"):
        assert list((killed.folder / ".snakemake").glob(f"{name}/*")) == []


def shift_cards(project: Project, days: int) -> None:
    for path in (project.folder / "data").rglob("card.json"):
        then = time.time() + days * 86_400
        os.utime(path, (then, then))


def test_inputs_from_before_a_clock_was_set_back_repeat_nothing(killed: Project) -> None:
    """They seem newer than what was made of them, but have the content that is on record."""
    shift_cards(killed, 1)
    assert killed.planned() == {}


def test_arrays_from_before_a_clock_was_set_forward_repeat_no_update(killed: Project) -> None:
    """They seem older than their dataset: it is read again, and each run finds itself finished."""
    scores = killed.folder / "results/tiny/scores.csv"
    before = scores.read_bytes()
    [path] = scores.parent.rglob("run.json")
    first = path.read_bytes()
    shift_cards(killed, -1)
    done = killed.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    assert scores.read_bytes() == before
    assert path.read_bytes() == first
    assert killed.planned() == {}


def test_a_moved_directory_has_nothing_to_repeat(killed: Project, tmp_path: Path) -> None:
    moved = Project(tmp_path)
    moved.suite = killed.suite
    for name in ("data", "results", "reports"):  # as rsync -a to another machine
        shutil.copytree(killed.folder / name, tmp_path / name, copy_function=shutil.copy2)
    assert moved.planned() == {}
    (tmp_path / "reports/tiny.pdf").unlink()
    done = moved.run("bench run")
    assert done.returncode == 0, done.stderr
    scores = "results/tiny/scores.csv"
    assert (moved.folder / scores).read_bytes() == (killed.folder / scores).read_bytes()
    for path in (moved.folder / "results").rglob("*.json"):
        assert str(killed.folder) not in path.read_text(), path


def test_a_collector_killed_outright_leaves_no_dataset(tmp_path: Path) -> None:
    project = make(tmp_path, rows=40_000)
    recipe = ("--recipe", "pointmaze/stitch", "--env-id", "bench.maze:PointMazeStitch-v0")
    collect = ("bench", "collect", "local/pointmaze/stitch-4k-v0", *recipe, "--rows")
    with in_the_background(project, *collect, "400000") as process:
        reported(project, "collect", process)
        process.kill()
        process.wait()
    assert not (project.folder / DATA).exists()
    with in_the_background(project, *collect, "4000") as process:
        assert process.wait(120) == 0
    assert (project.folder / DATA / "data/main_data.hdf5").exists()

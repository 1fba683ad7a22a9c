"""A finished run is sealed and never written anew; a resumed one lists where it has been."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers import online_runs
from helpers.training_jobs import DATASET, place_data, random_data, settings

from bench.config.types import Settings
from bench.paths import TRANSITIONS
from bench.records import machine
from bench.records.stored_run import FolderRun
from bench.training.job_process import INTERRUPTED, StopRequest
from bench.training.train import train

FILES = ("run.json", "evaluations.csv", "metrics.csv", "episodes.csv", "policy.safetensors")


class StopAfter(StopRequest):
    """A request that comes when it is looked at for the n-th time."""

    def __init__(self, looks: int):
        self.left = looks

    @property
    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place_data(tmp_path, random_data())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bench.training.train.prepare_process", lambda *_: None)
    monkeypatch.setattr(StopRequest, "on_signals", StopRequest)


def run(cell: Settings, folder: Path = Path("iql/pendulum/0_3")) -> dict[str, Any]:
    """Train in this process; return the record."""
    train(cell, TRANSITIONS / DATASET, folder, "cpu", 1, 1000.0)
    assert FolderRun(folder).problem() is None
    record: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return record


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


def test_starting_a_finished_run_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("iql/pendulum/0_3")
    record = run(settings())
    assert set(record["files"]) == {*FILES[1:], "checkpoint.safetensors"}
    assert record["files"]["evaluations.csv"]["rows"] == 12
    assert record["finished"] >= record["attempts"][0]["started"]
    before, times = contents(folder), {p: p.stat().st_mtime_ns for p in folder.iterdir()}
    assert run(settings()) == record
    assert "already finished; nothing to do" in capsys.readouterr().out
    del times[folder / ".lock"]  # taken by both
    assert {p: p.stat().st_mtime_ns for p in times} == times
    assert contents(folder) == before


def test_deleted_or_changed_files_are_written_again_to_the_byte() -> None:
    folder = Path("iql/pendulum/0_3")
    run(settings())
    before = contents(folder)
    for name in FILES:  # as Snakemake does before it repeats a job
        (folder / name).unlink()
    run(settings())
    assert contents(folder) == before
    (folder / "evaluations.csv").write_text("seed,return\n0,1\n")
    run(settings())
    assert contents(folder) == before


def test_an_online_phase_is_written_again_without_its_rows() -> None:
    folder = Path("iql/pendulum/0_3")
    place_data(Path(), online_runs.data())
    record = run(online_runs.settings())
    assert record["online_seconds"]["total"] > 0
    before = contents(folder)
    assert "online.rows" not in before
    for name in FILES:
        (folder / name).unlink()
    run(online_runs.settings())
    assert contents(folder) == before


def test_another_identity_replaces_a_finished_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(settings())
    other = run(settings(config={"hidden": [16, 16], "expectile": 0.8}))
    assert other["config"]["expectile"] == 0.8
    assert other["identity"] != first["identity"]
    assert "replacing" in capsys.readouterr().out
    versions = machine.versions()
    monkeypatch.setattr(machine, "versions", lambda: versions | {"mujoco": "9.9.9"})
    third = run(settings())
    assert third["identity"] not in (first["identity"], other["identity"])
    assert third["versions"]["mujoco"] == "9.9.9"
    monkeypatch.setattr(machine, "versions", lambda: versions | {"rliable": "9", "mujoco": "9.9.9"})
    assert run(settings()) == third  # rliable decides no number of a run


def test_a_resumed_run_lists_where_it_has_been(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StopRequest, "on_signals", lambda: StopAfter(60))
    monkeypatch.setattr(machine, "commit", lambda: ("a" * 40, True))
    with pytest.raises(SystemExit) as stopped:
        run(settings())
    assert stopped.value.code == INTERRUPTED
    monkeypatch.setattr(StopRequest, "on_signals", StopRequest)
    monkeypatch.setattr(machine, "commit", lambda: ("b" * 40, False))
    record = run(settings())
    first, last = record["attempts"]
    assert (first["commit"], first["dirty"], first["step"]) == ("a" * 40, True, 0)
    assert (last["commit"], last["dirty"], record["commit"]) == ("b" * 40, False, "b" * 40)
    assert 0 < last["step"] < 120
    assert record["resumed"] == 1
    assert {"started", "versions", "machine", "device", "phase"} <= set(first)

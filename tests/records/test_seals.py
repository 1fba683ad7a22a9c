"""Seals of a run: any other byte is found, and said in words."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench.files import sealed
from bench.records import seals
from bench.records.sealed_tensors import problem as tensor_problem
from bench.records.sealed_tensors import sealed as sealed_tensors
from bench.records.stored_run import FolderRun


@pytest.fixture
def run(tmp_path: Path) -> FolderRun:
    folder = tmp_path / "runs/iql/hopper/0"
    folder.mkdir(parents=True)
    (folder / "evaluations.csv").write_text("seed,return\n0,1.5\n0,2.5\n")
    (folder / "policy.safetensors").write_bytes(b"networks")
    (folder / "checkpoint.safetensors").write_bytes(b"state")
    write(folder, {"status": "done", "rate": 1.0, "files": seals.sums(folder)})
    return FolderRun(folder)


def write(folder: Path, record: dict[str, object]) -> None:
    (folder / "run.json").write_text(json.dumps(sealed(record), indent=2) + "\n")


def test_a_run_as_written_has_no_problem(run: FolderRun) -> None:
    assert run.problem() is None
    sums = run.record()["files"]
    assert sums["evaluations.csv"]["rows"] == 2
    assert set(sums) == {"evaluations.csv", "policy.safetensors", "checkpoint.safetensors"}


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("evaluations.csv", "1.5", "1.6", "evaluations.csv: differs from its seal"),
        ("evaluations.csv", "0,1.5\n", "", "evaluations.csv: 1 rows, but its seal is of 2"),
        ("policy.safetensors", "net", "nat", "policy.safetensors: differs from its seal"),
        ("checkpoint.safetensors", "s", "z", "checkpoint.safetensors: differs from its seal"),
        ("run.json", '"done"', '"lost"', "record: differs from its seal"),
        ("run.json", "1.0", "1.00", "record: differs from its seal in spelling"),
        ("run.json", "\n}", "\t}", "record: differs from its seal in spelling"),
        ("run.json", '"rows": 2', '"rows": 3', "record: differs from its seal"),
        ("run.json", "{", "[", "record: not a sealed record"),
        ("run.json", '"seal"', '"sael"', "record: has no seal, because it was made by a version"),
    ],
)
def test_a_change_is_named(run: FolderRun, file: str, old: str, new: str, expected: str) -> None:
    path = run.folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    assert (run.problem() or "").startswith(expected)


def test_a_missing_file_is_named_but_for_a_checkpoint(run: FolderRun) -> None:
    (run.folder / "checkpoint.safetensors").unlink()
    assert run.problem() is None
    (run.folder / "policy.safetensors").unlink()
    assert run.problem() == "policy.safetensors: is missing"
    (run.folder / "run.json").write_bytes(b"\xff")
    assert (run.problem() or "").startswith("record: cannot be read (")


def test_every_other_byte_of_sealed_tensors_is_found(tmp_path: Path) -> None:
    path = tmp_path / "trace.safetensors"
    tensors = {"paths": np.array([1.0, np.nan], np.float32), "arrived": np.array([True])}
    content = sealed_tensors(tensors)
    path.write_bytes(content)
    assert tensor_problem(path) is None
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        assert tensor_problem(path), place

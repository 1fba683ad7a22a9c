"""What a run says about itself: versions, machine, and files that are never half."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import files
from bench.records import machine as records_machine

# --- machine and versions -------------------------------------------------------------


def test_versions_are_those_that_are_installed() -> None:
    import numpy
    import torch

    versions = records_machine.versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == numpy.__version__
    assert versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert versions.keys() == {"python", *records_machine.PACKAGES}


def test_the_machine_is_described() -> None:
    machine = records_machine.machine()
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)
    assert machine["cpu"]
    assert machine["memory_gb"] > 0.1
    assert json.loads(json.dumps(machine)) == machine
    assert 10 < records_machine.peak_memory_mb() < 1024 * machine["memory_gb"]


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_and_whether_files_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert records_machine.commit() == (None, False)  # not a checkout
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    sha = git(tmp_path, "rev-parse", "HEAD")
    assert records_machine.commit() == (sha, False)
    (tmp_path / "untracked").write_text("x")
    assert records_machine.commit() == (sha, False)
    (tmp_path / "file").write_text("two")
    assert records_machine.commit() == (sha, True)


# --- files ----------------------------------------------------------------------------


def test_rows_come_back_to_the_last_bit(tmp_path: Path) -> None:
    rows = [[1, 0.1 + 0.2, "a,b"], [2, 1e-300, 'say "x"'], [3, float("nan"), "é"]]
    path = tmp_path / "rows.csv"
    files.write_rows(path, ("n", "value", "text"), rows)
    with open(path, newline="") as file:
        header, *read = list(csv.reader(file))
    assert header == ["n", "value", "text"]
    assert [float(r[1]) for r in read[:2]] == [0.1 + 0.2, 1e-300]
    assert [r[2] for r in read] == ["a,b", 'say "x"', "é"]
    assert path.read_bytes().count(b"\r") == 0


def test_text_and_json_make_their_folder(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a/b/t.txt", "é\n")
    assert (tmp_path / "a/b/t.txt").read_text() == "é\n"
    files.write_json(tmp_path / "c/x.json", {"b": [1, None]})
    assert json.loads((tmp_path / "c/x.json").read_text()) == {"b": [1, None]}


def torn_rows() -> Iterator[list[Any]]:
    yield [1, 2]
    raise RuntimeError("no more")


WRITERS: dict[str, Callable[[Path], None]] = {
    "text": lambda path: files.write_text(path, "new"),
    "json": lambda path: files.write_json(path, {"new": 1}),
    "rows": lambda path: files.write_rows(path, ("a", "b"), [[1, 2]]),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[kind](path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rows_that_break_off_leave_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="no more"):
        files.write_rows(path, ("a", "b"), torn_rows())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_successful_write_replaces_and_leaves_nothing_beside(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    path.write_text("old and longer than what is new")
    WRITERS[kind](path)
    assert "old" not in path.read_text()
    assert list(tmp_path.iterdir()) == [path]

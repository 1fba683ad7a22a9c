"""What a run says about itself: the source hash, versions, and files that are never half."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import records
from bench.methods import METHODS, VARIANTS

ROOT = Path(__file__).parents[1]

# --- source hash ----------------------------------------------------------------------

SCRIPT = """
import json, sys
from bench.methods import METHODS
from bench.records import source_hash
print(json.dumps({name: source_hash(name) for name in METHODS}))
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to change files in."""
    folder = tmp_path_factory.mktemp("project")
    for package in ("bench", "iql", "baselines"):
        shutil.copytree(
            ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return folder


def hashes(project: Path) -> dict[str, str]:
    """The hash of every method, by the copy."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.fixture
def touch(project: Path) -> Iterator[Callable[[str], set[str]]]:
    """Append a comment to a file; which methods' hashes change?"""
    before = hashes(project)
    undo: list[tuple[Path, str]] = []

    def changed(name: str) -> set[str]:
        path = project / name
        undo.append((path, path.read_text()))
        path.write_text(path.read_text() + "# changed\n")
        after = hashes(project)
        return {method for method in METHODS if before[method] != after[method]}

    yield changed
    for path, text in undo:
        path.write_text(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("iql/iql.py", {"iql", *VARIANTS}),
        ("iql/variants/joint.py", {"iql_joint"}),
        ("baselines/bc10.py", {"bc10"}),
        ("baselines/bc.py", {"bc", "bc10"}),  # 10%BC is BC on fewer rows
        ("bench/nets.py", set(METHODS)),
        ("bench/report/build.py", set()),
    ],
)
def test_which_methods_a_changed_file_makes_stale(
    touch: Callable[[str], set[str]], name: str, expected: set[str]
) -> None:
    assert touch(name) == expected


@pytest.mark.parametrize("name", records.NUMERICS)
def test_every_numeric_module_counts(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = records.source_hash("iql")
    shutil.copytree(ROOT / "bench", tmp_path / "bench")
    monkeypatch.setattr(records, "__file__", str(tmp_path / "bench/records.py"))
    assert records.source_hash("iql") == before  # the place does not count
    with open(tmp_path / f"bench/{name}.py", "a") as file:
        file.write("# changed\n")
    assert records.source_hash("iql") != before


# --- machine and versions -------------------------------------------------------------


def test_versions_are_those_that_are_installed() -> None:
    import numpy
    import torch

    versions = records.versions()
    assert versions["python"] == ".".join(map(str, sys.version_info[:3]))
    assert versions["numpy"] == numpy.__version__
    assert versions["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert versions.keys() == {"python", *records.PACKAGES}


def test_the_machine_is_described() -> None:
    machine = records.machine()
    assert 1 <= machine["cores"] <= (os.cpu_count() or 1)
    assert machine["cpu"]
    assert machine["memory_gb"] > 0.1
    assert json.loads(json.dumps(machine)) == machine
    assert 10 < records.peak_memory_mb() < 1024 * machine["memory_gb"]


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
    assert records.commit() == (None, False)  # not a checkout
    git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-q", "-m", "one")
    sha = git(tmp_path, "rev-parse", "HEAD")
    assert records.commit() == (sha, False)
    (tmp_path / "untracked").write_text("x")
    assert records.commit() == (sha, False)
    (tmp_path / "file").write_text("two")
    assert records.commit() == (sha, True)


# --- files ----------------------------------------------------------------------------


def test_rows_come_back_to_the_last_bit(tmp_path: Path) -> None:
    rows = [[1, 0.1 + 0.2, "a,b"], [2, 1e-300, 'say "x"'], [3, float("nan"), "é"]]
    path = tmp_path / "rows.csv"
    records.write_rows(path, ("n", "value", "text"), rows)
    with open(path, newline="") as file:
        header, *read = list(csv.reader(file))
    assert header == ["n", "value", "text"]
    assert [float(r[1]) for r in read[:2]] == [0.1 + 0.2, 1e-300]
    assert [r[2] for r in read] == ["a,b", 'say "x"', "é"]
    assert path.read_bytes().count(b"\r") == 0


def test_text_and_json_make_their_folder(tmp_path: Path) -> None:
    records.write_text(tmp_path / "a/b/t.txt", "é\n")
    assert (tmp_path / "a/b/t.txt").read_text() == "é\n"
    records.write_json(tmp_path / "c/x.json", {"b": [1, None]})
    assert json.loads((tmp_path / "c/x.json").read_text()) == {"b": [1, None]}


def torn_rows() -> Iterator[list[Any]]:
    yield [1, 2]
    raise RuntimeError("no more")


WRITERS: dict[str, Callable[[Path], None]] = {
    "text": lambda path: records.write_text(path, "new"),
    "json": lambda path: records.write_json(path, {"new": 1}),
    "rows": lambda path: records.write_rows(path, ("a", "b"), [[1, 2]]),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_a_failed_write_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(records.os, "replace", fail)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[kind](path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rows_that_break_off_leave_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="no more"):
        records.write_rows(path, ("a", "b"), torn_rows())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_successful_write_replaces_and_leaves_nothing_beside(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    path.write_text("old and longer than what is new")
    WRITERS[kind](path)
    assert "old" not in path.read_text()
    assert list(tmp_path.iterdir()) == [path]

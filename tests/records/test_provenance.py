"""What made a run, and whether the numerics have changed since, in a small repository."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.records import provenance, source_hash
from bench.records.layouts import open_results
from bench.records.provenance import describe, hash_of, sources
from bench.records.runs import stale_runs
from bench.records.source_hash import Tree, module_of, tree_hash

MODULE = "iql.iql"
SETTINGS = {"method": "iql@expectile=0.5", "task": {"env_id": "Hopper-v4"}}
TEXTS = {
    "bench/training/train.py": (
        "import torch\nfrom bench.learning.networks import WIDTH\n\nprint(torch.ones(WIDTH))\n"
    ),
    "bench/learning/networks.py": "import torch\n\nWIDTH = 64\n",
    "iql/iql.py": "import torch\n\nRATE = 1\n",
}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class Project:
    """The repository, of which a run is described."""

    def __init__(self, root: Path):
        self.root = root
        self.texts = dict(TEXTS)

    def commit(self) -> str:
        for file, text in self.texts.items():
            (self.root / file).parent.mkdir(parents=True, exist_ok=True)
            (self.root / file).write_text(text)
        git(self.root, "add", ".")
        git(self.root, "commit", "-q", "-m", "one")
        return git(self.root, "rev-parse", "HEAD")

    @property
    def hash(self) -> str:
        return tree_hash(Tree(self.texts), MODULE)

    def describe(self, run: dict[str, Any]) -> str:
        """As `explain` does, of the texts as they are now."""
        source_hash.here.cache_clear()
        for file, text in self.texts.items():
            (self.root / file).write_text(text)
        return describe(run, hash_of(run) != self.hash)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    caches = (source_hash.here, provenance.sources, provenance.tree_at)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.setattr(source_hash, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance, "SOURCES", tmp_path / "sources.json")
    for cached in caches:
        cached.cache_clear()
    git(tmp_path, "init", "-q")
    yield Project(tmp_path)
    for cached in caches:
        cached.cache_clear()


def run_of(code: str, commit: str | None) -> dict[str, Any]:
    return {"source_hash": code, "commit": commit, "settings": SETTINGS}


def test_numerics_that_have_not_changed(project: Project) -> None:
    run = run_of(project.hash, commit := project.commit())
    project.texts["bench/learning/networks.py"] += "# A comment.\n"
    expected = f"made by commit {commit}; the numerics have not changed since"
    assert project.describe(run) == expected


def test_files_that_have_changed_are_named(project: Project) -> None:
    run = run_of(project.hash, commit := project.commit())
    project.texts["bench/learning/networks.py"] = "import torch\n\nWIDTH = 65\n"
    project.texts["iql/iql.py"] = "import torch\n\nRATE = 2\n"
    project.commit()
    made = f"made by commit {commit}; the numerics have changed since in "
    assert project.describe(run) == f"{made}bench/learning/networks.py, iql/iql.py"


def test_a_run_with_a_hash_of_bytes_is_that_of_the_commit_found(project: Project) -> None:
    run = run_of("bytes", "before the changes that it was made with")
    entry = {"commit": project.commit(), "module": MODULE, "source_hash": project.hash}
    provenance.SOURCES.write_text(json.dumps({"bytes": entry}))
    assert hash_of(run) == project.hash
    made = f"made by commit {entry['commit']}; the numerics have"
    assert project.describe(run) == f"{made} not changed since"
    project.texts["bench/learning/networks.py"] = "import torch\n\nWIDTH = 65\n"
    assert project.describe(run) == f"{made} changed since in bench/learning/networks.py"


def test_a_commit_that_is_not_here(project: Project) -> None:
    project.commit()
    run = run_of("other", "0" * 40)
    assert project.describe(run) == f"cannot be compared: commit {'0' * 40} is not in this clone"


def test_changes_that_were_not_committed(project: Project) -> None:
    run = run_of("other", commit := project.commit())
    made = f"made from uncommitted changes to commit {commit}"
    assert project.describe(run) == f"{made}; the numerics have changed since"


def test_without_git(project: Project) -> None:
    project.commit()
    made = "made outside a Git checkout; the numerics have"
    assert project.describe(run_of(project.hash, None)) == f"{made} not changed since"
    assert project.describe(run_of("other", None)) == f"{made} changed since"


PUBLISHED = [
    run.record()
    for path in sorted(provenance.SOURCES.parent.glob("*/runs.jsonl"))
    for run in open_results(path.parent).runs.values()
]


def test_every_published_run_is_of_a_known_commit() -> None:
    """By sources.json; a run made since has the hash of its own commit."""
    assert len(PUBLISHED) >= 219
    old = [run for run in PUBLISHED if run["source_hash"] in sources()]
    assert {run["source_hash"] for run in old} == set(sources())
    assert all(len(entry["commit"]) == 40 for entry in sources().values())
    for run in old:
        assert sources()[run["source_hash"]]["module"] == module_of(run["settings"]["method"])
    assert not [run for run in PUBLISHED if run not in old and (run["dirty"] or not run["commit"])]


def test_a_run_is_stale_by_what_its_code_says() -> None:
    run = next(run for run in PUBLISHED if run["source_hash"] in sources())
    code = sources()[run["source_hash"]]["source_hash"]
    assert stale_runs({"it": run}, lambda *_: code) == []
    assert stale_runs({"it": run}, lambda *_: "another") == ["it"]


@pytest.mark.parametrize("entry", [*sources().values()][::8], ids=lambda e: e["module"])
def test_the_hashes_in_sources_are_those_of_their_commits(entry: dict[str, str]) -> None:
    tree = provenance.tree_at(entry["commit"])
    if tree is None:
        pytest.skip("needs the history of this repository")
    assert tree_hash(tree, entry["module"]) == entry["source_hash"]

"""Which commit produced a run, and whether the numerics have changed since.

Runs older than bench.records.source_hash carry a hash of file bytes. For each such hash of a
published run, results/published/sources.json gives a commit with these bytes and its source hash.
"""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from functools import cache
from typing import Any

from bench.paths import PUBLISHED
from bench.records.source_form import PACKAGES
from bench.records.source_hash import ROOT, Tree, changed, here, module_of, own_texts, tree_hash

SOURCES = ROOT / PUBLISHED / "sources.json"


@cache
def sources() -> dict[str, dict[str, str]]:
    """Return `commit` and `source_hash` by hash of bytes; empty if the file is missing."""
    if not SOURCES.exists():
        return {}
    found: dict[str, dict[str, str]] = json.loads(SOURCES.read_text(encoding="utf-8"))
    return found


def hash_of(run: Mapping[str, Any]) -> str:
    """Return the source hash of a run.json, whichever kind of hash it carries."""
    recorded: str = run["source_hash"]
    return sources().get(recorded, {}).get("source_hash", recorded)


def code_of(run: Mapping[str, Any]) -> tuple[str, str]:
    """Return the names of what a run executed: its method and its environment."""
    settings = run["settings"]
    return settings["method"], settings["task"]["env_id"]


def describe(run: dict[str, Any], stale: bool) -> str:
    """Return a sentence on which code made a run, and where the numerics have changed since."""
    module = module_of(run["settings"]["method"])
    commit = sources().get(run["source_hash"], {}).get("commit", run["commit"])
    made = f"made by commit {commit}" if commit else "made outside a Git checkout"
    if not stale:
        return f"{made}; the numerics have not changed since"
    if not commit or own_texts(*code_of(run)):
        return f"{made}; the numerics have changed since"
    tree = tree_at(commit)
    if tree is None:
        return f"cannot be compared: commit {commit} is not in this clone"
    if tree_hash(tree, module) != hash_of(run):
        return f"made from uncommitted changes to commit {commit}; the numerics have changed since"
    files = ", ".join(changed(tree, here(), module))
    return f"{made}; the numerics have changed since in {files}"


@cache
def tree_at(commit: str) -> Tree | None:
    """Return our packages as of a commit, or None if this clone lacks it."""
    listed = git("ls-tree", "--name-only", commit, "--", *PACKAGES)
    if listed is None:
        return None
    packed = git("archive", "--format=tar", commit, "--", *listed.decode().split())
    assert packed is not None
    texts = {}
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".py") else None
            if file is not None:
                texts[member.name] = file.read().decode("utf-8")
    return Tree(texts)


def git(*arguments: str) -> bytes | None:
    """Return the output of a git command in this repository; None if it fails or git is absent."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout

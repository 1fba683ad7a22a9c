"""Write results/published/sources.json: which commit has the code of each published run.

Run `python benchmarks/published_sources.py` in a clone with the full history. Runs made before
bench.records.source_hash carry a sha256 over the bytes of the method's files and of the modules
listed as NUMERICS in bench/records.py. That hash is computed here for each commit; a commit with a
run's hash is its source, even where run.json says that files were not committed yet.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.files import read_json, write_json
from bench.records.provenance import SOURCES, git, tree_at
from bench.records.source_hash import Tree, module_of, tree_hash


def byte_hash(texts: Mapping[str, str], module: str) -> str | None:
    """Return the old hash of a method from a commit's files, or None if they have none."""
    listed = next(
        (
            node.value
            for node in ast.parse(texts.get("bench/records.py", "")).body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "NUMERICS"
        ),
        None,
    )
    if listed is None or file_of(module) not in texts:
        return None
    values = [n.value for n in ast.walk(listed) if isinstance(n, ast.Constant)]
    strings = [value for value in values if isinstance(value, str)]
    files = {f"bench/{name}.py" for name in strings} | method_files(texts, module)
    digest = hashlib.sha256()
    for name, file in sorted(("/".join(Path(file).parts[-2:]), file) for file in files):
        digest.update(f"{name}{texts[file]}".encode())
    return digest.hexdigest()


def file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def method_files(texts: Mapping[str, str], module: str) -> set[str]:
    """Return a method's file and those of its own package that it imports."""
    package = module.partition(".")[0]
    found = {file_of(module)}
    for node in ast.walk(ast.parse(texts[file_of(module)])):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == package:
                for alias in node.names:
                    found |= method_files(texts, f"{package}.{alias.name}")
            elif node.module.startswith(f"{package}."):
                found |= method_files(texts, node.module)
    return found


def find(runs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the entries of sources.json for the contents of run.json files.

    For a hash found in several commits, this is the commit of a run, or else the first commit.
    Runs whose hash is the source hash of their own commit need no entry. Exits if no commit has
    a hash.
    """
    made_at: dict[tuple[str, str], set[str]] = defaultdict(set)  # hash, module -> commits
    for run in runs:
        made_at[run["source_hash"], module_of(run["settings"]["method"])].add(run["commit"])
    with_bytes: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    history = (git("rev-list", "--topo-order", "--reverse", "HEAD") or b"").decode().split()
    for commit in history:
        for module in {module for _, module in made_at}:
            with_bytes[byte_hash(tree(commit).texts, module), module].append(commit)
    entries, missing = {}, []
    for (recorded, module), commits in sorted(made_at.items()):
        found = with_bytes.get((recorded, module), [])
        if found:
            commit = next((c for c in found if c in commits), found[0])
            code = tree_hash(tree(commit), module)
            entries[recorded] = {"commit": commit, "module": module, "source_hash": code}
        elif recorded not in {tree_hash(tree(c), module) for c in commits if c in history}:
            missing.append(f"{recorded} ({module})")
    if missing:
        sys.exit(f"no commit of this clone has the code of {', '.join(missing)}; fetch the history")
    return entries


def tree(commit: str) -> Tree:
    """Return our packages at a commit of this clone."""
    found = tree_at(commit)
    assert found is not None, commit
    return found


if __name__ == "__main__":
    runs = [read_json(path) for path in sorted(SOURCES.parent.rglob("run.json"))]
    entries = find(runs)
    write_json(SOURCES, entries)
    print(f"{SOURCES}: {len(entries)} hashes of {len(runs)} runs")

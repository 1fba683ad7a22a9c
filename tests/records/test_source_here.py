"""Which of this project's code is in the source hash."""

from __future__ import annotations

import ast
import re

import pytest
from helpers.paths import ROOT

from bench.config.registry import METHODS, VARIANTS
from bench.records.source_hash import LIBRARIES, Tree, here, source_hash, tree_hash

# Modules that a run refers to and that decide no number: why each is not in the hash.
LEFT_OUT = {
    "bench.config.executors": "says how updates are executed, which a run records",
    "bench.config.registry": "lists the methods: a new one changes no other",
    "bench.config.validation": "checks settings, which a run records",
    "bench.errors": "writes messages",
    "bench.files": "writes files",
    "bench.paths": "names files",
    "bench.progress": "shows how far the job is",
    "bench.records.machine": "describes the machine",
    "bench.records.seals": "sums what a run wrote",
    "bench.records.stored_run": "reads what a run wrote",
    "bench.training.energy": "measures the machine",
    "bench.training.recording.lines": "names the lines of a method",
    "bench.training.products.machine_cache": "keeps what was measured, which a run records",
    "bench.training.job_process": "stops and locks the job",
    "bench.training.kept_hash": "is the hash, which a run records",
}


def test_the_modules_that_are_left_out_are_these() -> None:
    """A new one must either compute, or have its reason in LEFT_OUT."""
    tree = here()
    reached = [s for entry in METHODS.values() for s in tree.reached(entry.module)]
    used = {tree.own(reference)[0] for s in reached for reference in s.references}
    assert used - {s.module for s in reached} == set(LEFT_OUT)
    for name in LEFT_OUT:
        assert not tree.module(name).libraries & LIBRARIES


def test_other_layout_and_no_comments_give_the_same_hash() -> None:
    tree = Tree({file: ast.unparse(ast.parse(text)) for file, text in here().texts.items()})
    assert tree.texts != here().texts
    for method in ("iql", "cal_ql", "ppo"):
        assert tree_hash(tree, METHODS[method].module) == source_hash(method)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("iql/iql.py", {"iql", *VARIANTS}),
        ("iql/variants/joint.py", {"iql_joint"}),
        ("baselines/bc10.py", {"bc10"}),
        ("baselines/bc.py", {"bc", "bc10"}),  # 10%BC is BC on fewer rows
    ],
)
def test_which_methods_a_changed_file_makes_stale(file: str, expected: set[str]) -> None:
    text = here().texts[file].replace("    return ", "    return not ")
    tree = Tree({**here().texts, file: text})
    changed = next(name for name, path in tree.files.items() if path == file)
    tree.modules = {n: here().module(n) for n in tree.files if n != changed}  # parsed once
    assert {m for m in METHODS if tree_hash(tree, METHODS[m].module) != source_hash(m)} == expected


def test_every_environment_of_a_task_is_in_the_hash() -> None:
    rows = (ROOT / "config/tasks.tsv").read_text()
    named = set(re.findall(r"\b(bench\.\w+):", rows))
    assert "bench.maze" in named
    reached = {s.module for s in here().reached(METHODS["iql"].module)}
    for name in named:  # an entry module, which imports the one that registers
        assert here().module(name).imports <= reached

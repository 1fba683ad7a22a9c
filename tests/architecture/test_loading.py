"""Nothing that is loaded can execute code."""

from __future__ import annotations

import ast

import pytest
from helpers.code import FILES, TESTS, found_in, tree

UNSAFE_MODULES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
UNSAFE_CALLS = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "torch.load", "os.system"}
UNSAFE_OPTIONS = {("allow_pickle", True), ("weights_only", False), ("shell", True)}


def unsafe(module: ast.Module) -> list[str]:
    """What in a file could execute what it loads."""
    found: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
            found += sorted(names & UNSAFE_MODULES)
        elif isinstance(node, ast.ImportFrom):
            found += sorted({(node.module or "").split(".")[0]} & UNSAFE_MODULES)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            options = {
                (k.arg, k.value.value) for k in node.keywords if isinstance(k.value, ast.Constant)
            }
            safe = called == "torch.load" and ("weights_only", True) in options
            if called in UNSAFE_CALLS and not safe:
                found.append(called)
            found += [f"{name}={value}" for name, value in options & UNSAFE_OPTIONS]
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import pickle", ["pickle"]),
        ("from pickle import load", ["pickle"]),
        ("np.load(p, allow_pickle=True)", ["allow_pickle=True"]),
        ("torch.load(p)", ["torch.load"]),
        ("torch.load(p, weights_only=False)", ["torch.load", "weights_only=False"]),
        ("torch.load(p, weights_only=True); np.load(p, allow_pickle=False)", []),
        ("yaml.load(t); yaml.safe_load(t)", ["yaml.load"]),
    ],
)
def test_unsafe_loading_would_be_found(source: str, expected: list[str]) -> None:
    assert unsafe(ast.parse(source)) == expected


def test_nothing_that_is_loaded_can_execute() -> None:
    assert found_in((*FILES, *TESTS), lambda path: unsafe(tree(path))) == {}

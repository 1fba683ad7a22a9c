"""The tests themselves: no file needs another, and nothing shadows the helpers that they share."""

from __future__ import annotations

import ast
from pathlib import Path

import helpers
import pytest
from helpers.code import TESTS, found_in, label, tree
from helpers.paths import TESTS as FOLDER


def imported(module: ast.Module) -> set[str]:
    """All parts of all dotted names that are imported."""
    names: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [node.module or "", *(alias.name for alias in node.names)]
    return {part for name in names for part in name.split(".")}


def test_no_file_imports_a_test_module() -> None:
    modules = {p.stem for p in TESTS if p.stem.startswith("test_")} | {"conftest"}
    found = found_in(TESTS, lambda path: imported(tree(path)) & modules)
    assert found == {}, "move what is shared to tests/helpers"


def test_imports_of_every_form_are_seen() -> None:
    source = "import a.test_b as c\ndef f():\n    from test_d import e\n    from g import test_h\n"
    assert {"test_b", "test_d", "test_h"} <= imported(ast.parse(source))


def test_helpers_alone_is_a_package() -> None:
    """`tests` is on the path: a package tests/statistics would hide Python's own."""
    packages = {p.parent.relative_to(FOLDER).parts[0] for p in FOLDER.rglob("__init__.py")}
    assert packages == {"helpers"}
    assert Path(helpers.__file__).parent == FOLDER / "helpers"


HELPERS = sorted((FOLDER / "helpers").rglob("*.py"))


@pytest.mark.parametrize("path", HELPERS, ids=label)
def test_a_helper_says_in_a_sentence_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text()))
    assert text, "write a docstring"
    assert text.partition("\n\n")[0].endswith(".")

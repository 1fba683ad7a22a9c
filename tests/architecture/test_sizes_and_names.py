"""Files of one screenful of purpose, and names that mean one thing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from helpers.code import FILES, RULES, TESTS, label


@pytest.mark.parametrize("path", [*FILES, *RULES, *TESTS], ids=label)
def test_a_file_is_at_most_300_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


def identifiers(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def test_identifiers_sees_every_kind_of_name(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import a as b\ndef c(d, *, e=1):\n    f = g.h(i=j)\nclass K: pass\n")
    assert identifiers(path) == {*"abcdefghij", "K"}


@pytest.mark.parametrize("path", FILES, ids=label)
def test_no_name_is_tau(path: Path) -> None:
    """The paper's letter means an expectile here and a soft update there."""
    assert not [n for n in identifiers(path) if "tau" in n.lower().split("_")]


def test_no_rule_says_tau() -> None:
    for path in RULES:
        assert not re.search(r"\btau\b", path.read_text()), label(path)

"""Files of one screenful of purpose, and names that mean one thing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from helpers.code import FILES, RULES, TESTS, found_in, label, tree


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_files_are_at_most_300_lines() -> None:
    assert {label(p): lines(p) for p in (*FILES, *RULES, *TESTS) if lines(p) > 300} == {}


def identifiers(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        for field in ("id", "attr", "arg", "name", "asname"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                found.add(value)
    return found


def test_identifiers_sees_every_kind_of_name(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import a as b\ndef c(d, *, e=1):\n    f = g.h(i=j)\nclass K: pass\n")
    assert identifiers(path) == {*"abcdefghij", "K"}
    path = tmp_path / "y.py"
    path.write_text("soft_tau = status\n")
    assert taus(path) == ["soft_tau"]


def taus(path: Path) -> list[str]:
    return [name for name in identifiers(path) if "tau" in name.lower().split("_")]


def test_no_name_is_tau() -> None:
    """The paper's letter means an expectile here and a soft update there."""
    assert found_in(FILES, taus) == {}


def test_no_rule_says_tau() -> None:
    for path in RULES:
        assert not re.search(r"\btau\b", path.read_text()), label(path)

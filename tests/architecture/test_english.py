"""Code and documentation avoid archaic words and "a row a task" for "one row per task"."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers.code import FILES, RULES, TESTS, found_in
from helpers.paths import ROOT

# Each has a plain replacement: fix, from where, so, of it, in it, to it, until now, at once.
ARCHAIC = (
    *("mend", "mends", "mended", "mending", "whence", "thence", "hitherto", "henceforth"),
    *("hereby", "herein", "hereto", "thereby", "therein", "thereof", "thereto", "thereupon"),
    *("whereby", "wherein", "whereof", "whereupon", "forthwith", "albeit", "of one's own"),
)
COUNTED = "row line column curve page panel figure table file folder cell part run seed test"
WORDS = re.compile(rf"\b(?:{'|'.join(ARCHAIC)})\b", re.IGNORECASE)
PER = re.compile(rf"\b(?:a|an|one) (?:{'|'.join(COUNTED.split())}) an? \w+", re.IGNORECASE)

TEXTS = [
    *FILES,
    *RULES,
    *(path for path in TESTS if path != Path(__file__)),
    *sorted((ROOT / "benchmarks").rglob("*.py")),
    *sorted(p for p in (ROOT / "docs").rglob("*") if p.suffix in (".md", ".py")),
    *sorted(p for p in (ROOT / "config").rglob("*") if p.suffix in (".md", ".yaml", ".tsv")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Makefile", "pyproject.toml")),
]


def odd(text: str) -> list[str]:
    """The phrases of a text that a native writer would not use, across line breaks."""
    flat = " ".join(text.split())
    return [found[0] for pattern in (WORDS, PER) for found in pattern.finditer(flat)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mend that line.", ["Mend"]),
        ("its own name,\nwhence the rule", ["whence"]),
        ("a user's data, not a file of\none's own", ["of one's own"]),
        ("Write a row a task and one curve\na seed.", ["a row a task", "one curve a seed"]),
        ("We recommend an amended whole, hence a fix.", []),
        ("One row per task; a run as a whole; a test that a seed fails.", []),
    ],
)
def test_odd_phrases_would_be_found(text: str, expected: list[str]) -> None:
    assert odd(text) == expected


def test_files_are_written_in_plain_english() -> None:
    assert found_in(TEXTS, lambda path: odd(path.read_text(encoding="utf-8"))) == {}

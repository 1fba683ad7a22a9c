"""The table of what may stand in `update`, row by row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from helpers import scratch_methods
from helpers.pages import ROOT
from helpers.scratch_methods import engine, rows

PAGE = (ROOT / "docs/your-project.md").read_text()
ROWS = re.findall(r"^\| `([^`]+)` \| (yes|no) \|", PAGE, re.MULTILINE)


def test_the_table_has_both_kinds() -> None:
    assert {answer for _, answer in ROWS} == {"yes", "no"}


@pytest.mark.parametrize(("code", "answer"), ROWS)
def test_a_row(code: str, answer: str, tmp_path: Path) -> None:
    mark = scratch_methods.MARK
    method, line = scratch_methods.write(tmp_path / "scratch_row.py", f"{code}  {mark}")
    made = engine(method, "recorded")
    for n in range(6):
        made(rows(n))
    assert made.executor == ("recorded" if answer == "yes" else "eager")
    assert (f"scratch_row.py:{line}: " in made.reason) == (answer == "no")

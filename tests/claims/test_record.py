"""Verdicts of the published record: their file, and that they stay beside ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.claims import assess, mazes

from bench.claims import record
from bench.claims.entries import lines
from bench.errors import BenchError

ENTRY = {
    "id": "made-up",
    "verdict": "not reproduced",
    "wording": "1.4 times in two codes",
    "measured": 1.4,
    "ci": [1.0, 1.8],
    "reason": "depends on the baseline's recipe",
    "sources": ["corl", "other"],
    "seeds": 14,
}


def stored(folder: Path, *entries: Any) -> Path:
    path = folder / "verdicts.json"
    path.write_text(json.dumps(list(entries)))
    return path


def test_both_verdicts_are_shown_and_neither_changes_the_other(tmp_path: Path) -> None:
    ours = assess(cells=mazes(60, 15))
    published = record.read(["made-up"], stored(tmp_path, ENTRY))
    (line,) = lines([ours], published)
    assert line == ("made-up: reproduced; published record: not reproduced, 1.4 times in two codes")
    assert lines([ours], {}) == ["made-up: reproduced"]
    assert "record" not in json.dumps(ours)


def test_no_file_is_no_verdict(tmp_path: Path) -> None:
    assert record.read(["made-up"], tmp_path / "verdicts.json") == {}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": "made-upp"}, "unknown claim 'made-upp'"),
        ({"verdict": "not run"}, "verdict"),
        ({"sources": []}, "sources"),
        ({"ci": [2.0, 1.0]}, "the lower end is above the upper one"),
        ({"measured": None}, "a decided verdict needs its number"),
        ({"weight": 3}, "unknown key 'weight'"),
    ],
)
def test_a_malformed_verdict_is_refused(
    tmp_path: Path, change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(BenchError) as caught:
        record.read(["made-up"], stored(tmp_path, ENTRY | change))
    assert expected in str(caught.value)
    assert "verdicts.json" in str(caught.value)


def test_two_verdicts_on_one_claim_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="given twice"):
        record.read(["made-up"], stored(tmp_path, ENTRY, ENTRY))
    (tmp_path / "verdicts.json").write_text("{}")
    with pytest.raises(BenchError, match="expected a JSON list"):
        record.read(["made-up"], tmp_path / "verdicts.json")

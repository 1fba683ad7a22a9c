"""The entries of claims.json as a reader needs them: checked, and as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.claims.record import RecordVerdict
from bench.claims.words import first
from bench.errors import BenchError
from bench.files import read_json_list

MEASURED = ("published", "measured", "ci", "verdict", "reason")  # also keys of a part
WHOLE = (*MEASURED, "needed", "binding", "parts")
KEYS = (
    *("id", "statement", "source", "refuted_by", "test", "remark", "decided_by", "protocol"),
    *("basis", "unit", *WHOLE, "elsewhere"),
)


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Read the entries of claims.json; raise BenchError naming a missing key."""
    entries = read_json_list(path)
    for entry in entries:
        _check(entry, KEYS, path)
        elsewhere = entry["elsewhere"]
        _check(elsewhere or entry, (*WHOLE, *(["differs"] if elsewhere else [])), path)
        for part in (elsewhere or entry)["parts"]:
            _check(part, (*MEASURED, "part", "tasks", "methods"), path)
    return entries


def _check(content: Mapping[str, Any], keys: Sequence[str], path: Path) -> None:
    for key in keys:
        if key not in content:
            raise BenchError(f"{path}: the key '{key}' is missing; delete it and run again.")


def lines(entries: Sequence[Mapping[str, Any]], record: Mapping[str, RecordVerdict]) -> list[str]:
    """Return one line per claim, for the command line, with the published record's verdict."""
    result = []
    for entry in entries:
        text = f"{entry['id']}: {entry['verdict']}"
        if entry["elsewhere"]:
            there = entry["elsewhere"]
            text += f" ({first(there['differs'])}: {there['verdict']})"
        elif entry["reason"]:
            text += f" ({entry['reason']})"
        if entry["id"] in record:
            found = record[entry["id"]]
            text += f"; published record: {found.verdict}, {found.wording}"
        result.append(text)
    return result

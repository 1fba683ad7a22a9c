"""Seals: the rows and SHA-256 of every file of a finished run, and the SHA-256 of its record.

run.json ends with `files`, one entry per file of the run, and `seal`, the sum of all that precedes
it. A line of runs.jsonl has the same two keys for the rows that were packed with it. Seals find
what was changed by accident or by hand; they do not stop someone who also recomputes them, which
is why results are re-derived, and why the history of git is the last resort.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.files import SEAL, broken, decode_json, digest
from bench.paths import CHECKPOINT, EPISODES, EVALUATIONS, METRICS, POLICY

FILES = "files"
OF_A_RUN = (EVALUATIONS, METRICS, EPISODES, POLICY, CHECKPOINT)
SPARED = (CHECKPOINT,)  # a finished run no longer needs it, so it may be deleted
Sum = Mapping[str, Any]  # sha256 and, for a CSV, rows below the header


def sum_of(name: str, content: bytes) -> dict[str, Any]:
    """Return the rows, if it is a CSV, and the SHA-256 of the content of the file `name`."""
    rows = {"rows": max(content.count(b"\n") - 1, 0)} if name.endswith(".csv") else {}
    return {**rows, "sha256": digest(content)}


def sums(folder: Path, names: Iterable[str] = OF_A_RUN) -> dict[str, dict[str, Any]]:
    """Return the sums of those of the files `names` that `folder` has."""
    paths = [folder / name for name in names]
    return {path.name: sum_of(path.name, path.read_bytes()) for path in paths if path.exists()}


def problem(text: str, read: Callable[[str], bytes], indent: int | None = None) -> str | None:
    """Return the first difference between a run and its seal, or None if there is none.

    `text` is the record as stored, JSON with `files` and `seal`, written with `indent`; `read`
    returns the content of one of the files and raises OSError where it cannot.
    """
    try:
        content = decode_json(text)
        found = dict(content[FILES]) if SEAL in content else {}
    except (ValueError, KeyError, TypeError) as error:
        return f"record: not a sealed record ({type(error).__name__}: {error})"
    if why := broken(content):
        return f"record: {why}"
    # The same content in other bytes is not what the run wrote.
    if json.dumps(content, indent=indent) != text.removesuffix("\n"):
        return "record: differs from its seal in spelling"
    for name, expected in found.items():
        try:
            actual = sum_of(name, read(name))
        except FileNotFoundError:
            if name not in SPARED:
                return f"{name}: is missing"
            continue
        except OSError as error:
            return f"{name}: cannot be read ({error})"
        if actual != expected:
            return f"{name}: {_difference(actual, expected)}"
    return None


def _difference(actual: Sum, expected: Sum) -> str:
    if actual.get("rows") != expected.get("rows"):
        return f"{actual.get('rows')} rows, but its seal is of {expected.get('rows')}"
    return "differs from its seal"

"""Whether results are what their episodes give: seals, sums, and files derived again.

Each finding is a sentence that names the file, the run or the row, the field, and the remedy.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.paths import (
    AGGREGATE,
    CLAIMS,
    EFFECTS,
    FINETUNE,
    SCORES,
    SUMMARY,
    TRACE,
    SuiteFolder,
)
from bench.publishing import derived, pages, sums
from bench.records.layouts import Results, open_results
from bench.records.packed import RECORDS
from bench.records.sealed_tensors import problem as tensor_problem

AGAIN = "run `python -m bench statistics` and `python -m bench claims`"
PACKED = "restore it from git, or run `python -m bench publish --rederive`"

# From the episodes on: the first difference explains those after it.
ORDER = (SCORES, SUMMARY, AGGREGATE, EFFECTS, FINETUNE, CLAIMS)


def published(root: Path, catalogue: Catalogue) -> Iterator[tuple[str, list[str]]]:
    """Yield name and findings of each folder of published results, of all sums, and of the pages.

    The last are the README and the documentation, which quote these results.
    """
    yield from suites(sorted(path for path in root.iterdir() if path.is_dir()), catalogue)
    yield str(root), sums.differences(root)
    yield "README.md and docs/", pages.findings()


def suites(folders: Iterable[Path], catalogue: Catalogue) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the findings of each folder, and of the folders of results in it."""
    for folder in folders:
        yield from suites(sorted(p.parent for p in folder.glob(f"*/{sums.SUMS}")), catalogue)
        yield str(folder), suite(folder, catalogue)


def suite(folder: Path, catalogue: Catalogue) -> list[str]:
    """Return the findings in a folder: a suite's results, live or packed, or measurements."""
    packed = (folder / RECORDS).exists()
    live = any(folder.glob("runs/*/*/*"))
    if not packed and not live and not (folder / sums.SUMS).exists():
        return [f"{folder}: no results; name a suite in results/, or a folder of results."]
    found = sums.differences(folder) if packed or not live else []
    if not packed and not live:
        return found
    try:
        return [*checked(folder, catalogue)[1], *found]
    except BenchError as error:
        return [str(error), *found]


def checked(folder: Path, catalogue: Catalogue) -> tuple[Results, list[str]]:
    """Return a suite's results and the findings in them; raise BenchError if unreadable."""
    results = open_results(folder)
    return results, [*results.refused.values(), *_beside(results), *_tables(results, catalogue)]


def _beside(results: Results) -> list[str]:
    """Return what is wrong with dataset cards, and with what was made from a run after its end."""
    found = []
    if results.packed:
        cards = results.cards()
        for run in results.verified.values():
            record = run.record()
            task = record["settings"]["task"]["task"]
            card = cards.get(task)
            known = card.get("hash") if isinstance(card, dict) else None
            if known is None or known != record.get("dataset_hash"):
                found.append(
                    f"{run.place}: dataset_hash: differs from the card of {task}; {run.remedy}."
                )
    for path in sorted(results.folder.glob(f"runs/*/*/*/{TRACE}")):
        if why := tensor_problem(path):
            found.append(f"{path}: {why}; delete it and run `python -m bench trace {path.parent}`.")
    return found


def _tables(results: Results, catalogue: Catalogue) -> list[str]:
    """Return how the suite's own files differ from those that its episodes give."""
    folder = results.folder
    chosen = derived.suite_of(folder, catalogue)
    # Of a packed suite all runs, to find the row that was changed; of a live one those from which
    # `statistics` derives them.
    runs = derived.chosen(chosen, results.runs if results.packed else results.verified)
    found = [
        f"{run.place}: is of no cell of {SuiteFolder(folder).suite}; remove it."
        for name, run in results.runs.items()
        if results.packed and run not in runs
    ]
    with tempfile.TemporaryDirectory() as scratch:
        again = Path(scratch)
        derived.write_tables(chosen, runs, catalogue, again)
        if SuiteFolder(folder).claims.exists():
            derived.write_claims(chosen, results, runs, catalogue, again)
        return [*found, *differences(results, again)]


def check_scores(results: Results, suite: Suite, catalogue: Catalogue) -> None:
    """Raise BenchError unless scores.csv and summary.csv are those of the verified runs."""
    with tempfile.TemporaryDirectory() as scratch:
        runs = derived.chosen(suite, results.verified)
        derived.write_scores(suite, runs, catalogue, Path(scratch))
        for finding in differences(results, Path(scratch)):
            raise BenchError(finding)


def differences(results: Results, again: Path) -> list[str]:
    """Return how a suite's files differ from those that were derived in the folder `again`."""
    found = []
    remedy = PACKED if results.packed else AGAIN
    for made in (again / name for name in ORDER if (again / name).exists()):
        path = results.folder / made.name
        if not path.exists():
            found.append(f"{path}: file not found; {remedy}.")
        elif path.read_bytes() != made.read_bytes():
            where = difference(path.read_bytes(), made.read_bytes(), path.suffix)
            found.append(f"{path}{where}; {remedy}.")
    return found


def difference(found: bytes, expected: bytes, suffix: str) -> str:
    """Return the place of the first difference of two CSV or JSON files, and both values."""
    try:
        pair = found.decode(), expected.decode()
        text = _row(*pair) if suffix == ".csv" else _item(*map(json.loads, pair))
    except (ValueError, csv.Error) as error:
        return f": is damaged ({error})"
    return text or ": differs in spelling from what the episodes give"


def _row(found: str, expected: str) -> str | None:
    mine, theirs = (list(csv.reader(io.StringIO(text))) for text in (found, expected))
    header = theirs[0] if theirs else []
    for line, (row, other) in enumerate(itertools.zip_longest(mine, theirs), start=1):
        if row == other:
            continue
        if row is None or other is None or len(row) != len(other):
            text = "is damaged" if row and other else f"{len(mine)} lines, not {len(theirs)}"
            return f", line {line}: {text}"
        at = next(i for i, (a, b) in enumerate(zip(row, other, strict=True)) if a != b)
        key = ", ".join(other[:at][:3])
        name = header[at] if at < len(header) else "?"
        return f", line {line} ({key}), {name}: {row[at]}, but the episodes give {other[at]}"
    return None


def _item(found: Any, expected: Any, place: str = "") -> str | None:
    """Return the first difference of two values of JSON, named by keys, or by `id` in a list."""
    if isinstance(found, dict) and isinstance(expected, dict) and list(found) == list(expected):
        parts = [(f"{place}, {key}", found[key], expected[key]) for key in expected]
    elif isinstance(found, list) and isinstance(expected, list) and len(found) == len(expected):
        names = [e.get("id", i) if isinstance(e, dict) else i for i, e in enumerate(expected)]
        parts = [
            (f"{place}, {name}", a, b) for name, a, b in zip(names, found, expected, strict=True)
        ]
    else:
        same = found == expected and type(found) is type(expected)
        return (
            None if same else f"{place}: {_short(found)}, but the episodes give {_short(expected)}"
        )
    return next((text for name, a, b in parts if (text := _item(a, b, name))), None)


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."

"""Runs as published: one line per run, and one file for the rows of all; see records.layouts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.files import SEAL, broken, decode_json
from bench.paths import EVALUATIONS
from bench.records import seals
from bench.records.stored_run import FILES, Content

RECORDS, CARDS = "runs.jsonl", "cards.json"
KEY = ("method", "task", "seeds")
RESTORE = "restore the file from git, or pack the suite again"


@dataclass(frozen=True)
class PackedRun:
    """A run on one line of runs.jsonl; `files` holds its rows of each file, header first."""

    folder: Path
    name: str
    line: int
    text: str
    content: dict[str, Any]
    files: dict[str, list[list[str]]] = field(default_factory=dict)
    remedy: str = RESTORE

    @property
    def place(self) -> str:
        return f"{self.folder / RECORDS}, line {self.line}"

    @property
    def record_at(self) -> str:
        return self.place

    def record(self) -> dict[str, Any]:
        return self.content

    def rows_at(self, file: str) -> str:
        return f"{self.folder / file}, rows {self.name.replace('/', ',')}"

    def has(self, file: str) -> bool:
        return file in self.files

    def read(self, file: str) -> Content:
        if not self.has(file):
            raise BenchError(f"{self.folder / file}: file not found; {RESTORE}.")
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.files[file])
        return Content(text.getvalue(), self.rows_at(file), RESTORE)

    def problem(self) -> str | None:
        found = seals.problem(self.text, self._packed)
        if found is None and SEAL in self.content:  # older runs have none of their own
            found = broken(self.content)
            return found and f"record: {found}"
        return found

    def _packed(self, file: str) -> bytes:
        if not self.has(file):
            raise FileNotFoundError(file)
        return self.read(file).text.encode()


def read_packed(folder: Path) -> Iterator[PackedRun]:
    """Yield the runs of a packed suite; raise BenchError naming the line that is malformed."""
    runs = _read_records(folder)
    for file in FILES:
        if file == EVALUATIONS or (folder / file).exists():
            _read_rows(folder / file, runs)
    for run in runs.values():
        # A run may end before its first evaluation if all its seeds diverge.
        if len(run.files[EVALUATIONS]) == 1 and run.content.get("status") != "diverged":
            raise BenchError(f"{run.place}: {run.name} has no rows in {EVALUATIONS}; {RESTORE}.")
        yield run


def _read_records(folder: Path) -> dict[str, PackedRun]:
    path, runs = folder / RECORDS, dict[str, PackedRun]()
    for number, line in enumerate(_packed_text(path).splitlines(), start=1):
        try:
            entry = decode_json(line)
            name, record = entry["run"], entry["record"]
            if name.count("/") != 2 or not isinstance(record, dict):
                raise ValueError("run is not METHOD/TASK/SEEDS, or record is not an object")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BenchError(
                f"{path}, line {number}: not a run's name and record ({error}); {RESTORE}."
            ) from None
        if name in runs:
            raise BenchError(
                f"{path}, line {number}: {name} is also on line {runs[name].line}; "
                "remove one of the two lines."
            )
        runs[name] = PackedRun(folder, name, number, line, record)
    return runs


def _read_rows(path: Path, runs: dict[str, PackedRun]) -> None:
    """Add the rows of one packed file to the runs to which they belong."""
    reader = csv.reader(io.StringIO(_packed_text(path)))
    header = next(reader, [])
    for column in KEY:
        if column not in header[: len(KEY)]:
            raise BenchError(f"{path}, line 1: the column '{column}' is missing; {RESTORE}.")
    for run in runs.values():
        run.files[path.name] = [header[len(KEY) :]]
    for row in reader:
        where, name = f"{path}, line {reader.line_num}", "/".join(row[: len(KEY)])
        if len(row) != len(header):
            raise BenchError(f"{where}: {len(row)} cells, not {len(header)}; {RESTORE}.")
        if name not in runs:
            raise BenchError(f"{where}: {name} has no record in {RECORDS}; {RESTORE}.")
        runs[name].files[path.name].append(row[len(KEY) :])


def read_cards(path: Path) -> dict[str, dict[str, Any]]:
    """Return the cards by task; raise BenchError if the file is malformed."""
    try:
        cards = decode_json(_packed_text(path))
    except ValueError as error:
        raise BenchError(f"{path}: not valid JSON ({error}); {RESTORE}.") from None
    if not isinstance(cards, dict):
        raise BenchError(f"{path}: expected an object of cards by task; {RESTORE}.")
    return cards


def _packed_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; {RESTORE}.") from None
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: not text ({error}); {RESTORE}.") from None

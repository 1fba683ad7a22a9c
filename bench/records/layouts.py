"""A suite's runs and dataset cards, in either layout in which results are stored.

Live, as training leaves them, with `FILES` next to each run.json:
    results/SUITE/runs/METHOD/TASK/SEEDS/run.json
    data/transitions/DATASET/card.json

Packed, as results are published:
    runs.jsonl   one line per run: {"run": "METHOD/TASK/SEEDS", "record": its run.json}
    FILES        the rows of all runs, preceded by the columns method, task, seeds
    cards.json   task -> card.json
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.config.task import transitions_of
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import EPISODES, EVALUATIONS, METRICS, RECORD, RUNS, RunFolder, card_of

RECORDS, CARDS = "runs.jsonl", "cards.json"
FILES = (EVALUATIONS, EPISODES, METRICS)
KEY = ("method", "task", "seeds")
RESTORE = "restore the file from git, or pack the suite again"


@dataclass(frozen=True)
class Content:
    """The text of a run's file, with the location and the remedy to name in errors."""

    text: str
    place: str
    remedy: str

    def error(self, problem: str) -> BenchError:
        """Return an error that names the file, the problem and the remedy."""
        return BenchError(f"{self.place}: {problem}; {self.remedy}.")


class StoredRun(Protocol):
    """One finished run."""

    @property
    def name(self) -> str:
        """METHOD/TASK/SEEDS."""

    @property
    def place(self) -> str:
        """The run's folder, or its file and line."""

    @property
    def record_at(self) -> str:
        """The location of the content of its run.json."""

    @property
    def remedy(self) -> str:
        """How to fix a damaged record."""

    def record(self) -> dict[str, Any]:
        """Return the content of its run.json; raise BenchError if it cannot be read."""

    def rows_at(self, file: str) -> str:
        """Return the location of the rows of one of FILES."""

    def has(self, file: str) -> bool:
        """Return whether one of FILES exists."""

    def read(self, file: str) -> Content:
        """Return one of FILES as the run wrote it; raise BenchError if it cannot be read."""


@dataclass(frozen=True)
class FolderRun:
    """A run in its own folder."""

    folder: Path
    remedy: str = "delete the file and run again"

    @property
    def name(self) -> str:
        return "/".join(self.folder.parts[-3:])

    @property
    def place(self) -> str:
        return str(self.folder)

    @property
    def record_at(self) -> str:
        return str(RunFolder(self.folder).record)

    def record(self) -> dict[str, Any]:
        return read_json(RunFolder(self.folder).record)

    def rows_at(self, file: str) -> str:
        return str(self.folder / file)

    def has(self, file: str) -> bool:
        return (self.folder / file).exists()

    def read(self, file: str) -> Content:
        return read_content(self.folder / file)


@dataclass(frozen=True)
class PackedRun:
    """A run on one line of runs.jsonl; `files` holds its rows of each file, header first."""

    folder: Path
    name: str
    line: int
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


@dataclass(frozen=True)
class Results:
    """A suite's runs by name, in order of method, task and seeds."""

    folder: Path
    runs: dict[str, StoredRun]
    packed: bool

    def place(self, name: str) -> str:
        """Return the location of the run of this name, whether or not it exists."""
        if name in self.runs:
            return self.runs[name].place
        return f"{self.folder / RECORDS}, {name}" if self.packed else str(self.folder / RUNS / name)

    def changed(self) -> float:
        """Return when a record was last written, in seconds since the epoch; 0 without runs."""
        paths = {Path(run.record_at.partition(", line ")[0]) for run in self.runs.values()}
        return max((path.stat().st_mtime for path in paths), default=0.0)

    def cards(self) -> dict[str, dict[str, Any]]:
        """Return the cards of the runs' datasets by task; raise BenchError if one is missing."""
        if self.packed:
            return _read_cards(self.folder / CARDS)
        paths = {}
        for run in self.runs.values():
            task = run.record()["settings"]["task"]
            folder = transitions_of(task["dataset"], task.get("reading", "full"))
            paths[task["task"]] = card_of(folder)
        return {task: read_json(path) for task, path in sorted(paths.items())}


def open_results(folder: Path) -> Results:
    """Return a suite's runs in `folder`, such as results/quick or results/published/quick.

    A folder without runs gives empty results. Packed files are read at once and raise BenchError
    if malformed; a live run's files are read on demand.
    """
    live = [FolderRun(path.parent) for path in folder.glob(f"{RUNS}/*/*/*/{RECORD}")]
    packed = (folder / RECORDS).exists()
    if live and packed:
        raise BenchError(f"{folder}: has both {RECORDS} and {RUNS}/; remove one of them.")
    runs: Sequence[StoredRun] = list(_read_packed(folder)) if packed else live
    ordered = sorted(runs, key=lambda run: run.name.split("/"))
    return Results(folder, {run.name: run for run in ordered}, packed)


def read_content(path: Path) -> Content:
    """Read a file that can be regenerated; raise BenchError if it cannot be read."""
    remedy = "delete it and run again"
    try:
        return Content(path.read_text(encoding="utf-8"), str(path), remedy)
    except FileNotFoundError:
        raise BenchError(f"{path}: file not found; run the step that writes it.") from None
    except UnicodeDecodeError as error:
        raise BenchError(f"{path}: not a text file ({error}); {remedy}.") from None


def _read_packed(folder: Path) -> Iterator[PackedRun]:
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
            entry = json.loads(line)
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
        runs[name] = PackedRun(folder, name, number, record)
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


def _read_cards(path: Path) -> dict[str, dict[str, Any]]:
    try:
        cards = json.loads(_packed_text(path))
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

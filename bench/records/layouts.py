"""A suite's runs and dataset cards, in either layout in which results are stored.

Live, as training leaves them, with `FILES` next to each run.json:
    results/SUITE/runs/METHOD/TASK/SEEDS/run.json
    data/transitions/DATASET/card.json

Packed, as results are published:
    runs.jsonl   one line per run: {"run": "METHOD/TASK/SEEDS", "record": its run.json, "files":
                 the sums of its rows in FILES, "seal": the sum of the line}
    FILES        the rows of all runs, preceded by the columns method, task, seeds
    cards.json   task -> card.json
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from bench.config.task import transitions_of
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import read_sealed
from bench.paths import RECORD, RUNS, card_of, run_name
from bench.records import asked
from bench.records.packed import CARDS, RECORDS, read_cards, read_packed
from bench.records.stored_run import FolderRun, StoredRun


@dataclass(frozen=True)
class Results:
    """A suite's runs by name, in order of method, task and seeds."""

    folder: Path
    runs: dict[str, StoredRun]
    packed: bool
    suite: Suite | None = None  # with which the runs' settings are compared

    @cached_property
    def refused(self) -> dict[str, str]:
        """Say in a sentence, by name, what is wrong with each run that cannot be used.

        It does not match its seal, or has other settings than the suite.
        """
        # What is published is its suite's, though settings may have been added since.
        suite = None if self.packed else self.suite
        found = {name: _problem(run, suite) for name, run in self.runs.items()}
        return {
            name: f"{self.runs[name].place}: {problem}; {self.runs[name].remedy}."
            for name, problem in found.items()
            if problem
        }

    @property
    def verified(self) -> dict[str, StoredRun]:
        """The runs that match their seals and the suite."""
        return {name: run for name, run in self.runs.items() if name not in self.refused}

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
            return read_cards(self.folder / CARDS)
        paths = {}
        for run in self.runs.values():
            task = run.record()["settings"]["task"]
            reading, most = task.get("reading", "full"), task.get("max_rows")
            folder = transitions_of(task["dataset"], reading, most)
            paths[task["task"]] = card_of(folder)
        return {task: read_sealed(path) for task, path in sorted(paths.items())}


def open_results(folder: Path, suite: Suite | None = None) -> Results:
    """Return a suite's runs in `folder`, such as results/quick or results/published/quick.

    Where `suite` is given, runs of other settings count as refused.
    A folder without runs gives empty results. Packed files are read at once and raise BenchError
    if malformed; a live run's files are read on demand.
    """
    live = [FolderRun(path.parent) for path in folder.glob(f"{RUNS}/*/*/*/{RECORD}")]
    packed = (folder / RECORDS).exists()
    if live and packed:
        raise BenchError(f"{folder}: has both {RECORDS} and {RUNS}/; remove one of them.")
    runs: Sequence[StoredRun] = list(read_packed(folder)) if packed else live
    ordered = sorted(runs, key=lambda run: run.name.split("/"))
    return Results(folder, {run.name: run for run in ordered}, packed, suite)


def _problem(run: StoredRun, suite: Suite | None) -> str | None:
    if found := run.problem():
        return found
    try:
        settings = run.record()["settings"]
        seeds = tuple(map(int, settings["seeds"]))
        name = run_name(settings["method"], settings["task"]["task"], seeds)
        if name != run.name:
            return f"record: is of {name}"
        return None if suite is None else asked.difference(settings, suite)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return "record: does not say of which method, task, seeds and settings it is"

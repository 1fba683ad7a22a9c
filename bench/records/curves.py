"""The training curves of a run, finished or running, by seed."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.config.types import Suite
from bench.files import decode_json
from bench.paths import EVALUATIONS, METRICS, RunFolder, SuiteFolder, run_name
from bench.records.layouts import Results
from bench.records.stored_run import StoredRun

PLACE = ("phase", "step", "seed")
RETURN = "return"
Scalar = tuple[int, str, float]  # step, tag, value
Curves = dict[int, list[Scalar]]  # by seed
Seeds = tuple[int, ...]


def suite_curves(suite: Suite, stored: Results) -> Iterator[tuple[str, str, Seeds, Curves]]:
    """Yield method, task, seeds and curves of each run of a suite that is verified or running."""
    for method in suite.methods:
        for task in suite.tasks:
            for seeds in suite.blocks():
                name = run_name(method, task, seeds)
                folder = SuiteFolder(stored.folder).run(method, task, seeds)
                if name in stored.verified:
                    yield method, task, seeds, finished_curves(stored.verified[name])
                elif not folder.record.exists():
                    yield method, task, seeds, live_curves(folder)


def finished_curves(run: StoredRun) -> Curves:
    """Return the scalars of a finished run by seed; packed runs may have no metrics.

    Tags start with the phase; `step` counts as in the CSV files. Scalars are in the order in which
    they were logged, so that those of a running job begin those of the finished one.
    """
    return _ordered(_finished(run))


def live_curves(run: RunFolder) -> Curves:
    """Return the scalars that a running or interrupted job has logged so far, by seed."""
    return _ordered(_live(run.live))


def _ordered(rows: Iterable[Mapping[str, Any]]) -> Curves:
    found: dict[tuple[int, str, int, str], float] = {}
    for row in rows:
        seed, phase, step = int(row["seed"]), str(row["phase"]), int(row["step"])
        for name, value in row.items():
            if name not in PLACE and value not in ("", None):
                found[seed, phase, step, name] = float(value)
    result: Curves = defaultdict(list)
    ordered = sorted(found, key=lambda key: (key[1] != "offline", key[2], key[3] == RETURN))
    for key in ordered:
        seed, phase, step, name = key
        result[seed].append((step, f"{phase}/{name}", found[key]))
    return dict(result)


def _finished(run: StoredRun) -> Iterator[Mapping[str, Any]]:
    if run.has(METRICS):
        yield from csv.DictReader(run.read(METRICS).text.splitlines())
    returns: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in csv.DictReader(run.read(EVALUATIONS).text.splitlines()):
        returns[row["phase"], row["step"], row["seed"]].append(float(row[RETURN]))
    for place, values in returns.items():
        yield {**dict(zip(PLACE, place, strict=True)), RETURN: math.fsum(values) / len(values)}


def _live(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a running job; one that is being written, or damaged, is left out."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = decode_json(line)
            _ordered([row])
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
            continue
        yield row


def last_return(scalars: Curves) -> tuple[int, str, float] | None:
    """Return step, phase and mean over seeds of the newest evaluation, or None before the first."""
    found: dict[tuple[bool, int, str], list[float]] = defaultdict(list)
    for of_seed in scalars.values():
        for step, tag, value in of_seed:
            phase, _, name = tag.partition("/")
            if name == RETURN:
                found[phase != "offline", step, phase].append(value)
    if not found:
        return None
    (_, step, phase), values = max(found.items())
    return step, phase, math.fsum(values) / len(values)

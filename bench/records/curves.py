"""The training curves of a run, finished or running, by seed."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.paths import RunFolder

PLACE = ("phase", "step", "seed")
RETURN = "return"
Scalar = tuple[int, str, float]  # step, tag, value


def curves_of(run: RunFolder) -> dict[int, list[Scalar]]:
    """Return the scalars of a run by seed: training metrics, and mean returns of evaluations.

    Tags start with the phase; `step` counts as in the CSV files. Scalars are in the order in which
    they were logged, so that those of a running job begin those of the finished one. Without any,
    the result is empty.
    """
    rows = _finished(run) if run.record.exists() else _live(run.live)
    found: dict[tuple[int, str, int, str], float] = {}
    for row in rows:
        seed, phase, step = int(row["seed"]), str(row["phase"]), int(row["step"])
        for name, value in row.items():
            if name not in PLACE and value not in ("", None):
                found[seed, phase, step, name] = float(value)
    result: dict[int, list[Scalar]] = defaultdict(list)
    ordered = sorted(found, key=lambda key: (key[1] != "offline", key[2], key[3] == RETURN))
    for key in ordered:
        seed, phase, step, name = key
        result[seed].append((step, f"{phase}/{name}", found[key]))
    return dict(result)


def _finished(run: RunFolder) -> Iterator[Mapping[str, Any]]:
    with open(run.metrics, encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
    returns: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    with open(run.evaluations, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            returns[row["phase"], row["step"], row["seed"]].append(float(row[RETURN]))
    for place, values in returns.items():
        yield {**dict(zip(PLACE, place, strict=True)), RETURN: math.fsum(values) / len(values)}


def _live(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a running job; one that is being written is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and all(key in row for key in PLACE):
            yield row


def last_return(scalars: Mapping[int, Iterable[Scalar]]) -> tuple[int, str, float] | None:
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

"""Measured speeds: seed-updates a second of a job and environment steps of an evaluation.

They come from the benchmark's JSON file, and what it lacks from the project's own finished runs.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.executors import COMPILE_FROM
from bench.config.registry import METHODS, base_of, entry_of
from bench.config.samples import is_measured, sizes, width_of
from bench.config.types import Settings
from bench.errors import BenchError
from bench.files import read_json
from bench.jobs.finished_runs import took
from bench.paths import BENCHMARK, SOURCE_SIZES, shipped

REFERENCE = "bc"  # the method with cost 1
ACTING = "evaluation, "  # before an environment's name in the benchmark
ROBOT_LETTERS = 6  # which two names must begin with to be of one robot, such as Hopper or AntMaze
RATE = "seed_updates_per_second"


@dataclass(frozen=True)
class Rate:
    """Measured seed-updates per core and second; `rough` if scaled from another method's rate.

    `finished` is whether it is of finished runs; these may tell the seconds of an `episode`.
    `machine` is the processor on which it was measured, if that is not the benchmark's.
    """

    value: float
    megabytes: float
    rough: bool
    finished: bool = False
    episode: float | None = None
    machine: str | None = None


class Speeds:
    """The benchmark's measurements, and of a second one what the first lacks."""

    def __init__(self, path: Path | None = None):
        self.content = _benchmark(path or BENCHMARK)
        # A part that was not run is null.
        self.updates = self.content["updates"] or []
        self.around = self.content["around"] or []
        self.sources = [entry | {"machine": None} for entry in self.content.get("sources") or []]
        if path is None and shipped(SOURCE_SIZES).exists():
            second = _benchmark(SOURCE_SIZES)
            cpu = second["machine"]["cpu"]
            self.sources += [entry | {"machine": cpu} for entry in second.get("sources") or []]
            self.around = [*(second["around"] or []), *self.around]  # the first wins

    def rate(self, cell: Settings, catalogue: Catalogue) -> Rate | None:
        """Return the rate of one cell's updates, or None if it cannot be estimated.

        It is that of the method with these sizes, among them its source's; else of finished runs;
        else, roughly, the method's with other sizes by the work of its products; else that of
        REFERENCE at the cell's width.
        """
        cell = cell.model_copy(update={"method": base_of(cell.method)})
        widths = sorted({e["width"] for e in self.updates}, reverse=True)
        module = entry_of(cell.method).module
        alike = [cell.method, *(name for name, e in METHODS.items() if e.module == module)]
        settings = cell.config, cell.batch_size
        for name in alike:
            for width in widths:
                found = self._entry(cell, name, width)
                if found and is_measured(catalogue, name, *settings, width):
                    return Rate(_per_job(found), found["peak_memory_megabytes"], False)
            for entry in self.sources:
                if entry["method"] != name or RATE not in entry:
                    continue
                layers = sizes(catalogue, name, cell.config)
                if (entry["sizes"], entry["batch_size"]) == (layers, cell.batch_size):
                    megabytes, cpu = entry["peak_memory_megabytes"], entry["machine"]
                    return Rate(_per_job(entry), megabytes, False, machine=cpu)
        if run := took(cell, catalogue):
            return Rate(run.rate, run.megabytes, False, True, run.episode)
        for width in widths:
            found = self._entry(cell, cell.method, width)
            share = found and self._more_work(cell, catalogue, width)
            if found and share:
                return Rate(_per_job(found) / share, found["peak_memory_megabytes"], True)
        hidden = sizes(catalogue, cell.method, cell.config).get("hidden", ())
        nearest = sorted(widths, key=lambda width: width not in hidden[:1])
        found = next(filter(None, (self._entry(cell, REFERENCE, w) for w in nearest)), None)
        cost = entry_of(cell.method).cost  # relative to REFERENCE
        if found is None or cost is None:
            return None
        return Rate(_per_job(found) / cost, found["peak_memory_megabytes"], True)

    def _more_work(self, cell: Settings, catalogue: Catalogue, width: int) -> float | None:
        """Return the work of a cell's update over that of the method at `width`, if it is known.

        With all layers w wide it is a * w^2 + b * w, times the batch; two widths were counted.
        """
        counted = (self.content.get("work") or {}).get("flops_per_seed_update", {})
        points = [(int(w), flops) for w, flops in counted.get(cell.method, {}).items()]
        wide = width_of(catalogue, cell.method, cell.config)
        if wide is None or len(points) < 2:
            return None
        (w, f), (v, g) = points[:2]
        a = (f / w - g / v) / (w - v)
        b = f / w - a * w

        def work(units: int) -> float:
            return float(a * units**2 + b * units)

        batches = cell.batch_size / entry_of(cell.method).sample.batch
        return work(wide) / work(width) * batches

    def _entry(self, cell: Settings, method: str, width: int) -> Mapping[str, Any] | None:
        compiled = updates_of(cell) >= COMPILE_FROM and cell.precision == "float32"
        executor: str = cell.executor
        if executor == "auto":
            executor = "compiled" if compiled else "recorded"
        wanted = {"method": method, "width": width, "executor": executor}
        found = [
            e for e in self.updates if all(e.get(k) == v for k, v in wanted.items()) and RATE in e
        ]
        return min(found, key=lambda e: abs(e["seeds"] - len(cell.seeds)), default=None)

    def steps(self, env_id: str) -> float | None:
        """Return the environment steps per second of an evaluation on one core, or None.

        It is that of the environment whose name begins alike: a robot's versions and a body's mazes
        cost about the same.
        """
        name = env_id.rpartition(":")[2]
        rates = {
            e["what"].removeprefix(ACTING): e["environment_steps_per_second"]
            for e in self.around
            if e["what"].startswith(ACTING) and "environment_steps_per_second" in e
        }
        shared = {known: _shared_beginning(name, known) for known in rates}
        nearest = max(shared, key=lambda known: shared[known], default=name)
        return rates[nearest] if shared.get(nearest, 0) >= ROBOT_LETTERS else None


def _shared_beginning(one: str, other: str) -> int:
    """Return how many letters two names begin with alike."""
    pairs = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in pairs)


def _benchmark(path: Path) -> dict[str, Any]:
    """Return the content of a benchmark's file; raise BenchError if it is not one."""
    content: dict[str, Any] = read_json(shipped(path))
    for key in ("machine", "updates", "around"):
        if key not in content:
            raise BenchError(f"{path}: the key '{key}' is missing; run `make benchmark`.")
    return content


def _per_job(entry: Mapping[str, Any]) -> float:
    """Return the seed-updates per second of one of the processes that were timed together."""
    return float(entry[RATE] / entry["jobs"])


def updates_of(cell: Settings) -> int:
    """Return the updates per seed in both phases."""
    return cell.updates + (cell.online.steps if cell.online else 0)

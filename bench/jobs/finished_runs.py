"""What a project's own finished runs took: for methods and networks that no benchmark has timed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of
from bench.config.samples import sizes
from bench.config.types import Settings
from bench.errors import BenchError
from bench.paths import RECORD, RESULTS, RUNS
from bench.records.runs import read_run


@dataclass(frozen=True)
class Took:
    """Medians over the runs like a cell; `episode` is None if none has its environment."""

    rate: float  # seed-updates per second
    megabytes: float
    episode: float | None  # seconds of evaluation, start of the job included


def took(cell: Settings, catalogue: Catalogue) -> Took | None:
    """Return what runs on a CPU took with the cell's method, layers and batch, or None without any.

    Of those the runs count whose number of seeds is nearest.
    """
    alike = [run for run in _runs(RESULTS.resolve()) if _is_like(run, cell, catalogue)]
    if not alike:
        return None
    nearest = min(abs(_seeds(run) - len(cell.seeds)) for run in alike)
    alike = [run for run in alike if abs(_seeds(run) - len(cell.seeds)) == nearest]
    here = [r for r in alike if r["settings"]["task"]["env_id"] == cell.task.env_id]
    return Took(
        statistics.median(_seeds(run) * run["updates_per_second"] for run in alike),
        max(run["peak_memory_mb"] for run in alike),
        statistics.median(map(_episode, here)) if here else None,
    )


@cache
def _runs(results: Path) -> list[Mapping[str, Any]]:
    """Return the records of uninterrupted offline runs on a CPU; damaged ones tell nothing."""
    found: list[Mapping[str, Any]] = []
    for path in sorted(results.glob(f"*/{RUNS}/*/*/*/{RECORD}")):
        with suppress(BenchError, KeyError, TypeError):
            run = read_run(path)
            usable = run["device"] == "cpu" and run["status"] == "done" and not run["resumed"]
            if usable and not run["settings"].get("online") and _episode(run) > 0:
                found.append(run)
    return found


def _is_like(run: Mapping[str, Any], cell: Settings, catalogue: Catalogue) -> bool:
    asked, method = run["settings"], base_of(cell.method)
    same = ("batch_size", "precision")
    return (
        base_of(asked["method"]) == method
        and all(asked[key] == getattr(cell, key) for key in same)
        and sizes(catalogue, method, asked["config"]) == sizes(catalogue, method, cell.config)
    )


def _seeds(run: Mapping[str, Any]) -> int:
    return len(run["settings"]["seeds"])


def _episode(run: Mapping[str, Any]) -> float:
    asked = run["settings"]["evaluation"]
    count = run["settings"]["updates"] // asked["every"] * asked["episodes"] * _seeds(run)
    return float(run["wall_seconds"] - run["update_seconds"]) / max(count, 1)

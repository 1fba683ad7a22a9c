"""The runs and dataset cards that a report reads, checked for what it needs of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import stats
from bench.errors import BenchError
from bench.suite import Suite, block_name

RUN_KEYS = (
    *("status", "settings", "config", "versions", "commit", "dirty", "source_hash", "device"),
    *("threads", "machine", "wall_seconds", "updates_per_second", "peak_memory_mb"),
)
CARD_KEYS = (
    *("task", "dataset", "rows", "episodes", "return", "length", "histogram"),
    *("hash", "audit", "collection"),
)


@dataclass(frozen=True)
class Runs:
    """The cells of a suite: contents of the run.json files that exist, and the other cells."""

    found: dict[Path, dict[str, Any]]
    missing: list[str]
    stale: list[Path]

    def pairs(self, paths: Sequence[Path]) -> set[tuple[str, str]]:
        """(task, method) of some of the runs."""
        settings = [self.found[path]["settings"] for path in paths]
        return {(s["task"]["task"], s["method"]) for s in settings}

    @staticmethod
    def names(paths: Sequence[Path]) -> list[str]:
        """method/task/seeds of run.json files, as `missing` has them."""
        return ["/".join(path.parts[-4:-1]) for path in paths]

    @property
    def diverged(self) -> list[Path]:
        """Runs that stopped at a non-finite loss."""
        return [path for path, run in self.found.items() if run["status"] == "diverged"]

    def values(self, key: str) -> list[Any]:
        """The different values of a top-level key, in the order of the runs."""
        seen = {json.dumps(run[key], sort_keys=True): run[key] for run in self.found.values()}
        return list(seen.values())


def stale_runs(run_jsons: Iterable[Path], source_hash: Callable[[str], str]) -> list[Path]:
    """The run.json files whose run was made by other source than the current one.

    `source_hash` gives the current hash of a method's source, as records.source_hash does.
    """
    stale = []
    for path in run_jsons:
        run = read_run(path)
        if run["source_hash"] != source_hash(run["settings"]["method"]):
            stale.append(path)
    return stale


def read_run(path: Path) -> dict[str, Any]:
    """A run.json with all that the report needs; raises BenchError naming the missing key."""
    return _complete(stats.read_json(path), path, RUN_KEYS)


def read_cards(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """The card.json files by task; raises BenchError naming the missing key."""
    cards = [_complete(stats.read_json(path), path, CARD_KEYS) for path in paths]
    return {card["task"]: card for card in cards}


def read_runs(suite: Suite, results_dir: Path, source_hash: Callable[[str], str]) -> Runs:
    """The runs of the suite's cells under `results_dir`; folders of no cell are ignored."""
    found, missing = {}, []
    for method in suite.methods:
        for task in suite.tasks:
            for seeds in suite.blocks():
                block = block_name(seeds)
                path = results_dir / "runs" / method / task / block / "run.json"
                if path.exists():
                    found[path] = read_run(path)
                else:
                    missing.append(f"{method}/{task}/{block}")
    return Runs(found, missing, stale_runs(found, source_hash))


def _complete(content: dict[str, Any], path: Path, keys: Sequence[str]) -> dict[str, Any]:
    for key in keys:
        if key not in content:
            raise BenchError(f"{path}: the key '{key}' is missing; delete the file and run again.")
    return content

"""The runs and dataset cards that a report reads, checked for the keys that it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import read_json, read_sealed
from bench.paths import run_name
from bench.records.layouts import open_results
from bench.records.provenance import code_of, hash_of

RUN_KEYS = (
    *("status", "settings", "config", "versions", "commit", "dirty", "source_hash", "device"),
    *("threads", "machine", "wall_seconds", "updates_per_second", "peak_memory_mb"),
)
# Keys of a card, and their types.
CARD_KEYS = {
    **{"task": str, "dataset": str, "rows": int, "episodes": int, "return": dict, "length": dict},
    **{"histogram": dict, "hash": str, "audit": list, "collection": dict},
}


@dataclass(frozen=True)
class Runs:
    """The cells of a suite by METHOD/TASK/SEEDS: records of existing runs, and the other names.

    `refused` says why a run that exists is not in `found`: it does not match its seal or the suite.
    """

    found: dict[str, dict[str, Any]]
    missing: list[str]
    stale: list[str]
    refused: dict[str, str] = field(default_factory=dict)

    def pairs(self, names: Sequence[str]) -> set[tuple[str, str]]:
        """Return the (task, method) pairs of the named runs."""
        settings = [self.found[name]["settings"] for name in names]
        return {(s["task"]["task"], s["method"]) for s in settings}

    @property
    def unverified(self) -> set[tuple[str, str]]:
        """The (task, method) pairs of the refused runs."""
        parts = [name.split("/") for name in self.refused]
        return {(task, method) for method, task, _ in parts}

    @property
    def diverged(self) -> list[str]:
        """Runs that stopped because of a non-finite loss."""
        return [name for name, run in self.found.items() if run["status"] == "diverged"]

    def values(self, key: str) -> list[Any]:
        """Return the distinct values of a top-level key, in the order of the runs."""
        seen = {json.dumps(run[key], sort_keys=True): run[key] for run in self.found.values()}
        return list(seen.values())


def stale_runs(
    found: Mapping[str, Mapping[str, Any]], source_hash: Callable[[str, str], str]
) -> list[str]:
    """Return the runs whose source has changed since.

    `source_hash` returns the current hash of the source of a method and an environment.
    """
    return [name for name, run in found.items() if hash_of(run) != source_hash(*code_of(run))]


def read_run(path: Path) -> dict[str, Any]:
    """Read a run.json with all keys for the report; raise BenchError naming a missing key."""
    return _complete(read_json(path), str(path), RUN_KEYS)


def read_cards(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Read card.json files by task; raise BenchError naming a missing or malformed key."""
    cards = {}
    for path in paths:
        card = _complete(read_sealed(path), str(path), tuple(CARD_KEYS))
        for key, kind in CARD_KEYS.items():
            if not isinstance(card[key], kind):
                raise BenchError(
                    f"{path}, {key}: {card[key]!r} is not {kind.__name__}; delete the file and run "
                    "again."
                )
        cards[card["task"]] = card
    return cards


def read_runs(suite: Suite, results_dir: Path, source_hash: Callable[[str, str], str]) -> Runs:
    """Read the verified runs of the suite's cells in `results_dir`, ignoring all others."""
    results = open_results(results_dir, suite)
    found, missing, refused, stored = {}, [], {}, results.verified
    for method in suite.methods:
        for task in suite.tasks:
            for seeds in suite.blocks():
                name = run_name(method, task, seeds)
                if name in stored:
                    run = stored[name]
                    found[name] = _complete(run.record(), run.record_at, RUN_KEYS, run.remedy)
                elif name in results.refused:
                    refused[name] = results.refused[name]
                else:
                    missing.append(name)
    return Runs(found, missing, stale_runs(found, source_hash), refused)


def _complete(
    content: dict[str, Any],
    place: str,
    keys: Sequence[str],
    remedy: str = "delete the file and run again",
) -> dict[str, Any]:
    for key in keys:
        if key not in content:
            raise BenchError(f"{place}: the key '{key}' is missing; {remedy}.")
    return content

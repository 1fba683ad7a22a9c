"""The measured cost of an update, from the contents of run.json files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Run = Mapping[str, Any]
REFERENCE = "iql"  # the method whose update counts as cost 1


def seed_updates_per_second(run: Run) -> float:
    """Return a job's updates per second, times the seeds that it trains together."""
    return float(run["updates_per_second"] * len(run["settings"]["seeds"]))


def seed_update_seconds(runs: Iterable[Run], method: str) -> float | None:
    """Return seconds per update and seed, averaged over the method's runs; None without runs."""
    rates = [seed_updates_per_second(r) for r in runs if r["settings"]["method"] == method]
    return sum(1 / rate for rate in rates) / len(rates) if rates else None

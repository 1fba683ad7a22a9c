"""What an update cost, from the contents of run.json files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Run = Mapping[str, Any]
REFERENCE = "iql"  # whose update the others' cost is relative to


def seed_updates_per_second(run: Run) -> float:
    """Updates a second of a job, times the seeds that it trains together."""
    return float(run["updates_per_second"] * len(run["settings"]["seeds"]))


def seed_update_seconds(runs: Iterable[Run], method: str) -> float | None:
    """Seconds of one update of one seed, the mean over the method's runs."""
    rates = [seed_updates_per_second(r) for r in runs if r["settings"]["method"] == method]
    return sum(1 / rate for rate in rates) / len(rates) if rates else None

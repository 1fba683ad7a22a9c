"""The rehearsal's overlay: a suite of the paper with fewer updates, evaluations and episodes."""

from __future__ import annotations

import copy
from typing import Any

Suite = dict[str, Any]
EVERY = 100_000  # updates between evaluations before they are divided: ten of a run of 1,000,000


def rehearsed(suite: Suite, divide: int, episodes: int) -> Suite:
    """Return the suite with its updates and steps divided, and evaluations as far apart as EVERY.

    Tasks, methods, seeds, blocks, settings of the methods and statistics stay as they are.
    """
    small = copy.deepcopy(suite)
    every = max(1, EVERY // divide)
    small["suite"] = f"{suite['suite']}-rehearsal"
    small["title"] = f"Rehearsal of {suite['title']}"
    small["log_every"] = every
    for part in [small, *small.get("overrides", [])]:
        if "updates" in part:
            part["updates"] = _scaled(part["updates"], divide, every)
        if "evaluation" in part:
            part["evaluation"] = {"every": every, "episodes": episodes}
        if "online" in part:
            steps = _scaled(part["online"]["steps"], divide, every)
            part["online"] = {"steps": steps, "every": every, "episodes": episodes}
    return small


def shortened(suite: Suite, tasks: int | None, seeds: int | None) -> Suite:
    """Return the suite with at most `tasks` tasks, evenly from first to last, and `seeds` seeds."""
    names = suite["tasks"]
    count = min(tasks or len(names), len(names))
    chosen = [names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)]
    return suite | {"tasks": chosen, "seeds": suite["seeds"][:seeds]}


def _scaled(length: int, divide: int, every: int) -> int:
    """Return a length divided, as a multiple of `every` of at least one."""
    return max(1, length // divide // every) * every

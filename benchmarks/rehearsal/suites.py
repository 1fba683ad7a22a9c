"""The rehearsal's overlay: a suite of the paper with fewer updates, evaluations and episodes."""

from __future__ import annotations

import copy
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of

Suite = dict[str, Any]
EVERY = 100_000  # updates between evaluations before they are divided: ten of a run of 1,000,000
WARM = ("warm_start", "warm_up")  # lengths among the settings of methods


def rehearsed(suite: Suite, divide: int, episodes: int) -> Suite:
    """Return the suite with its lengths divided, and evaluations as far apart as EVERY.

    Lengths are updates, steps, and the warm starts of methods. Tasks, methods, seeds, blocks, all
    other settings and statistics stay as they are.
    """
    small = copy.deepcopy(suite)
    every = max(1, EVERY // divide)
    small["suite"] = f"{suite['suite']}-rehearsal"
    small["title"] = f"Rehearsal of {suite['title']}"
    small["description"] = f"Rehearsed, on other data and with few updates: {suite['description']}"
    small["log_every"] = every
    for part in [small, *small.get("overrides", [])]:
        if "updates" in part:
            part["updates"] = _scaled(part["updates"], divide, every)
        if "evaluation" in part:
            part["evaluation"] = {"every": every, "episodes": episodes}
        if "online" in part:
            steps = _scaled(part["online"]["steps"], divide, every)
            part["online"] = {"steps": steps, "every": every, "episodes": episodes}
    small["overrides"] = [*small.get("overrides", []), *_warm_starts(suite, divide)]
    return small


def _warm_starts(suite: Suite, divide: int) -> list[dict[str, Any]]:
    """Return overrides that divide the warm starts of the suite's methods."""
    catalogue = Catalogue()
    read, task = catalogue.suite(suite, suite["suite"]), suite["tasks"][0]
    overrides = []
    for method in dict.fromkeys(map(base_of, suite["methods"])):
        fields = catalogue.schemas[method]["properties"]
        config = catalogue.settings(read, method, task, (0,)).config
        for name in (n for n in WARM if n in fields):
            length = config.get(name, fields[name]["default"]) // divide
            reason = "divided as the updates are"
            overrides.append({"methods": [method], "config": {name: length}, "reason": reason})
    return overrides


def shortened(suite: Suite, tasks: int | None, seeds: int | None) -> Suite:
    """Return the suite with at most `tasks` tasks, evenly from first to last, and `seeds` seeds."""
    names = suite["tasks"]
    count = min(tasks or len(names), len(names))
    chosen = [names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)]
    return suite | {"tasks": chosen, "seeds": suite["seeds"][:seeds]}


def _scaled(length: int, divide: int, every: int) -> int:
    """Return a length divided, as a multiple of `every` of at least one."""
    return max(1, length // divide // every) * every

"""The rehearsal's overlay: a suite of the paper with fewer updates, evaluations and episodes."""

from __future__ import annotations

import copy
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of

Suite = dict[str, Any]
RUN = 1_000_000  # updates of the paper's runs, before they are divided
WARM = ("warm_start", "warm_up")  # lengths among the settings of methods


def rehearsed(suite: Suite, divide: int, points: int, episodes: int) -> Suite:
    """Return the suite with its lengths divided, and `points` evaluations in a run of RUN updates.

    Lengths are updates, steps, and the warm starts and rollouts of methods. Tasks, methods, seeds,
    blocks, all other settings and statistics stay as they are. A run reaches one evaluation at
    least.
    """
    small = copy.deepcopy(suite)
    every = max(1, RUN // points // divide)
    small["suite"] = f"{suite['suite']}-rehearsal"
    small["title"] = f"Rehearsal of {suite['title']}"
    small["description"] = f"Rehearsed, on other data and with few updates: {suite['description']}"
    small["log_every"] = every
    for part in [small, *small.get("overrides", [])]:
        if "evaluation" in part:
            part["evaluation"] = {"every": every, "episodes": episodes}
        if "updates" in part:
            part["updates"] = _scaled(part["updates"], divide, every)
        if "online" in part:
            steps = _scaled(part["online"]["steps"], divide, every)
            part["online"] = {"steps": steps, "every": every, "episodes": episodes}
    small["overrides"] = [*small.get("overrides", []), *_settings(suite, divide, every)]
    return small


def _settings(suite: Suite, divide: int, every: int) -> list[dict[str, Any]]:
    """Return overrides that divide the warm starts of the suite's methods and fit their rollouts.

    A rollout of at most the steps of the divided online phase has two of them a minibatch: one
    alone has no standard deviation, by which advantages are divided.
    """
    catalogue = Catalogue()
    read, task = catalogue.suite(suite, suite["suite"]), suite["tasks"][0]
    overrides = []
    for method in dict.fromkeys(map(base_of, suite["methods"])):
        fields = catalogue.schemas[method]["properties"]
        config = catalogue.settings(read, method, task, (0,)).config
        for name in (n for n in WARM if n in fields):
            length = _of(config, fields, name) // divide
            reason = "divided as the updates are"
            overrides.append({"methods": [method], "config": {name: length}, "reason": reason})
        online = read.online_of(method, catalogue.tasks[task].family)
        if online is not None and "horizon" in fields:
            horizon = min(_of(config, fields, "horizon"), _scaled(online.steps, divide, every))
            fitted = {
                "horizon": horizon,
                "minibatches": min(_of(config, fields, "minibatches"), max(1, horizon // 2)),
            }
            reason = "a rollout is no longer than the online phase"
            overrides.append({"methods": [method], "config": fitted, "reason": reason})
    return overrides


def _of(config: dict[str, Any], fields: dict[str, Any], name: str) -> int:
    """Return a method's setting, by default its Config's."""
    value: int = config.get(name, fields[name]["default"])
    return value


def shortened(suite: Suite, tasks: int | None, seeds: int | None) -> Suite:
    """Return the suite with at most `tasks` tasks, evenly from first to last, and `seeds` seeds."""
    names = suite["tasks"]
    count = min(tasks or len(names), len(names))
    chosen = [names[round(i * (len(names) - 1) / max(count - 1, 1))] for i in range(count)]
    return suite | {"tasks": chosen, "seeds": suite["seeds"][:seeds]}


def _scaled(length: int, divide: int, every: int) -> int:
    """Return a length divided, as a multiple of `every` of at least one."""
    return max(1, length // divide // every) * every

"""The numbers of a suite that a claim needs, one per seed, and how the suite departs from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bench.claims.ledger import Claim, Protocol
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.statistics import published
from bench.statistics.costs import seed_updates_per_second

Run = Mapping[str, Any]
ORIGINS = {
    "local": "data regenerated locally, not D4RL\u2019s",
    "existing": "existing data, not D4RL\u2019s",
    "own file": "data of one\u2019s own, not D4RL\u2019s",
}


class Evidence:
    """A suite's scores and the contents of its run.json files, queried by claim."""

    def __init__(
        self, scores: pd.DataFrame, runs: Sequence[Run], suite: Suite, catalogue: Catalogue
    ):
        self.scores, self.runs = scores, runs
        self.suite, self.catalogue = suite, catalogue

    def values(self, claim: Claim, task: str, method: str) -> np.ndarray:
        """Return the claim's quantity for each seed that has it: (seeds,), possibly empty."""
        cell = self.scores[(self.scores["task"] == task) & (self.scores["method"] == method)]
        online = cell[cell["phase"] == "online"]
        offline = cell[cell["phase"] == "offline"]
        before = _at(offline, self.suite.updates_of(method))
        after = _at(online, self.online_steps(method))
        if claim.quantity == "change":
            both = pd.concat([before, after], axis=1, keys=["before", "after"]).dropna()
            return (both["after"] - both["before"]).to_numpy(float)
        if claim.quantity == "online":
            return after.to_numpy(float)
        if claim.quantity == "reached":
            assert claim.by is not None
            so_far = online[online["step"] <= claim.by]
            # A seed counts once it has an evaluation at `by` or later, or has reached the end.
            late = online.groupby("seed")["step"].max() >= min(claim.by, self.online_steps(method))
            best = so_far.groupby("seed")["score"].max()
            return best[best.index.isin(late[late].index)].to_numpy(float)
        return before.to_numpy(float)

    def online_steps(self, method: str) -> int:
        """Return the step of the method's last online evaluation; 0 without an online phase."""
        mine = self.scores[(self.scores["method"] == method) & (self.scores["phase"] == "online")]
        return int(mine["step"].max()) if len(mine) else 0

    def log_costs(self, method: str, rival: str) -> tuple[list[str], np.ndarray]:
        """Return the tasks and log cost ratios of the jobs (task and seeds) that both have.

        A ratio is the cost of the method's update over that of the rival's, per seed.
        """
        ours, theirs = self._seconds(method), self._seconds(rival)
        both = [job for job in ours if job in theirs]
        return [task for task, _ in both], np.log([ours[job] / theirs[job] for job in both])

    def _seconds(self, method: str) -> dict[tuple[str, str], float]:
        cells = {
            (r["settings"]["task"]["task"], str(r["settings"]["seeds"])): r
            for r in self.runs
            if r["settings"]["method"] == method
        }
        return {job: 1 / seed_updates_per_second(r) for job, r in cells.items()}


def _at(cell: pd.DataFrame, step: int) -> pd.Series:
    return cell[cell["step"] == step].set_index("seed")["score"]


def counterpart(task: str, suite: Suite) -> str | None:
    """Return the suite's task of that name, else its version of it: antmaze-umaze for -v0."""
    return task if task in suite.tasks else published.counterpart(task, suite.tasks)


def other_data(places: Mapping[str, str | None], catalogue: Catalogue) -> list[str]:
    """List how the suite's data differ from those of the tasks that the claim names."""
    found = [(wanted, place) for wanted, place in places.items() if place]
    origins = [catalogue.tasks[place].origin for _, place in found]
    versions = [
        f"{place} for {wanted}"
        for (wanted, place), origin in zip(found, origins, strict=True)
        if place != wanted and origin == "D4RL"
    ]
    if len(versions) > 1:
        versions = [f"{versions[0]}, and likewise {len(versions) - 1} more"]
    texts = [ORIGINS[origin] for origin in origins if origin in ORIGINS]
    return list(dict.fromkeys(texts + versions))


def other_settings(
    claim: Claim, places: Mapping[str, str | None], protocol: Protocol, evidence: Evidence
) -> list[str]:
    """List how the suite's updates, steps and settings differ from the protocol."""
    suite, tasks = evidence.suite, evidence.catalogue.tasks
    methods = [m for m in (*claim.methods, *claim.against) if m in suite.methods]
    result = []
    if claim.quantity != "cost":
        result += [
            f"{suite.updates_of(m):,} updates, not {protocol.updates_of(m):,}"
            for m in methods
            if suite.updates_of(m) < protocol.updates_of(m)
        ]
    if claim.quantity in ("change", "online", "reached"):
        result += [
            f"{steps:,} online steps, not {protocol.online_steps:,}"
            for m in methods
            if (steps := evidence.online_steps(m)) < protocol.online_steps
        ]
    families = {tasks[place].family for place in places.values() or suite.tasks if place}
    for override in suite.overrides:
        changed = override.config or override.rewards or override.observations
        reached = any(override.applies(m, f) for m in methods for f in families)
        if reached and (changed or override.batch_size):
            result.append("settings that the suite overrides")
    return list(dict.fromkeys(result))

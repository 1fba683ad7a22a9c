"""Effect of the online phase: scores before and after, regret, steps to success.

Pure functions of files. "Before" is the last offline evaluation, "after" the last online one, both
on the same seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.config.types import Suite
from bench.config.validation import Strict, validate
from bench.paths import EPISODES, shipped
from bench.records.stored_run import StoredRun
from bench.statistics.comparisons import holm
from bench.statistics.frames import read_csv
from bench.statistics.inference import Estimate
from bench.statistics.intervals import MIN_SEEDS
from bench.statistics.scores import EPISODE_COLUMNS
from bench.statistics.seed_scores import Cells, SeedScores, common_seeds, estimate

TABLE2 = Path("config/published/table2.csv")
SUCCESS = 90.0  # percent of the episodes
TOTAL = "total"
COLUMNS = [
    *["task", "method", "seeds", "before", "before_low", "before_high"],
    *["after", "after_low", "after_high", "change", "change_low", "change_high", "change_p_holm"],
    *["regret", "regret_low", "regret_high", "steps_to_90", "reached_90"],
]


class Published(Strict):
    """One cell of the paper's Table 2."""

    task: str
    method: str
    before: float
    after: float
    standing: Literal["printed", "believed"]
    source: str


def published(path: Path = TABLE2) -> dict[tuple[str, str], Published]:
    """Return the paper's cells by (task, method); the row of totals has the task TOTAL."""
    frame = read_csv(shipped(path), list(Published.model_fields))
    rows = [validate(Published, row, str(path)) for row in frame.to_dict("records")]
    return {(row.task, row.method): row for row in rows}


def cells(suite: Suite, tasks: Mapping[str, Task]) -> list[tuple[str, str]]:
    """Return the (task, method) pairs with an online phase."""
    return [
        (task, method)
        for task in suite.tasks
        for method in suite.methods
        if suite.online_of(method, tasks[task].family)
    ]


def read_episodes(runs: Iterable[StoredRun]) -> pd.DataFrame:
    """Return the training episodes of some runs: task, method and EPISODE_COLUMNS.

    `step` is the environment step at which the episode ended.
    """
    parts = [pd.DataFrame(columns=["task", "method", *EPISODE_COLUMNS])]
    for run in runs:
        settings = run.record()["settings"]
        frame = read_csv(run.read(EPISODES), EPISODE_COLUMNS)
        parts.append(frame.assign(task=settings["task"]["task"], method=settings["method"]))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def fine_tuning(
    scores: pd.DataFrame, episodes: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> pd.DataFrame:
    """Return a row per task and method with an online phase, and a row of totals per method.

    Totals are sums per seed. `change` is paired by seed, and `change_p_holm` is its p-value after
    Holm's correction over the methods of the task. `regret` is CORL's (algorithms/finetune,
    "train/regret"): 1 - the fraction of successful training episodes in the phase, averaged over
    seeds. `steps_to_90` is the median over seeds of the first evaluation with at least 90% success
    (0: before the phase), empty if half of the seeds never reach it; `reached_90` counts the seeds
    that do. These three are empty for tasks with unbounded scores.
    """
    ends = both_ends(scores, suite, tasks)
    rows: list[dict[str, Any]] = []
    p_values: dict[str, dict[int, float]] = {}  # by task and row

    def add(task: str, method: str, before: Cells, after: Cells) -> None:
        change = estimate(after, before)
        if len(common_seeds([*before, *after])) >= MIN_SEEDS:
            p_values.setdefault(task, {})[len(rows)] = change.p_value()
        row = {"task": task, "method": method, "seeds": len(before[0].scores)}
        for name, found in (("before", estimate(before)), ("after", estimate(after))):
            row |= _mean(name, found)
        rows.append(row | _mean("change", change))

    for (task, method), (before, after) in ends.items():
        add(task, method, [before], [after])
        if tasks[task].bounded:
            mine = episodes[(episodes["task"] == task) & (episodes["method"] == method)]
            seeds = before.scores.index
            rows[-1] |= _regret(mine, tasks[task], seeds)
            rows[-1] |= _steps_to_success(scores, suite, task, method, seeds)
    for method in suite.methods:
        parts = [pair for (_, m), pair in ends.items() if m == method]
        if len(parts) < 2:
            continue
        seeds = common_seeds([cell for pair in parts for cell in pair])
        if len(seeds):
            whole = [[pair[end].only(seeds) for pair in parts] for end in (0, 1)]
            add(TOTAL, method, *whole)
    for of_task in p_values.values():
        for index, p in zip(of_task, holm(list(of_task.values())), strict=True):
            rows[index]["change_p_holm"] = p
    return pd.DataFrame(rows, columns=COLUMNS)


def through_both(cell: pd.DataFrame, updates: int) -> pd.DataFrame:
    """Return a method's scores with `step` from -`updates` to 0 offline, then from 0 online."""
    return cell.assign(step=cell["step"].where(cell["phase"] == "online", cell["step"] - updates))


def both_ends(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> dict[tuple[str, str], tuple[SeedScores, SeedScores]]:
    """Return the scores before and after by (task, method), of the seeds that have both."""
    found = {}
    for task, method in cells(suite, tasks):
        online = suite.online_of(method, tasks[task].family)
        assert online is not None
        mine = scores[(scores["task"] == task) & (scores["method"] == method)]
        points = (("offline", suite.updates_of(method)), ("online", online.steps))
        before, after = (
            SeedScores.of(
                mine[(mine["phase"] == phase) & (mine["step"] == step)], tasks[task].bounded
            )
            for phase, step in points
        )
        seeds = common_seeds([before, after])
        if len(seeds):
            found[task, method] = before.only(seeds), after.only(seeds)
    return found


def _mean(name: str, found: Estimate) -> dict[str, Any]:
    low, high = found.interval()
    return {name: found.value, f"{name}_low": low, f"{name}_high": high}


def _regret(episodes: pd.DataFrame, task: Task, seeds: pd.Index) -> dict[str, float]:
    """Return the regret, in [0, 1], over the seeds that finished an episode."""
    mine = episodes[episodes["seed"].isin(seeds)]
    if mine.empty:
        return {}
    failed = pd.to_numeric(mine["return"]) < task.ref_max_score
    by_seed = failed.astype(float).groupby(mine["seed"])
    rates = SeedScores(100 * by_seed.mean(), float(by_seed.size().mean()))  # as a bounded score
    return {name: value / 100 for name, value in _mean("regret", estimate([rates])).items()}


def _steps_to_success(
    scores: pd.DataFrame, suite: Suite, task: str, method: str, seeds: pd.Index
) -> dict[str, float]:
    mine = scores[(scores["task"] == task) & (scores["method"] == method)]
    mine = mine[mine["seed"].isin(seeds) & (mine["score"] >= SUCCESS)]
    start = mine[(mine["phase"] == "offline") & (mine["step"] == suite.updates_of(method))]
    online = mine[mine["phase"] == "online"].groupby("seed")["step"].min()
    first = [0.0 if s in set(start["seed"]) else float(online.get(s, np.inf)) for s in seeds]
    median = float(np.median(first))
    return {
        "steps_to_90": median if np.isfinite(median) else np.nan,
        "reached_90": int(np.isfinite(first).sum()),
    }

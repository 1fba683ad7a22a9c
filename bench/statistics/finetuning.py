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
from bench.paths import EPISODES
from bench.records.stored_run import StoredRun
from bench.statistics.frames import read_csv
from bench.statistics.intervals import t_interval
from bench.statistics.scores import EPISODE_COLUMNS

TABLE2 = Path("config/published/table2.csv")
SUCCESS = 90.0  # percent of the episodes
TOTAL = "total"
COLUMNS = [
    *["task", "method", "seeds", "before", "before_low", "before_high"],
    *["after", "after_low", "after_high", "change", "change_low", "change_high"],
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
    frame = read_csv(path, list(Published.model_fields))
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

    `change` is paired by seed. `regret` is CORL's (algorithms/finetune, "train/regret"): 1 - the
    fraction of successful training episodes in the phase, averaged over seeds. `steps_to_90` is
    the median over seeds of the first evaluation with at least 90% success (0: before the phase),
    empty if half of the seeds never reach it; `reached_90` counts the seeds that do. These three
    are empty for tasks with unbounded scores.
    """
    ends = {cell: _ends(scores, suite, tasks[cell[0]], cell[1]) for cell in cells(suite, tasks)}
    rows = []
    for (task, method), end in ends.items():
        if end.empty:
            continue
        row = {"task": task, "method": method} | _before_and_after(end, tasks[task].bounded)
        if tasks[task].bounded:
            mine = episodes[(episodes["task"] == task) & (episodes["method"] == method)]
            row |= _regret(mine, tasks[task], end.index)
            row |= _steps_to_success(scores, suite, task, method, end.index)
        rows.append(row)
    for method in suite.methods:
        parts = [end for (_, m), end in ends.items() if m == method]
        if len(parts) < 2:
            continue
        common = sum(parts[1:], parts[0]).dropna()  # aligned: the seeds common to all tasks
        if len(common):
            rows.append({"task": TOTAL, "method": method} | _before_and_after(common, False))
    return pd.DataFrame(rows, columns=COLUMNS)


def through_both(cell: pd.DataFrame, updates: int) -> pd.DataFrame:
    """Return a method's scores with `step` from -`updates` to 0 offline, then from 0 online."""
    return cell.assign(step=cell["step"].where(cell["phase"] == "online", cell["step"] - updates))


def _ends(scores: pd.DataFrame, suite: Suite, task: Task, method: str) -> pd.DataFrame:
    """Return `before` and `after` for each seed that has both."""
    online = suite.online_of(method, task.family)
    assert online is not None
    mine = scores[(scores["task"] == task.task) & (scores["method"] == method)]
    points = {"before": ("offline", suite.updates_of(method)), "after": ("online", online.steps)}
    found = [
        mine[(mine["phase"] == phase) & (mine["step"] == step)].set_index("seed")["score"].rename(k)
        for k, (phase, step) in points.items()
    ]
    return found[0].to_frame().join(found[1], how="inner").sort_index()


def _before_and_after(ends: pd.DataFrame, bounded: bool) -> dict[str, Any]:
    row: dict[str, Any] = {"seeds": len(ends)}
    change = ends["after"] - ends["before"]
    for name, values in (("before", ends["before"]), ("after", ends["after"]), ("change", change)):
        row |= _mean(name, values, bounded and name != "change")
    return row


def _mean(name: str, values: pd.Series, bounded: bool) -> dict[str, float]:
    low, high = t_interval(values.to_numpy(float), bounded)
    return {name: float(values.mean()), f"{name}_low": low, f"{name}_high": high}


def _regret(episodes: pd.DataFrame, task: Task, seeds: pd.Index) -> dict[str, float]:
    """Return the regret, in [0, 1], over the seeds that finished an episode."""
    mine = episodes[episodes["seed"].isin(seeds)]
    if mine.empty:
        return {}
    failed = pd.to_numeric(mine["return"]) < task.ref_max_score
    by_seed = 100 * failed.astype(float).groupby(mine["seed"]).mean()  # as a bounded score
    return {name: value / 100 for name, value in _mean("regret", by_seed, True).items()}


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

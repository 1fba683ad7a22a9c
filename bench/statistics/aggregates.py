"""Means, intervals and aggregates of scores.

Everything here is a pure function of data frames. Scores are D4RL's normalised scores, on the
0-100 scale [Fu et al., 2020, arXiv:2004.07219, appendix A].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pandas as pd
from rliable import library

from bench.config.task import Task
from bench.config.types import Suite
from bench.statistics.intervals import MIN_SEEDS, _std, rank, t_interval

CURVE_TAIL = 10  # evaluations in `last10`

SUMMARY_COLUMNS = [
    *["task", "method", "seeds", "mean", "std", "ci_low", "ci_high"],
    *["best", "last10", "tied", "diverged"],
]
AGGREGATE_COLUMNS = ["group", "method", "metric", "value", "ci_low", "ci_high", "seeds", "tasks"]
METRICS = ("IQM", "median", "mean", "optimality gap")
PERFECT = 100.0  # target score of the optimality gap
ALL_TASKS = "all"


def _offline(scores: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """Return the offline evaluations of the suite's tasks and methods."""
    ours = scores["task"].isin(suite.tasks) & scores["method"].isin(suite.methods)
    return scores[ours & (scores["phase"] == "offline")]


def _last(offline: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """Return each method's last evaluation, which diverged runs lack."""
    return offline[offline["step"] == offline["method"].map(suite.updates_of)]


def summarise(scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Summarise the last evaluation: one row per task and method with evaluations.

    `seeds` counts the seeds that reached the last evaluation, `diverged` those that stopped
    earlier. `best` and `last10` average each seed's best and last ten evaluations; `best` selects
    on the test environment and is reported only to show how much that would add. `tied` is
    "best", "tied" (p > 0.05 in Welch's test against the best), "" or, with fewer than three
    seeds, which are not ranked, "n/a".
    """
    rows = []
    offline = _offline(scores, suite).sort_values(["seed", "step"])
    for task in suite.tasks:
        of_task = offline[offline["task"] == task]
        cells = {m: of_task[of_task["method"] == m] for m in suite.methods}
        cells = {m: cell for m, cell in cells.items() if len(cell)}
        finals = {m: _last(cell, suite)["score"].to_numpy(float) for m, cell in cells.items()}
        ranks = rank(finals)
        for method, cell in cells.items():
            values = finals[method]
            finished = cell[cell["seed"].isin(_last(cell, suite)["seed"])]
            by_seed = finished.groupby("seed")["score"]
            low, high = t_interval(values, tasks[task].bounded)
            row = {
                "task": task,
                "method": method,
                "seeds": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "std": _std(values) if len(values) > 1 else np.nan,
                "ci_low": low,
                "ci_high": high,
                "best": by_seed.max().mean(),
                "last10": by_seed.agg(lambda curve: curve.tail(CURVE_TAIL).mean()).mean(),
                "tied": ranks[method],
                "diverged": cell["seed"].nunique() - len(values),
            }
            rows.append(row)
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


def groups(suite: Suite, tasks: Mapping[str, Task]) -> dict[str, list[str]]:
    """Return `all` and each family with at least two tasks, with tasks in the suite's order."""
    families: dict[str, list[str]] = {}
    for task in suite.tasks:
        families.setdefault(tasks[task].family, []).append(task)
    several = {f: names for f, names in families.items() if len(names) > 1}
    # With a single family, `all` and the family would be the same group.
    if len(families) == 1:
        several = {}
    return {ALL_TASKS: list(suite.tasks), **several}


def score_matrix(final: pd.DataFrame, method: str, tasks: Sequence[str]) -> np.ndarray:
    """Return last scores of the seeds that `method` has on all `tasks`: (seeds, tasks)."""
    wide = final[final["method"] == method].pivot(index="seed", columns="task", values="score")
    return wide.reindex(columns=list(tasks)).dropna().sort_index().to_numpy(float)


def left_out(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> list[tuple[str, str, str]]:
    """Return (group, method, reason) for each method that `aggregate` excludes from a group."""
    final = _last(_offline(scores, suite), suite)
    result = []
    for group, names in groups(suite, tasks).items():
        for method in suite.methods:
            present = set(final[final["method"] == method]["task"])
            missing = [t for t in names if t not in present]
            if missing:
                where = ", ".join(missing) if len(missing) < 4 else f"{len(missing)} tasks"
                result.append((group, method, f"no last score on {where}"))
            elif not len(score_matrix(final, method, names)):
                result.append((group, method, "no seed is common to all tasks"))
    return result


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator in a context: rliable draws from it, not `random_state`."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def _metrics(matrix: np.ndarray) -> np.ndarray:
    """Return the four METRICS of a matrix (seeds, tasks), as rliable without SciPy's overhead."""
    by_task = matrix.mean(axis=0)
    ordered = np.sort(matrix, axis=None)
    cut = int(0.25 * ordered.size)
    gap = PERFECT - np.minimum(matrix, PERFECT).mean()
    iqm = ordered[cut : ordered.size - cut].mean()
    return np.array([iqm, np.median(by_task), by_task.mean(), gap])


def matrices(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> dict[str, dict[str, np.ndarray]]:
    """Return last scores (seeds, tasks) by group and method.

    A group contains the methods with last scores on all its tasks, and for each method the seeds
    shared by all tasks; `left_out` lists the excluded methods.
    """
    final = _last(_offline(scores, suite), suite)
    excluded = {(group, method) for group, method, _ in left_out(scores, suite, tasks)}
    return {
        group: {
            method: score_matrix(final, method, names)
            for method in suite.methods
            if (group, method) not in excluded
        }
        for group, names in groups(suite, tasks).items()
    }


def aggregate(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task], repetitions: int
) -> pd.DataFrame:
    """Return IQM, median, mean and optimality gap with 95% stratified bootstrap intervals.

    Follows Agarwal et al. (2021, arXiv:2108.13264) using rliable, on the 0-100 scale, over the
    `matrices`; columns `seeds` and `tasks` are the shape of the matrix.
    """
    rows = []
    for group, found in matrices(scores, suite, tasks).items():
        for method, matrix in found.items():
            interval = np.full((2, len(METRICS)), np.nan)
            if len(matrix) >= MIN_SEEDS:
                # Seeded per method, so that adding a method leaves other intervals unchanged.
                with _numpy_seed(0):
                    _, intervals = library.get_interval_estimates(
                        {method: matrix}, _metrics, reps=repetitions
                    )
                interval = intervals[method]
            for metric, value, low, high in zip(METRICS, _metrics(matrix), *interval, strict=True):
                rows.append((group, method, metric, value, low, high, *matrix.shape))
    return pd.DataFrame(rows, columns=AGGREGATE_COLUMNS)

"""Means and intervals of scores, and the cells over which `over_tasks` aggregates.

Everything here is a pure function of data frames. Scores are D4RL's normalised scores, on the
0-100 scale [Fu et al., 2020, arXiv:2004.07219, appendix A].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from bench.config.task import Task
from bench.config.types import Suite
from bench.statistics.comparisons import rank
from bench.statistics.intervals import LEVEL, deviation
from bench.statistics.seed_scores import SeedScores, common_seeds

CURVE_TAIL = 10  # evaluations in `last10`

SUMMARY_COLUMNS = [
    *["task", "method", "seeds", "mean", "std", "ci_low", "ci_high"],
    *["best", "last10", "tied", "diverged"],
]
AGGREGATE_COLUMNS = ["group", "method", "metric", "value", "ci_low", "ci_high", "seeds", "tasks"]
METRICS = ("IQM", "median", "mean", "optimality gap")
PERFECT = 100.0  # target score of the optimality gap
MEDIAN_SEEDS = 10  # with fewer, intervals of a median over tasks cover it in as few as 45%
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
    earlier. `ci_low` and `ci_high` are the 95% interval of `SeedScores`. `best` and `last10`
    average each seed's best and last ten evaluations; `best` selects on the test environment and
    is reported only to show how much that would add. `tied` is that of `rank`.
    """
    rows = []
    offline = _offline(scores, suite).sort_values(["seed", "step"])
    for task in suite.tasks:
        of_task = offline[offline["task"] == task]
        cells = {m: of_task[of_task["method"] == m] for m in suite.methods}
        cells = {m: cell for m, cell in cells.items() if len(cell)}
        bounded = tasks[task].bounded
        finals = {m: SeedScores.of(_last(cell, suite), bounded) for m, cell in cells.items()}
        ranks = rank(finals)
        for method, cell in cells.items():
            values = finals[method].values
            finished = cell[cell["seed"].isin(_last(cell, suite)["seed"])]
            by_seed = finished.groupby("seed")["score"]
            low, high = finals[method].interval()
            row = {
                "task": task,
                "method": method,
                "seeds": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "std": deviation(values) if len(values) > 1 else np.nan,
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
    """Return `all` and each family with at least two tasks, with tasks in the suite's order.

    Tasks without an environment are left out, and without any other there is no group.
    """
    scored = [task for task in suite.tasks if tasks[task].scored]
    families: dict[str, list[str]] = {}
    for task in scored:
        families.setdefault(tasks[task].family, []).append(task)
    several = {f: names for f, names in families.items() if len(names) > 1}
    # With a single family, `all` and the family would be the same group.
    if len(families) == 1:
        several = {}
    return {ALL_TASKS: scored, **several} if scored else {}


def last_scores(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> dict[tuple[str, str], SeedScores]:
    """Return the last offline scores by (task, method), for the cells that have any."""
    final = _last(_offline(scores, suite), suite)
    return {
        (str(task), str(method)): SeedScores.of(rows, tasks[str(task)].bounded)
        for (task, method), rows in final.groupby(["task", "method"])
    }


def left_out(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> list[tuple[str, str, str]]:
    """Return (group, method, reason) for each method that `aggregate` excludes from a group."""
    final = last_scores(scores, suite, tasks)
    result = []
    for group, names in groups(suite, tasks).items():
        for method in suite.methods:
            missing = [t for t in names if (t, method) not in final]
            if missing:
                where = ", ".join(missing) if len(missing) < 4 else f"{len(missing)} tasks"
                result.append((group, method, f"no last score on {where}"))
            elif not len(common_seeds([final[t, method] for t in names])):
                result.append((group, method, "no seed is common to all tasks"))
    return result


def metrics(matrices: np.ndarray) -> np.ndarray:
    """Return the METRICS as rliable does, faster: (..., seeds, tasks) -> (..., 4)."""
    iqm, median = iqm_and_median(matrices)
    mean = matrices.mean(axis=-2).mean(axis=-1)
    gap = PERFECT - np.minimum(matrices, PERFECT).mean(axis=(-2, -1))
    return np.stack([iqm, median, mean, gap], axis=-1)


def iqm_and_median(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two METRICS, those that are bootstrapped: (..., seeds, tasks) -> (...)."""
    ordered = np.sort(matrices.reshape(*matrices.shape[:-2], -1), axis=-1)
    cut = int(0.25 * ordered.shape[-1])
    by_task = np.sort(matrices.mean(axis=-2), axis=-1)
    tasks = by_task.shape[-1]
    middle = by_task[..., (tasks - 1) // 2 : tasks // 2 + 1]
    return ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1), middle.mean(axis=-1)


def complete(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]
) -> dict[str, dict[str, list[SeedScores]]]:
    """Return last scores by group and method, one per task, of the seeds shared by all tasks.

    A group contains the methods with last scores on all its tasks; `left_out` lists the others.
    """
    final = last_scores(scores, suite, tasks)
    excluded = {(group, method) for group, method, _ in left_out(scores, suite, tasks)}
    found: dict[str, dict[str, list[SeedScores]]] = {}
    for group, names in groups(suite, tasks).items():
        found[group] = {}
        for method in (m for m in suite.methods if (group, m) not in excluded):
            cells = [final[task, method] for task in names]
            seeds = common_seeds(cells)
            found[group][method] = [cell.only(seeds) for cell in cells]
    return found


def matrix_of(cells: Sequence[SeedScores]) -> np.ndarray:
    """Return the scores of one method as rliable takes them: (seeds, tasks)."""
    return np.stack([cell.values for cell in cells], axis=1)


def bootstrap_level(seeds: int, tasks: int) -> float:
    """Return the nominal level at which a percentile bootstrap of few seeds covers about 95%.

    Its deviation is too small by sqrt((seeds - 1) / seeds), and its quantiles are the normal
    distribution's instead of Student's with tasks x (seeds - 1) degrees of freedom; the level
    makes up for both [Hesterberg 2015, The American Statistician 69:371, expanded percentile].
    """
    quantile = np.sqrt(seeds / (seeds - 1)) * stats.t.ppf((1 + LEVEL) / 2, tasks * (seeds - 1))
    return float(1 - 2 * stats.norm.cdf(-quantile))

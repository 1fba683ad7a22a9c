"""Comparison of a user's own method with the per-episode scores shipped with this project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.errors import BenchError, unknown
from bench.records.layouts import open_results
from bench.records.run_record import task_of
from bench.statistics.frames import read_csv
from bench.statistics.improvement import Improvement
from bench.statistics.inference import Estimate
from bench.statistics.scores import run_scores
from bench.statistics.seed_scores import Cells, SeedScores, common_seeds, estimate

COLUMNS = [
    *["task", "method", "seeds", "mean", "ci_low", "ci_high"],
    *["difference", "difference_low", "difference_high"],
    *["improvement", "improvement_low", "improvement_high"],
]
EPISODES = ["task", "seed", "episode", "return"]
ALL = "all"
Scores = Mapping[tuple[str, str], SeedScores]  # by task and method


def read_shipped(results: Path) -> tuple[dict[str, Task], dict[tuple[str, str], SeedScores]]:
    """Return the tasks, and the last offline scores by (task, method)."""
    tasks: dict[str, Task] = {}
    cells: dict[tuple[str, str], list[pd.DataFrame]] = {}
    for stored in open_results(results).runs.values():
        run = stored.record()
        task = task_of(run, stored.record_at)
        tasks[task.task] = task
        rows = run_scores(stored)
        last = rows[(rows["phase"] == "offline") & (rows["step"] == run["settings"]["updates"])]
        cells.setdefault((task.task, run["settings"]["method"]), []).append(last)
    if not cells:
        raise BenchError(
            f"{results}: no runs found; give a folder such as results/published/quick."
        )
    found = {cell: pd.concat(parts) for cell, parts in cells.items()}
    return tasks, {
        cell: SeedScores.of(rows, tasks[cell[0]].bounded)
        for cell, rows in found.items()
        if len(rows)
    }


def read_own(file: Path, tasks: Mapping[str, Task]) -> dict[str, SeedScores]:
    """Return normalised scores by task; raise BenchError naming file and field."""
    if not file.exists():
        raise BenchError(f"{file}: file not found; name the CSV of your episodes.")
    try:
        frame = read_csv(file, EPISODES)
    except BenchError:  # its remedy, deleting the file, suits only files that can be regenerated
        columns = ", ".join(EPISODES)
        raise BenchError(f"{file}: not a CSV with {columns}; see docs/your-method.md.") from None
    frame["return"] = pd.to_numeric(frame["return"], errors="coerce")
    if frame.empty or not np.isfinite(frame["return"]).all():
        raise BenchError(f"{file}: return: not a finite number in every row; fix that row.")
    if frame.duplicated(["task", "seed", "episode"]).any():
        raise BenchError(f"{file}: episode: the same episode occurs twice; renumber the episodes.")
    for task in frame["task"].unique():
        if task not in tasks:
            raise unknown(f"{file}, task", "task", task, tasks)
    scores = {}
    for task, rows in frame.groupby("task", sort=False):
        row = tasks[str(task)]
        by_seed = rows.groupby("seed")["return"].agg(score="mean", episodes="size").reset_index()
        by_seed["score"] = row.score(by_seed["score"])
        scores[str(task)] = SeedScores.of(by_seed, row.bounded)
    return scores


def compared(ours: Mapping[str, SeedScores], shipped: Scores, name: str) -> pd.DataFrame:
    """Return one row per task and method, ours first, then `all` tasks with equal weight.

    Over all tasks, numbers are of the seeds that have every task. The difference is Welch's: equal
    seeds of two programs share neither batches nor goals. Next to it, the probability that a seed
    of ours scores higher (ties count half). Intervals need three seeds on both sides.
    """
    methods = list(dict.fromkeys(method for _, method in shipped))
    groups = [[task] for task in ours] + ([list(ours)] if len(ours) > 1 else [])
    rows: list[tuple[object, ...]] = []
    for group in groups:
        title = group[0] if len(group) == 1 else ALL
        mine = [ours[task] for task in group]
        rows.append((title, name, *_level(mine), *[np.nan] * 6))
        for method in methods:
            if all((task, method) in shipped for task in group):
                theirs = [shipped[task, method] for task in group]
                rows.append((title, method, *_level(theirs), *_against(mine, theirs)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _level(cells: Cells) -> tuple[object, ...]:
    """Return the number of seeds, and the mean over tasks with its interval."""
    return len(common_seeds(cells)), *_per_task(estimate(cells), len(cells))


def _against(mine: Cells, theirs: Cells) -> tuple[float, ...]:
    """Return the difference and the probability of improvement, each with its interval."""
    wins = Improvement.of([cell.values for cell in mine], [cell.values for cell in theirs])
    difference = estimate(mine, theirs, paired=False)
    return *_per_task(difference, len(mine)), wins.value, *wins.interval()


def _per_task(total: Estimate, tasks: int) -> tuple[float, ...]:
    low, high = total.interval()
    return total.value / tasks, low / tasks, high / tasks

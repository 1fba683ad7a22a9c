"""Comparison of a user's own method with the per-episode scores shipped with this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.errors import BenchError, unknown
from bench.records.layouts import open_results
from bench.records.run_record import task_of
from bench.statistics.frames import read_csv
from bench.statistics.inference import (
    MIN_BOOTSTRAP_SEEDS,
    Sample,
    bootstrap_interval,
    contrast,
    improvement,
)
from bench.statistics.intervals import MIN_SEEDS
from bench.statistics.scores import run_scores

COLUMNS = [
    *["task", "method", "seeds", "mean", "ci_low", "ci_high"],
    *["difference", "difference_low", "difference_high"],
    *["improvement", "improvement_low", "improvement_high"],
]
EPISODES = ["task", "seed", "episode", "return"]
ALL = "all"
REPETITIONS = 10_000
Scores = Mapping[tuple[str, str], np.ndarray]  # (task, method) -> (seeds,)


def read_shipped(results: Path) -> tuple[dict[str, Task], dict[tuple[str, str], np.ndarray]]:
    """Return the tasks, and the last offline scores (seeds,) by (task, method)."""
    tasks: dict[str, Task] = {}
    cells: dict[tuple[str, str], list[float]] = {}
    for stored in open_results(results).runs.values():
        run = stored.record()
        task = task_of(run, stored.record_at)
        tasks[task.task] = task
        rows = run_scores(stored)
        last = rows[(rows["phase"] == "offline") & (rows["step"] == run["settings"]["updates"])]
        cells.setdefault((task.task, run["settings"]["method"]), []).extend(last["score"])
    if not cells:
        raise BenchError(
            f"{results}: no runs found; give a folder such as results/published/quick."
        )
    return tasks, {cell: np.array(values) for cell, values in cells.items() if values}


def read_own(file: Path, tasks: Mapping[str, Task]) -> dict[str, np.ndarray]:
    """Return normalised scores (seeds,) by task; raise BenchError naming file and field."""
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
        means = rows.groupby("seed")["return"].mean().to_numpy(float)
        scores[str(task)] = row.score(means)
    return scores


def compared(
    ours: Mapping[str, np.ndarray], shipped: Scores, name: str, tasks: Mapping[str, Task]
) -> pd.DataFrame:
    """Return one row per task and method, ours first, then `all` tasks with equal weight.

    The difference has Welch's t interval, given three seeds on both sides. The probability that a
    seed of ours scores higher (ties count half) has a bootstrap interval, given five.
    """
    methods = list(dict.fromkeys(method for _, method in shipped))
    groups = [[task] for task in ours] + ([list(ours)] if len(ours) > 1 else [])
    rows: list[tuple[object, ...]] = []
    for group in groups:
        title = group[0] if len(group) == 1 else ALL
        bounded = all(tasks[task].bounded for task in group)
        mine = [ours[task] for task in group]
        rows.append((title, name, *_level(mine, bounded), *[np.nan] * 6))
        for method in methods:
            if all((task, method) in shipped for task in group):
                theirs = [shipped[task, method] for task in group]
                rows.append((title, method, *_level(theirs, bounded), *_against(mine, theirs)))
    return pd.DataFrame(rows, columns=COLUMNS)


def _level(samples: Sequence[np.ndarray], bounded: bool) -> tuple[object, ...]:
    """Return the fewest seeds of a task, and the mean over tasks with its interval.

    The interval is clipped to [0, 100] if scores are `bounded`.
    """
    seeds = min(len(values) for values in samples)
    low, high = _interval([(1.0, values) for values in samples])
    low, high = (float(np.clip(end, 0, 100)) if bounded else end for end in (low, high))
    return seeds, float(np.mean([values.mean() for values in samples])), low, high


def _against(mine: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> tuple[float, ...]:
    """Return the difference and the probability of improvement, each with its interval."""
    gap = np.mean([a.mean() - b.mean() for a, b in zip(mine, theirs, strict=True)])
    low, high = _interval([(1.0, v) for v in mine] + [(-1.0, v) for v in theirs], len(mine))
    wins, draws = improvement(mine, theirs, REPETITIONS)
    enough = min(len(values) for values in (*mine, *theirs)) >= MIN_BOOTSTRAP_SEEDS
    ends = bootstrap_interval(draws) if enough else (np.nan, np.nan)
    return float(gap), low, high, wins, *ends


def _interval(
    terms: Sequence[tuple[float, np.ndarray]], tasks: int | None = None
) -> tuple[float, float]:
    """Return the interval of a weighted sum of means over `tasks`; NaN below three seeds."""
    if min(len(values) for _, values in terms) < MIN_SEEDS:
        return np.nan, np.nan
    count = tasks or len(terms)
    samples = [(weight / count, Sample.of(values)) for weight, values in terms]
    return contrast(samples).interval()

"""Comparison of a user's own method with the per-episode scores shipped with this project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.errors import BenchError
from bench.jobs.own_episodes import taken
from bench.records.layouts import open_results
from bench.records.run_record import task_of
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
ALL = "all"
REPETITIONS = 10_000
Scores = Mapping[tuple[str, str], np.ndarray]  # (task, method) -> (seeds,)


@dataclass(frozen=True)
class Shipped:
    """What a suite's folder offers for a comparison.

    `scores` are those of the last offline evaluation; `notes` say what they are, and what of the
    folder is left out and why.
    """

    tasks: dict[str, Task]
    scores: dict[tuple[str, str], np.ndarray]  # (task, method) -> (seeds,)
    episodes: dict[str, int]  # per seed, by task
    notes: list[str]


def read_shipped(results: Path) -> Shipped:
    """Read the verified runs in a folder; raise BenchError if there is none."""
    stored = open_results(results)
    tasks: dict[str, Task] = {}
    cells: dict[tuple[str, str], list[float]] = {}
    episodes: dict[str, int] = {}
    notes = [f"left out: {name}: {reason}" for name, reason in stored.refused.items()]
    untrained: dict[str, None] = {}
    online: dict[str, None] = {}
    for run in stored.verified.values():
        record = run.record()
        settings = record["settings"]
        task = task_of(record, run.record_at)
        tasks[task.task] = task
        rows = run_scores(run)
        last = rows[(rows["phase"] == "offline") & (rows["step"] == settings["updates"])]
        if lost := sorted(set(settings["seeds"]) - set(last["seed"])):
            seeds = ", ".join(map(str, lost))
            notes.append(f"left out: {run.name}: seeds {seeds}, without a last evaluation")
        if not settings["updates"]:
            untrained[settings["method"]] = None
            continue
        if settings.get("online"):
            online[settings["method"]] = None
        episodes[task.task] = int(last["episodes"].max()) if len(last) else 0
        cells.setdefault((task.task, settings["method"]), []).extend(last["score"])
    if untrained:
        notes.append(
            f"left out: {', '.join(untrained)}: no offline updates, so before the online phase "
            "there are only the networks that they start from"
        )
    if online:
        notes.append(f"{', '.join(online)}: scores at the end of the offline phase, not after it")
    if not cells:
        raise BenchError(
            f"{results}: no verified runs of methods that train offline; give a folder such as "
            "results/published/quick."
        )
    scores = {cell: np.array(values) for cell, values in cells.items() if values}
    return Shipped(tasks, scores, episodes, notes)


def read_own(frame: pd.DataFrame, tasks: Mapping[str, Task]) -> dict[str, np.ndarray]:
    """Return normalised scores (seeds,) by task, of rows that `read_episodes` has checked."""
    scores = {}
    for task, rows in frame.groupby("task", sort=False):
        row = tasks[str(task)]
        means = rows.groupby("seed")["return"].mean().to_numpy(float)
        scores[str(task)] = row.score(means)
    return scores


def basis(frame: pd.DataFrame, shipped: Shipped) -> list[str]:
    """Return the lines that say what is compared, and what of either side is left out."""
    lines = [f"taken: {line}" for line in taken(frame, shipped.tasks)]
    for task, rows in frame.groupby("task", sort=False):
        mine, theirs = len(rows) // rows["seed"].nunique(), shipped.episodes.get(str(task), 0)
        if mine != theirs:
            lines.append(
                f"{task}: {mine} episodes a seed of yours, {theirs} of the others: means over "
                "fewer episodes scatter more"
            )
    others = [task for task in shipped.tasks if task not in set(frame["task"])]
    lines += [f"left out: {', '.join(others)}: not in your file"] if others else []
    return lines + shipped.notes


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

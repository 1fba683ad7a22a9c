"""Comparison of a user's own method with the per-episode scores shipped with this project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.errors import BenchError
from bench.jobs.own_episodes import taken
from bench.records.layouts import open_results
from bench.records.run_record import task_of
from bench.statistics.improvement import Improvement
from bench.statistics.inference import Estimate
from bench.statistics.scores import run_scores
from bench.statistics.seed_scores import Cells, SeedScores, common_seeds, estimate

COLUMNS = [
    *["task", "method", "seeds", "mean", "ci_low", "ci_high"],
    *["difference", "difference_low", "difference_high"],
    *["improvement", "improvement_low", "improvement_high"],
]
ALL = "all"
Scores = Mapping[tuple[str, str], SeedScores]  # by task and method


@dataclass(frozen=True)
class Shipped:
    """What a suite's folder offers for a comparison.

    `scores` are those of the last offline evaluation; `notes` say what they are, and what of the
    folder is left out and why.
    """

    tasks: dict[str, Task]
    scores: dict[tuple[str, str], SeedScores]  # by task and method
    episodes: dict[str, int]  # per seed, by task
    notes: list[str]


def read_shipped(results: Path) -> Shipped:
    """Read the verified runs in a folder; raise BenchError if there is none."""
    stored = open_results(results)
    tasks: dict[str, Task] = {}
    cells: dict[tuple[str, str], list[pd.DataFrame]] = {}
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
        cells.setdefault((task.task, settings["method"]), []).append(last)
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
    found = {cell: pd.concat(parts) for cell, parts in cells.items()}
    scores = {
        cell: SeedScores.of(rows, tasks[cell[0]].bounded)
        for cell, rows in found.items()
        if len(rows)
    }
    return Shipped(tasks, scores, episodes, notes)


def read_own(frame: pd.DataFrame, tasks: Mapping[str, Task]) -> dict[str, SeedScores]:
    """Return normalised scores by task, of rows that `read_episodes` has checked."""
    scores = {}
    for task, rows in frame.groupby("task", sort=False):
        row = tasks[str(task)]
        by_seed = rows.groupby("seed")["return"].agg(score="mean", episodes="size").reset_index()
        by_seed["score"] = row.score(by_seed["score"])
        scores[str(task)] = SeedScores.of(by_seed, row.bounded)
    return scores


def basis(frame: pd.DataFrame, shipped: Shipped) -> list[str]:
    """Return the lines that say what is compared, and what of either side is left out."""
    lines = [f"taken: {line}" for line in taken(frame, shipped.tasks)]
    for task, rows in frame.groupby("task", sort=False):
        mine, theirs = len(rows) // rows["seed"].nunique(), shipped.episodes.get(str(task), 0)
        if mine != theirs:
            lines.append(
                f"{task}: {mine} episodes per seed of yours, {theirs} of the others: means over "
                "fewer episodes scatter more"
            )
    others = [task for task in shipped.tasks if task not in set(frame["task"])]
    lines += [f"left out: {', '.join(others)}: not in your file"] if others else []
    return lines + shipped.notes


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

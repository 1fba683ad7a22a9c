"""A user's CSV of episodes, checked for what would make a comparison wrong without a word."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Task
from bench.errors import BenchError, unknown
from bench.statistics.frames import read_csv

EPISODES = ["task", "seed", "episode", "return"]
# Scores that no episode of a task with unbounded scores comes near: three times what an expert
# earns. The best policies known reach about 150; running backwards costs HalfCheetah about 80.
LOWEST, HIGHEST = -200.0, 300.0
MOST = 2**32 - 1  # of a seed or the number of an episode


def read_episodes(file: Path, tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return the rows of a CSV with EPISODES; raise BenchError naming file, field and remedy.

    Every task must be one of `tasks`, every row have a seed, every episode occur once, every seed
    have every task and as many episodes of it as the others, and every return be possible.
    """
    if not file.is_file():
        raise BenchError(f"{file}: file not found; name the CSV of your episodes.")
    try:
        frame = read_csv(file, EPISODES)
    except BenchError:  # its remedy, deleting the file, suits only files that can be regenerated
        columns = ", ".join(EPISODES)
        raise BenchError(f"{file}: not a CSV with {columns}; see docs/your-method.md.") from None
    for column in ("return", "seed", "episode"):
        frame[column] = pd.to_numeric(frame[column], errors="coerce")
    if frame.empty or not np.isfinite(frame["return"]).all():
        raise BenchError(f"{file}: return: not a finite number in every row; fix that row.")
    for column in ("seed", "episode"):
        whole = (frame[column].mod(1) == 0) & frame[column].between(0, MOST)
        if not whole.all():
            raise BenchError(
                f"{file}, line {_line(~whole)}: {column}: missing, or not a whole number from 0 "
                "to 4,294,967,295; number every row, so that none is left out."
            )
        frame[column] = frame[column].astype(int)
    if (twice := frame.duplicated(["task", "seed", "episode"])).any():
        raise BenchError(
            f"{file}, line {_line(twice)}: episode: the same episode occurs twice; renumber the "
            "episodes, or remove the seed that is given twice."
        )
    for task in frame["task"].unique():
        if task not in tasks:
            raise unknown(f"{file}, task", "task", task, tasks)
        _check_returns(file, frame[frame["task"] == task], tasks[task])
    _check_seeds(file, frame)
    return frame


def _check_returns(file: Path, rows: pd.DataFrame, task: Task) -> None:
    """Raise BenchError for a return that no episode of the task has."""
    low, high = task.ref_min_score, task.ref_max_score
    values = rows["return"]
    remedy = "give the undiscounted sum of the environment's rewards, one row per episode"
    if task.bounded:
        wrong = (values != low) & (values != high)
        why = f"an episode of {task.task} returns {low:g} or {high:g}"
        if wrong.any() and (values > high).any():
            remedy = f"this looks like a percentage or a normalised score: {remedy}"
    else:
        scores = task.score(values.to_numpy(float))
        wrong = (scores < LOWEST) | (scores > HIGHEST)
        ends = (low + (high - low) * score / 100 for score in (LOWEST, HIGHEST))
        why = f"the returns of {task.task} lie between {{:,.0f}} and {{:,.0f}}".format(*ends)
    wrong = pd.Series(wrong, index=rows.index)
    if wrong.any():
        raise BenchError(
            f"{file}, line {_line(wrong)}: return: {values[wrong].iloc[0]:g}, but {why}; {remedy}."
        )


def _check_seeds(file: Path, frame: pd.DataFrame) -> None:
    """Raise BenchError unless every seed has every task, and as many episodes as the others."""
    counts = frame.pivot_table(index="seed", columns="task", values="return", aggfunc="size")
    for task in counts:
        missing = counts.index[counts[task].isna()]
        if len(missing):
            raise BenchError(
                f"{file}: seed: {missing[0]} has no episodes of {task}; add them, or compare that "
                "task in a file of its own."
            )
        if counts[task].nunique() > 1:
            fewest, most = counts[task].idxmin(), counts[task].idxmax()
            raise BenchError(
                f"{file}: episode: seed {fewest} has {counts[task].min():.0f} episodes of {task} "
                f"and seed {most} has {counts[task].max():.0f}; give each seed as many."
            )


def _line(wrong: pd.Series) -> int:
    """Return the line of the first marked row, below the header in line 1."""
    return int(wrong.idxmax()) + 2


def taken(frame: pd.DataFrame, tasks: Mapping[str, Task]) -> list[str]:
    """Return a line per task on what was read, and on returns that look like scores."""
    lines = []
    for task, rows in frame.groupby("task", sort=False):
        seeds = sorted(rows["seed"].unique())
        low, high = rows["return"].min(), rows["return"].max()
        text = f"{task}: {len(seeds)} seeds ({', '.join(map(str, seeds))}), "
        text += f"{len(rows) // len(seeds)} episodes each, returns {low:g} to {high:g}"
        scale = tasks[str(task)].ref_max_score
        if not tasks[str(task)].bounded and 0 < high <= 150 and scale >= 1000 and low > -50:
            text += (
                f"; if these are normalised scores, they are not returns: an expert returns "
                f"{scale:,.0f}"
            )
        lines.append(text)
    return lines

"""The numbers behind figures that are drawn from more than one table of results."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

import pandas as pd

from bench.maze_plans import Maze
from bench.report.figures.maze_squares import squares
from bench.report.figures.mazes import Trace, thinned
from bench.report.inputs import ReportInputs
from bench.statistics.curves import curve_of
from bench.statistics.finetuning import through_both

CURVES = ["task", "method", "step", "mean", "ci_low", "ci_high"]


def curves(
    inputs: ReportInputs, methods: Iterable[str], tasks: Iterable[str], online: bool = False
) -> pd.DataFrame:
    """Return the learning curves, one row per task, method and step; columns are CURVES.

    Without `online` they are those of the offline phase. With it, offline updates count up to 0
    and environment steps from 0.
    """
    scores, suite = inputs.scores, inputs.suite
    frames = [pd.DataFrame(columns=CURVES)]
    for task, method in itertools.product(tasks, list(methods)):
        cell = scores[(scores["task"] == task) & (scores["method"] == method)]
        if online:
            cell = through_both(cell, suite.updates_of(method)) if len(cell) else cell
        else:
            cell = cell[cell["phase"] == "offline"]
        if len(cell):
            points = curve_of(cell, inputs.tasks[task].bounded)
            columns = dict(zip(CURVES[2:], points, strict=True))
            frames.append(pd.DataFrame({"task": task, "method": method, **columns}))
    found = pd.concat(frames[1:] or frames)
    return found.astype({"step": int})


def maze(plan: Maze, traces: Mapping[str, Trace]) -> pd.DataFrame:
    """Return what methods learned of a maze: the value of each square, and points of the paths.

    Columns are method, what, episode, x and y in metres, value; a path has no value.
    """
    rows: list[tuple[object, ...]] = []
    for label, trace in traces.items():
        if trace.values is not None:
            x, y, mean = squares(plan, trace.values)
            rows += [
                (label, "value", None, (x[i] + x[i + 1]) / 2, (y[j] + y[j + 1]) / 2, mean[i, j])
                for i, j in itertools.product(range(len(x) - 1), range(len(y) - 1))
                if mean[i, j] == mean[i, j]
            ]
        for episode, path in enumerate(trace.paths):
            rows += [(label, "path", episode, *place, None) for place in thinned(path)[:, :2]]
    return pd.DataFrame(rows, columns=["method", "what", "episode", "x", "y", "value"])

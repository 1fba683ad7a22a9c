"""Learning curves through the offline and the online phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from bench.config.task import Task
from bench.config.types import Suite
from bench.report.figures.method_styles import look, series
from bench.report.figures.scores import curve
from bench.report.figures.style import GREY, WIDTH, show_range
from bench.statistics import finetuning
from bench.statistics.curves import curve_of
from bench.statistics.finetuning import Published


def curves(
    scores: pd.DataFrame,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Mapping[str, Task],
    paper: Mapping[tuple[str, str], Published],
) -> Figure:
    """Plot mean over seeds with t-interval, a row per task and a column per method.

    Offline updates (shaded) end where online steps start; they are at most half as wide, whatever
    their number. Grey: the means of the other methods. The paper's scores before and after are
    open markers at 0 and at the end.
    """
    rows, columns = len(tasks), len(labels)
    figure = Figure(figsize=(WIDTH, 0.95 * rows + 0.5), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row")
    for line, (name, task) in zip(axes, tasks.items(), strict=True):
        cells = {m: _both(scores, suite, m, name, task) for m in labels}
        ran = {m: cell for m, cell in cells.items() if not cell.empty}
        for axis, method in zip(line, labels, strict=True):
            for other, cell in ran.items():
                if other != method:
                    steps, mean, _, _ = curve_of(cell, task.bounded)
                    axis.plot(steps, mean, color="0.8", linewidth=0.7, zorder=1,
                              gid=series(other))  # fmt: skip
            online = suite.online_of(method, task.family)
            theirs, style = paper.get((name, method)), look(method, list(labels))
            if method not in ran:
                axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color=GREY)
            else:
                curve(axis, ran[method], task.bounded, style, labels[method])
            if theirs and online:
                axis.plot([0, online.steps], [theirs.before, theirs.after], linestyle="",
                          marker=style.marker, color=style.color, fillstyle="none",
                          markersize=6, clip_on=False, gid=style.series)  # fmt: skip
            if ran:
                _both_phases(axis, list(ran.values()), task.bounded)
        line[0].set_ylabel(name.replace("-", "-\n", 1), fontsize=7)
    for axis, (method, label) in zip(axes[0], labels.items(), strict=True):
        axis.set_title(label.replace(" from ", "\nfrom "), loc="center", gid=series(method))
    for axis in axes[:-1].flat:
        axis.tick_params(labelbottom=False)
    figure.supxlabel("offline updates (shaded), then online steps", fontsize=8)
    return figure


def _both(scores: pd.DataFrame, suite: Suite, method: str, name: str, task: Task) -> pd.DataFrame:
    """Return a cell's scores through both phases; none without an online phase."""
    cell = scores[(scores["task"] == name) & (scores["method"] == method)]
    if suite.online_of(method, task.family) is None:
        return cell.iloc[:0]
    return finetuning.through_both(cell, suite.updates_of(method))


def _both_phases(axis: Axes, cells: Sequence[pd.DataFrame], bounded: bool) -> None:
    """Shade the offline phase, make it narrow, and set the ticks."""
    start = min(0.0, *(cell["step"].min() for cell in cells))
    end = max(cell["step"].max() for cell in cells)
    axis.axvspan(start, 0, color="0.94", linewidth=0, zorder=0)
    axis.margins(x=0.04)
    show_range(axis, bounded)
    _narrow_offline(axis, max(1.0, -2 * start / end) if end else 1.0)
    axis.set_xticks(sorted({start, 0, end}))
    axis.tick_params(axis="x", labelsize=7)
    axis.xaxis.set_major_formatter(EngFormatter(sep=""))


def _narrow_offline(axis: Axes, factor: float) -> None:
    """Compress the axis left of 0 by `factor`."""
    shrink = partial(_scale_negative, factor=1 / factor)
    axis.set_xscale("function", functions=(shrink, partial(_scale_negative, factor=factor)))


def _scale_negative(values: np.ndarray, factor: float) -> np.ndarray:
    return np.where(values < 0, values * factor, values)

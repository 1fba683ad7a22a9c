"""Learning curves through the offline and the online phase."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from bench.config.task import Task
from bench.config.types import Suite
from bench.report.figures.method_styles import look
from bench.report.figures.scores import curve
from bench.report.figures.style import empty, legend, outer_labels, panels, show_range
from bench.statistics import finetuning
from bench.statistics.finetuning import Published


def curves(
    scores: pd.DataFrame,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Mapping[str, Task],
    paper: Mapping[tuple[str, str], Published],
) -> Figure:
    """Plot mean over seeds with t-interval; offline updates (shaded) end where online steps start.

    The shaded part is at most half as wide as the other, whatever the number of updates. The
    paper's scores before and after are open markers at 0 and at the end.
    """
    figure, axes = panels(len(tasks), 1.9)
    for axis, (name, task) in zip(axes, tasks.items(), strict=True):
        of_task = scores[scores["task"] == name]
        start = end = 0.0
        for method, label in labels.items():
            theirs, online = paper.get((name, method)), suite.online_of(method, task.family)
            cell = of_task[of_task["method"] == method] if online else of_task.iloc[:0]
            cell = finetuning.through_both(cell, suite.updates_of(method))
            style = look(method, list(labels))
            curve(axis, cell, task.bounded, style, label)
            if online is None or cell.empty:
                continue
            start, end = min(start, cell["step"].min()), max(end, online.steps)
            if theirs:
                axis.plot([0, online.steps], [theirs.before, theirs.after], linestyle="",
                          marker=style.marker, color=style.color, fillstyle="none",
                          markersize=6)  # fmt: skip
        axis.set_title(name)
        if not end:  # no method with an online phase has results here
            empty(axis)
            continue
        axis.axvspan(start, 0, color="0.94", linewidth=0, zorder=0)
        axis.margins(x=0.02)
        show_range(axis, task.bounded)
        _narrow_offline(axis, max(1.0, -2 * start / end))
        axis.set_xticks(sorted({start, 0, end / 2, end}))
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    outer_labels(axes, "offline updates | online steps", "normalised score")
    legend(figure, axes[0])
    return figure


def _narrow_offline(axis: Axes, factor: float) -> None:
    """Compress the axis left of 0 by `factor`."""
    shrink = partial(_scale_negative, factor=1 / factor)
    axis.set_xscale("function", functions=(shrink, partial(_scale_negative, factor=factor)))


def _scale_negative(values: np.ndarray, factor: float) -> np.ndarray:
    return np.where(values < 0, values * factor, values)

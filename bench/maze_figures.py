"""The figures of mazes, one function each; they look like those of bench.figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.figures import GREY, INK, STYLE, WIDTH, legend, look, save

BAR = 0.2  # inches that a bar and its share of the gaps take at most


def success_bars(
    summary: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Sequence[str],
    published: Mapping[tuple[str, str], float],
    stem: Path,
) -> None:
    """Success at the last evaluation and its 95 % interval: a group a task, a bar a method.

    `summary` as `stats.summarise` returns it, `methods` maps names to labels. `published` has by
    (task, method) the paper's scores on D4RL's data: ticks.
    """
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    used = len(tasks) * (len(methods) + 1) * BAR + 0.6
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
        if used > 0.7 * WIDTH:
            axis = figure.subplots()
        else:  # the legend takes the place beside the bars
            axis, side = figure.subplots(1, 2, width_ratios=[used, WIDTH - used])
            side.set_axis_off()
        for m, (method, label) in enumerate(methods.items()):
            places = np.arange(len(tasks)) + (m + 0.5) / (len(methods) + 1) - 0.5
            places += 0.5 / (len(methods) + 1)  # half a bar of gap on either side of a group
            width = 0.86 / (len(methods) + 1)
            style = look(method, list(methods))
            axis.plot([], [], style.marker, color=style.color, markeredgecolor=INK,
                      markeredgewidth=0.4, label=label)  # fmt: skip
            for x, task in zip(places, tasks, strict=True):
                row = cells.get((task, method))
                if row is None or not row["seeds"]:
                    axis.text(x, 1.5, "not run", rotation=90, ha="center", fontsize=5.5, color=GREY)
                else:
                    axis.bar(x, row["mean"], width, color=style.color, alpha=0.45)
                    if np.isfinite(row["ci_low"]):
                        axis.vlines(x, row["ci_low"], row["ci_high"], color=INK, linewidth=0.8)
                    axis.plot(x, row["mean"], style.marker, color=style.color, zorder=3,
                              clip_on=False, markeredgecolor=INK, markeredgewidth=0.4)  # fmt: skip
                if (task, method) in published:
                    axis.hlines(published[task, method], x - width / 2, x + width / 2,
                                color=INK, linewidth=1.4)  # fmt: skip
        if published:
            axis.plot(
                [],
                [],
                "_",
                color=INK,
                markersize=6,
                markeredgewidth=1.4,
                label="paper, on D4RL's data",
            )
        axis.set_xticks(range(len(tasks)), [_two_lines(task) for task in tasks])
        axis.set(xlim=(-0.5, len(tasks) - 0.5), ylim=(0, 100), ylabel="success (%)")
        axis.tick_params(axis="x", length=0)
        axis.grid(False, axis="x")
        if used > 0.7 * WIDTH:
            legend(figure, axis)
        else:
            side.legend(*axis.get_legend_handles_labels(), loc="center left")
        save(figure, stem)


def _two_lines(task: str) -> str:
    """A task's name, broken behind its first word."""
    first, dash, rest = task.partition("-")
    return f"{first}{dash}\n{rest}"

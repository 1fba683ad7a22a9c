"""One function a figure: frames in, SVG, PDF and PNG out. All look alike from here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator

from bench.looks import Look, look
from bench.stats import METRICS, t_interval
from bench.task import Task

WIDTH = 6.7  # inches: the text block of the report, so that type keeps its size
FORMATS = ("svg", "pdf", "png")
INK, GREY = "0.15", "0.45"

STYLE = sns.axes_style("ticks") | {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same everywhere
    "font.size": 7,
    "axes.labelsize": 7,
    "axes.titlesize": 7,
    "axes.titlelocation": "left",
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "0.92",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.1,
    "lines.markersize": 3.5,
    "savefig.dpi": 200,
    "svg.fonttype": "path",  # no font needed where the file is opened
    "svg.hashsalt": "bench",  # fixed element ids: equal data give equal bytes
    "pdf.fonttype": 42,
}


def _columns(count: int) -> int:
    """Panels side by side: three, or two where three would leave one alone."""
    return 2 if count == 4 else min(3, count)


def panels(count: int, height: float, columns: int | None = None) -> tuple[Figure, list[Axes]]:
    """A full-width figure with `count` panels of `height` inches; spare ones are removed."""
    columns = columns or _columns(count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(WIDTH, height * rows + 0.45), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def _ticks() -> MaxNLocator:
    return MaxNLocator(4, steps=[1, 2, 2.5, 5, 10])


def save(figure: Figure, stem: Path) -> None:
    """Write the figure as `stem` with each of FORMATS; equal figures give equal bytes."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    for kind in FORMATS:
        dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}
        figure.savefig(f"{stem}.{kind}", metadata=dates[kind])


def legend(figure: Figure, axes: Axes) -> None:
    """One legend for all panels, under the figure, where it covers no data."""
    handles, labels = axes.get_legend_handles_labels()
    columns = min(len(labels), 5)
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, handlelength=3.2)


def aggregate_intervals(
    aggregate: pd.DataFrame, methods: Mapping[str, str], groups: Sequence[str], stem: Path
) -> None:
    """Point and 95 % interval: a panel a metric and group, a row a method.

    `aggregate` as `stats.aggregate` returns it, `methods` maps names to labels. A method that
    the group leaves out reads "not complete"; without an interval only the point is drawn.
    """
    with mpl.rc_context(STYLE):
        height = 0.42 + 0.17 * len(methods)
        figure, axes = panels(len(METRICS) * len(groups), height, len(METRICS))
        for index, axis in enumerate(axes):
            group, metric = groups[index // len(METRICS)], METRICS[index % len(METRICS)]
            cell = aggregate[(aggregate["group"] == group) & (aggregate["metric"] == metric)]
            _interval_panel(axis, cell.set_index("method"), list(methods))
            first = index % len(METRICS) == 0
            axis.set_yticks(range(len(methods)), list(methods.values()) if first else [])
            if index < len(METRICS):
                axis.set_title(metric + (" (\N{DOWNWARDS ARROW})" if "gap" in metric else ""))
            if first:
                axis.set_ylabel(group, fontweight="bold")
        figure.supxlabel("normalised score", fontsize=7)
        save(figure, stem)


def _interval_panel(axis: Axes, cell: pd.DataFrame, methods: Sequence[str]) -> None:
    for y, method in enumerate(methods):
        if method not in cell.index:
            axis.text(
                0.02,
                y,
                "not complete",
                transform=axis.get_yaxis_transform(),
                va="center",
                fontsize=6,
                color=GREY,
            )
            continue
        row, style = cell.loc[method], look(method, methods)
        if np.isfinite(row["ci_low"]):
            axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.color, linewidth=3.5,
                      alpha=0.45, solid_capstyle="butt")  # fmt: skip
        axis.plot(row["value"], y, linestyle="", marker=style.marker, color=style.color,
                  markeredgecolor=INK, markeredgewidth=0.4, markersize=4)  # fmt: skip
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.xaxis.set_major_locator(_ticks() if len(cell) else NullLocator())
    axis.grid(False, axis="y")
    axis.tick_params(axis="y", length=0)


def learning_curves(
    scores: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Mapping[str, Task],
    data_scores: Mapping[str, float],
    stem: Path,
) -> None:
    """Mean over seeds with its t-interval against updates: a panel a task, a line a method.

    `data_scores` is the mean normalised score of each task's dataset (dashed).
    """
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(tasks), 1.65)
        offline = scores[scores["phase"] == "offline"]
        for axis, (name, task) in zip(axes, tasks.items(), strict=True):
            for method, label in methods.items():
                cell = offline[(offline["task"] == name) & (offline["method"] == method)]
                _curve(axis, cell, task.bounded, look(method, list(methods)), label)
            if name in data_scores:
                axis.axhline(data_scores[name], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
            if offline[offline["task"] == name].empty:
                empty(axis)
            else:
                axis.xaxis.set_major_formatter(EngFormatter(sep=""))
                axis.xaxis.set_major_locator(_ticks())
                show_range(axis, task.bounded)
            axis.set_title(name)
        if data_scores:
            axes[0].plot([], [], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)),
                         label="data (mean score)")  # fmt: skip
        _outer_labels(axes, "gradient updates", "normalised score")
        legend(figure, axes[0])
        save(figure, stem)


def curve_of(cell: pd.DataFrame, bounded: bool) -> np.ndarray:
    """Step, mean over seeds, and its 95 % interval, of one method on one task: (4, steps)."""
    points = [
        (step, values.mean(), *t_interval(values, bounded))
        for step, values in ((s, g.to_numpy(float)) for s, g in cell.groupby("step")["score"])
    ]
    return np.array(points, float).reshape(-1, 4).T


def show_range(axis: Axes, bounded: bool, which: str = "y") -> None:
    """All of 0 to 100 where scores cannot leave it, so that 2 % does not look like 90."""
    if bounded:
        axis.set(**{f"{which}lim": (-4, 104)})


def _curve(axis: Axes, cell: pd.DataFrame, bounded: bool, style: Look, label: str) -> None:
    """Also without data, so that the legend names every method."""
    steps, mean, low, high = curve_of(cell, bounded)
    axis.plot(steps, mean, color=style.color, linestyle=style.line, marker=style.marker,
              markevery=max(1, len(steps) // 6), markeredgecolor="white", markeredgewidth=0.3,
              label=label)  # fmt: skip
    axis.fill_between(steps, low, high, color=style.color, alpha=0.15, linewidth=0)


def empty(axis: Axes) -> None:
    """A panel that says that there is nothing to draw."""
    axis.text(0.5, 0.5, "not run", transform=axis.transAxes, ha="center", color=GREY)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def _outer_labels(axes: Sequence[Axes], x: str, y: str) -> None:
    """Label the left column and the lowest panel of each column."""
    columns = _columns(len(axes))
    for index, axis in enumerate(axes):
        if index % columns == 0:
            axis.set_ylabel(y)
        if index + columns >= len(axes):
            axis.set_xlabel(x)


def return_histograms(cards: Mapping[str, Mapping[str, Any] | None], stem: Path) -> None:
    """Episode returns of each dataset: a panel a task; `cards` maps tasks to card or None."""
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(cards), 1.3)
        for axis, (task, card) in zip(axes, cards.items(), strict=True):
            axis.set_title(task)
            if card is None:
                empty(axis)
                continue
            histogram = card["histogram"]
            axis.stairs(histogram["counts"], histogram["edges"], fill=True, color="0.55")
            axis.axvline(card["return"]["mean"], color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
            axis.xaxis.set_major_locator(_ticks())
            axis.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        _outer_labels(axes, "episode return", "episodes")
        save(figure, stem)


def seed_scores(
    scores: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Mapping[str, Task],
    last: Callable[[str], int],
    stem: Path,
) -> None:
    """Each seed's score at its method's `last` step as a dot, the mean as a tick."""
    at_end = scores["step"] == scores["method"].map(last)
    final = scores[(scores["phase"] == "offline") & at_end]
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(tasks), 0.5 + 0.15 * len(methods))
        for index, (axis, task) in enumerate(zip(axes, tasks, strict=True)):
            show_range(axis, tasks[task].bounded, "x")
            for y, method in enumerate(methods):
                cell = final[(final["task"] == task) & (final["method"] == method)]
                values = cell.sort_values("seed")["score"].to_numpy(float)
                style = look(method, list(methods))
                # Spread the seeds over the row's height, so that equal scores stay visible.
                offset = np.linspace(-0.22, 0.22, len(values)) if len(values) > 1 else np.zeros(1)
                if len(values):
                    axis.plot(values, y + offset, linestyle="", marker=style.marker, alpha=0.75,
                              color=style.color, markersize=3, markeredgewidth=0)  # fmt: skip
                    axis.vlines(values.mean(), y - 0.38, y + 0.38, color=INK, linewidth=1)
            axis.set_title(task)
            if final[final["task"] == task].empty:
                empty(axis)
                continue
            names = list(methods.values()) if index % _columns(len(tasks)) == 0 else []
            axis.set_yticks(range(len(methods)), names)
            axis.set_ylim(len(methods) - 0.5, -0.5)
            axis.xaxis.set_major_locator(_ticks())
            axis.tick_params(axis="y", length=0)
        _outer_labels(axes, "normalised score", "")
        save(figure, stem)

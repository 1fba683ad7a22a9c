"""Figures of scores: aggregates, learning curves, final score per seed, returns in the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, MaxNLocator, NullLocator

from bench.config.task import Task
from bench.report.figures.method_styles import Look, look, series
from bench.report.figures.style import (
    GREY,
    INK,
    OTHERS,
    apart,
    columns_of,
    empty,
    legend,
    name_rows,
    outer_labels,
    panels,
    show_range,
    ticks,
)
from bench.report.table import NOT_RECORDED
from bench.statistics.aggregates import METRICS
from bench.statistics.costs import REFERENCE
from bench.statistics.curves import curve_of


def aggregate_intervals(
    aggregate: pd.DataFrame, methods: Mapping[str, str], groups: Sequence[str]
) -> Figure:
    """Plot estimates with 95% CIs: one panel per metric and group, one row per method.

    `aggregate` as `over_tasks.aggregate` returns it; `methods` maps names to labels. A method
    omitted from the group reads "not complete"; without an interval only the point is drawn.
    """
    height = 0.42 + 0.17 * len(methods)
    figure, axes = panels(len(METRICS) * len(groups), height, len(METRICS))
    for index, axis in enumerate(axes):
        group, metric = groups[index // len(METRICS)], METRICS[index % len(METRICS)]
        cell = aggregate[(aggregate["group"] == group) & (aggregate["metric"] == metric)]
        _interval_panel(axis, cell.set_index("method"), list(methods))
        first = index % len(METRICS) == 0
        name_rows(axis, methods, shown=first)
        if index < len(METRICS):
            axis.set_title(metric + (" (\N{DOWNWARDS ARROW})" if "gap" in metric else ""))
        if first:
            axis.set_ylabel(group, fontweight="bold")
    figure.supxlabel("normalised score", fontsize=8)
    return figure


def _interval_panel(axis: Axes, cell: pd.DataFrame, methods: Sequence[str]) -> None:
    for y, method in enumerate(methods):
        if method not in cell.index:
            axis.text(
                0.02,
                y,
                "not complete",
                transform=axis.get_yaxis_transform(),
                va="center",
                fontsize=7,
                color=GREY,
            )
            continue
        row, style = cell.loc[method], look(method, methods)
        if np.isfinite(row["ci_low"]):
            axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.color, linewidth=3.5,
                      alpha=0.45, solid_capstyle="butt", gid=style.series)  # fmt: skip
        axis.plot(row["value"], y, linestyle="", marker=style.marker, color=style.color,
                  markeredgecolor=INK, markeredgewidth=0.4, markersize=4,
                  gid=style.series)  # fmt: skip
    axis.xaxis.set_major_locator(ticks() if len(cell) else NullLocator())
    axis.grid(False, axis="y")


def learning_curves(
    scores: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Mapping[str, Task],
    data_scores: Mapping[str, float],
) -> Figure:
    """Plot mean over seeds with t-interval against updates: a panel per task, a line per method.

    `data_scores` holds the mean normalised score of each task's dataset (dashed). Of many methods,
    those with the lowest scores are grey.
    """
    figure, axes = panels(len(tasks), 1.65)
    offline = scores[scores["phase"] == "offline"]
    shown = coloured(scores, methods)
    for axis, (name, task) in zip(axes, tasks.items(), strict=True):
        for method, label in methods.items():
            cell = offline[(offline["task"] == name) & (offline["method"] == method)]
            if method in shown:
                curve(axis, cell, task.bounded, look(method, list(methods)), label)
            elif len(cell):
                steps, mean, _, _ = curve_of(cell, task.bounded)
                axis.plot(steps, mean, color="0.75", linewidth=0.7, zorder=1, gid=series(method))
        if name in data_scores:
            axis.axhline(data_scores[name], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)))
        if offline[offline["task"] == name].empty:
            empty(axis)
        else:
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
            axis.xaxis.set_major_locator(ticks())
            show_range(axis, task.bounded)
        axis.set_title(name)
    if len(shown) < len(methods):
        axes[0].plot([], [], color="0.75", linewidth=0.7, label=OTHERS)
    if data_scores:
        axes[0].plot([], [], color=GREY, linewidth=0.8, linestyle=(0, (3, 3)),
                     label="data (mean score)")  # fmt: skip
    outer_labels(axes, "gradient updates", "normalised score")
    legend(figure, axes[0])
    return figure


def coloured(scores: pd.DataFrame, methods: Mapping[str, str]) -> list[str]:
    """Return the methods whose learning curves have a colour; the others are grey."""
    offline = scores[scores["phase"] == "offline"]
    return apart(methods, dict(offline.groupby("method")["score"].mean()), REFERENCE)


def curve(axis: Axes, cell: pd.DataFrame, bounded: bool, style: Look, label: str) -> None:
    """Draw a learning curve, even an empty one, so that the legend names every method."""
    steps, mean, low, high = curve_of(cell, bounded)
    axis.plot(steps, mean, color=style.color, linestyle=style.line, marker=style.marker,
              markevery=max(1, len(steps) // 6), markeredgecolor="white", markeredgewidth=0.3,
              label=label, gid=style.series)  # fmt: skip
    axis.fill_between(
        steps, low, high, color=style.color, alpha=0.15, linewidth=0, gid=style.series
    )


def return_histograms(cards: Mapping[str, Mapping[str, Any] | None]) -> Figure:
    """Plot episode returns, one panel per task; `cards` maps each task to its card or None."""
    figure, axes = panels(len(cards), 1.3)
    for axis, (task, card) in zip(axes, cards.items(), strict=True):
        axis.set_title(task)
        if card is None:
            empty(axis)
            continue
        histogram = card["histogram"]
        if not {"counts", "edges"} <= set(histogram):
            empty(axis, NOT_RECORDED)
            continue
        axis.stairs(histogram["counts"], histogram["edges"], fill=True, color="0.55")
        if "mean" in card["return"]:
            axis.axvline(card["return"]["mean"], color=INK, linewidth=0.8, linestyle=(0, (3, 3)))
        axis.xaxis.set_major_locator(ticks())
        axis.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    outer_labels(axes, "episode return", "episodes")
    return figure


def seed_scores(
    scores: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Mapping[str, Task],
    last: Callable[[str], int],
) -> Figure:
    """Plot each seed's score at its method's `last` step as a marker, the mean as a tick."""
    at_end = scores["step"] == scores["method"].map(last)
    final = scores[(scores["phase"] == "offline") & at_end]
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
                          color=style.color, markersize=3, markeredgewidth=0,
                          gid=style.series)  # fmt: skip
                axis.vlines(values.mean(), y - 0.38, y + 0.38, color=INK, linewidth=1)
        axis.set_title(task)
        if final[final["task"] == task].empty:
            empty(axis)
            continue
        name_rows(axis, methods, shown=index % columns_of(len(tasks)) == 0)
        axis.xaxis.set_major_locator(ticks())
    outer_labels(axes, "normalised score", "")
    return figure

"""Figures of the published record: heat map, forest plots, choices of evaluation, curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from bench.literature.cells import HEADLINE, Estimate
from bench.literature.evidence import STRATA
from bench.literature.pooling import CLOSE, NEAR, NOISY, WITHIN_5, WITHIN_10, Pooled
from bench.literature.protocol import CHOICES
from bench.report.figures.style import GREY, INK, WIDTH, panels, ticks
from bench.report.table import number

COLUMNS = {
    HEADLINE: "paper’s\nsettings",
    "authors": "authors’\ncode, rerun",
    "port": "ports",
    "other": "other or\ntuned",
}
MARKERS = {"authors": "D", "port": "s", "other": "o"}
COLORS = {"authors": "#0173b2", "port": "#029e73", "other": "#949494"}
SHORT = {WITHIN_5: "within 5", WITHIN_10: "within 10", NOISY: "too noisy"}
WIDEST = 40.0  # points to which a forest plot shows intervals
LIMIT = 20.0  # points at which the heat map's colour saturates
HEAT_WIDTH = 4.3  # inches
ROW = 0.152  # inches per line of a forest plot


Draw = Callable[[Axes, float], None]


@dataclass(frozen=True)
class Line:
    """A line of a forest plot: a label, a text, and what is drawn between them."""

    label: str
    text: str = ""
    draw: Draw | None = None
    bold: bool = False


def signed(value: float) -> str:
    """Format a difference with its sign."""
    return ("+" if value >= 0.05 else "") + number(value)


def heat_map(found: Sequence[Estimate]) -> Figure:
    """Draw pooled differences: one row per cell, the verdict, and one column per stratum.

    A cell holds the difference and the number of reproductions; colour saturates at LIMIT points.
    Differences of a single reproduction are in italics.
    """
    figure = Figure(figsize=(HEAT_WIDTH, 0.31 * len(found) + 0.62), layout="constrained")
    axis = figure.subplots()
    norm, colors = TwoSlopeNorm(0, -LIMIT, LIMIT), mpl.colormaps["RdBu"]
    for y, e in enumerate(found):
        for x, stratum in enumerate(COLUMNS):
            pooled = e.pooled.get(stratum)
            if pooled is None:
                axis.text(x, y, "–", ha="center", va="center", color=GREY)
                continue
            shade = colors(norm(np.clip(pooled.value, -LIMIT, LIMIT)))
            axis.add_patch(mpl.patches.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=shade))
            ink = "white" if abs(pooled.value) > 0.65 * LIMIT else INK
            text = axis.text(x, y - 0.16, signed(pooled.value), ha="center", va="center", color=ink,
                             fontsize=7.5)  # fmt: skip
            if pooled.k == 1:
                text.set_fontstyle("italic")
            axis.text(
                x, y + 0.25, f"k = {pooled.k}", ha="center", va="center", fontsize=5, color=ink
            )
        word = SHORT.get(e.verdict, e.verdict)
        weight = "bold" if e.verdict in (WITHIN_5, WITHIN_10) else "normal"
        axis.text(len(COLUMNS) - 0.42, y, word, va="center", fontsize=6.5, fontweight=weight)
    axis.set(xlim=(-0.5, len(COLUMNS) + 0.55), ylim=(len(found) - 0.5, -0.5))
    axis.set_yticks(range(len(found)), [e.cell.task for e in found])
    axis.set_xticks(range(len(COLUMNS)), list(COLUMNS.values()), fontsize=6)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    return figure


def forest(found: Estimate) -> Figure:
    """Draw a forest plot of one cell: reproductions by stratum, pooled differences, prediction.

    Lines are 95% intervals over seeds, open where the spread is assumed; diamonds are pooled
    differences with their 95% interval; the grey bar is the prediction interval of the paper's
    settings. Dashed lines are the margins of the verdict.
    """
    lines = _lines(found)
    height = ROW * len(lines) + 0.62
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axis = figure.subplots()
    low, high = _limits(found)
    right = axis.get_yaxis_transform()
    for y, line in enumerate(lines):
        face: dict[str, Any] = {"transform": right, "va": "center", "fontsize": 6.5}
        face["fontweight"] = "bold" if line.bold else "normal"
        axis.text(-0.02, y, line.label, ha="right", **face)
        axis.text(1.02, y, line.text, ha="left", **face)
        if line.draw is not None:
            line.draw(axis, y)
    axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
    for margin in (CLOSE, NEAR):
        for side in (-margin, margin):
            axis.axvline(side, color="0.7", linewidth=0.6, linestyle=(0, (3, 2)), zorder=0)
    axis.set(xlim=(low, high), ylim=(len(lines) - 0.4, -0.6), yticks=[])
    axis.xaxis.set_major_locator(ticks())
    axis.grid(False)
    axis.spines["left"].set_visible(False)
    published = found.cell.published
    axis.set_xlabel(
        f"difference from the paper’s {number(published)}, points"
        if published is not None
        else "normalised score"
    )
    return figure


def _lines(found: Estimate) -> list[Line]:
    """Return the lines from the top: the strata, then the paper's settings together."""
    lines = []
    for stratum, title in STRATA.items():
        rows = found.rows[found.rows["stratum"] == stratum].sort_values("difference")
        if not len(rows):
            continue
        color = COLORS[stratum]
        lines.append(Line(title, bold=True))
        lines += [
            Line(row["source"], _row_text(row), _draws(row, stratum))
            for row in rows.to_dict("records")
        ]
        pooled = found.pooled[stratum]
        if pooled.k > 1:
            lines.append(Line("pooled", _pooled_text(pooled), _diamond(pooled, color)))
    main = found.headline
    if main is not None:
        text = _pooled_text(main)
        lines.append(Line("paper’s settings, pooled", text, _diamond(main, INK), bold=True))
        if not math.isnan(main.next_low):
            bounds = f"[{number(main.next_low)}, {number(main.next_high)}]"
            lines.append(
                Line("prediction", f"the next code’s true difference {bounds}", _bar(main))
            )
    return lines


def _row_text(row: Mapping[Hashable, Any]) -> str:
    star = "*" if row["assumed"] else ""
    bounds = f"[{number(row['low'])}, {number(row['high'])}]"
    return f"{signed(row['difference'])} {bounds}, {row['n']} seed{'s'[: row['n'] != 1]}{star}"


def _pooled_text(pooled: Pooled) -> str:
    text = f"{signed(pooled.value)} [{number(pooled.low)}, {number(pooled.high)}]"
    if pooled.k > 1:
        text += f", τ {number(pooled.between_sd)}, I² {number(pooled.i2, 0)}%"
    return text


def _draws(row: Mapping[Hashable, Any], stratum: str) -> Draw:
    def draw(axis: Axes, y: float) -> None:
        assumed = "spread" in str(row["assumed"])
        color = COLORS[stratum]
        axis.plot([row["low"], row["high"]], [y, y], color=color, linewidth=1,
                  linestyle=(0, (2, 1)) if assumed else "-")  # fmt: skip
        axis.plot(row["difference"], y, MARKERS[stratum], color=color, markersize=4,
                  markerfacecolor="white" if assumed else color)  # fmt: skip

    return draw


def _diamond(pooled: Pooled, color: str) -> Draw:
    def draw(axis: Axes, y: float) -> None:
        xs = [pooled.low, pooled.value, pooled.high, pooled.value]
        axis.fill(xs, [y, y - 0.33, y, y + 0.33], color=color, linewidth=0.5)

    return draw


def _bar(pooled: Pooled) -> Draw:
    def draw(axis: Axes, y: float) -> None:
        axis.plot([pooled.next_low, pooled.next_high], [y, y], color="0.55", linewidth=3,
                  solid_capstyle="butt")  # fmt: skip

    return draw


def _limits(found: Estimate) -> tuple[float, float]:
    """Return the range of the axis: every reproduction, and intervals up to WIDEST."""
    ends = [*found.rows["low"], *found.rows["high"], -NEAR, NEAR]
    reach = min(max(abs(float(end)) for end in ends), WIDEST)
    reach = 1.08 * max(reach, *found.rows["difference"].abs())
    return -reach, reach


def strips(groups: Mapping[str, Sequence[Estimate]]) -> Figure:
    """Plot forest plots in small: one panel per group, one row per cell.

    Small marks are reproductions, diamonds pooled differences with the paper's settings and their
    95% intervals, cut at the edge of the panel. Cells without a published value are left out.
    """
    shown = {name: [e for e in g if e.cell.published is not None] for name, g in groups.items()}
    names = list(dict.fromkeys(e.cell.task for g in shown.values() for e in g))
    figure, axes = panels(len(shown), 0.55 + 0.15 * len(names), 3)
    for index, (axis, (title, cells)) in enumerate(zip(axes, shown.items(), strict=True)):
        for e in cells:
            y = names.index(e.cell.task)
            for row in e.rows.to_dict("records"):
                stratum = row["stratum"]
                axis.plot(row["difference"], y, MARKERS[stratum], color=COLORS[stratum],
                          markersize=2.6, alpha=0.8)  # fmt: skip
            main = e.headline
            if main is not None and main.k > 1:
                axis.plot([main.low, main.high], [y, y], color=INK, linewidth=0.8)
                axis.plot(main.value, y, "D", color=INK, markersize=2.6)
        reach = [abs(v) for e in cells for v in e.rows["difference"]]
        limit = max([1.5 * NEAR, *(1.15 * v for v in reach)])
        axis.axvline(0, color=INK, linewidth=0.7, zorder=0)
        axis.axvspan(-NEAR, NEAR, color="0.95", zorder=-1)
        axis.set(xlim=(-limit, limit), ylim=(len(names) - 0.5, -0.5), title=title)
        axis.set_yticks(range(len(names)), names if index % 3 == 0 else [])
        axis.xaxis.set_major_locator(ticks())
        axis.grid(False, axis="y")
        axis.tick_params(axis="y", length=0)
    figure.supxlabel("points above the paper", fontsize=7)
    return figure


def points(groups: Mapping[str, Sequence[Estimate]]) -> pd.DataFrame:
    """Return the reproductions behind `strips`, by panel and task."""
    return pd.concat(
        e.rows.assign(panel=name, task=e.cell.task) for name, group in groups.items() for e in group
    )


def choices(found: pd.DataFrame) -> Figure:
    """Plot the difference from the last evaluation: one panel per choice, one dot per score."""
    figure, axes = panels(len(CHOICES), 1.7, len(CHOICES))
    for axis, (name, title) in zip(axes, CHOICES.items(), strict=True):
        rows = found[(found["choice"] == name) & (found["method"] == "iql")]
        sources = sorted(rows["source"].unique())
        for y, source in enumerate(sources):
            values = rows[rows["source"] == source]["difference"]
            axis.plot(values, np.full(len(values), y), "o", color=COLORS["authors"], alpha=0.6)
        axis.axvline(0, color=INK, linewidth=0.8, zorder=0)
        axis.set_yticks(range(len(sources)), sources)
        axis.set_ylim(len(sources) - 0.5, -0.5)
        axis.set_title(title)
        axis.set_xlabel("points above the last")
    return figure


def curves(record_curves: pd.DataFrame, source: str, tasks: Sequence[str]) -> Figure:
    """Plot one source's IQL curves: seeds in grey, their mean in colour, one panel per task."""
    figure, axes = panels(len(tasks), 1.35)
    rows = record_curves[(record_curves["source"] == source) & (record_curves["method"] == "iql")]
    for axis, task in zip(axes, tasks, strict=True):
        cell = rows[(rows["task"] == task) & (rows["phase"] == "offline")]
        for _, run in cell.groupby("seed"):
            axis.plot(run["step"], run["score"], color="0.75", linewidth=0.7)
        mean = cell.groupby("step")["score"].mean()
        axis.plot(mean.index, mean, color=COLORS["authors"])
        top = mean.idxmax()
        axis.plot(top, mean[top], "^", color=COLORS["authors"], markersize=4)
        axis.plot(mean.index[-1], mean.iloc[-1], "s", color=INK, markersize=4)
        axis.set_title(task)
        axis.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes[-2].set_xlabel("updates")
    axes[3].set_ylabel("normalised score")
    return figure

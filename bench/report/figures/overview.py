"""The figures of page 1: a forest plot of differences, and the claims as a strip of squares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle

from bench.report.figures.method_styles import series
from bench.report.figures.style import GREY, INK, WIDTH, ticks

ROW, LEAST, MANY = 0.15, 0.1, 16  # inches of a forest's line, and of one of many
FILLED = "#0173b2"
KINDS = ((FILLED, "o", FILLED), (INK, "s", "white"), ("#de8f05", "D", "#de8f05"),
         ("#029e73", "^", "white"), ("#cc78bc", "v", "#cc78bc"))  # fmt: skip
VERDICTS = ("reproduced", "not reproduced", "inconclusive", "not run")
SHOWN = {"not run": "not tested"}


@dataclass(frozen=True)
class Difference:
    """One line of a forest plot; `kind` is its entry in the legend, `note` stands at the right.

    `method` is the one that it compares.
    """

    row: str
    kind: str
    value: float
    low: float
    high: float
    note: str = ""
    method: str = ""

    def under(self, row: str) -> Difference:
        """Return the same difference on another line."""
        return replace(self, row=row)


def forest(
    differences: Sequence[Difference], kinds: Sequence[str], label: str, better: tuple[str, str]
) -> Figure:
    """Plot differences with their 95% CIs around zero, grouped by row, one look per kind.

    `better` says what lies left and right of zero.
    """
    rows = list(dict.fromkeys(d.row for d in differences))
    places, middles, y = [], {}, 0.0
    for row in rows:
        mine = [d for d in differences if d.row == row]
        middles[row] = y + (len(mine) - 1) / 2
        places += [(y + i, d) for i, d in enumerate(mine)]
        y += len(mine) + 0.6
    height = ROW if len(differences) <= MANY else LEAST
    figure = Figure(figsize=(WIDTH, height * y + 0.85), layout="constrained")
    axis = figure.subplots()
    axis.axvline(0, color=INK, linewidth=0.7)
    for kind, (color, marker, face) in zip(kinds, _styles(len(kinds)), strict=True):
        of_kind = [(place, d) for place, d in places if d.kind == kind]
        for place, d in of_kind:
            if np.isfinite(d.low):
                axis.plot([d.low, d.high], [place, place], color=color, linewidth=1.1,
                          gid=series(d.method))  # fmt: skip
            axis.plot(d.value, place, linestyle="", marker=marker, color=color,
                      markerfacecolor=face, markersize=4.5, gid=series(d.method))  # fmt: skip
        axis.plot([], [], linestyle="", marker=marker, color=color, markerfacecolor=face,
                  markersize=4.5, label=kind)  # fmt: skip
    for place, d in places:
        axis.text(1.01, place, d.note, transform=axis.get_yaxis_transform(), va="center_baseline",
                  fontsize=7, gid=series(d.method))  # fmt: skip
    axis.set_yticks(list(middles.values()), list(middles))
    axis.set_ylim(y - 1.1, -0.9)
    axis.tick_params(axis="y", length=0)
    axis.grid(False, axis="y")
    axis.xaxis.set_major_locator(ticks())
    axis.set_xlabel(label)
    for side, text in zip((0.0, 1.0), better, strict=True):
        axis.text(side, 1.01, text, transform=axis.transAxes, ha="left" if not side else "right",
                  va="bottom", fontsize=7, color=GREY)  # fmt: skip
    if len(kinds) > 1:
        figure.legend(loc="outside lower center", ncols=min(len(kinds), 3))
    return figure


def _styles(count: int) -> list[tuple[str, str, str]]:
    """Return colour, marker and fill of each kind."""
    return [KINDS[i % len(KINDS)] for i in range(count)]


def strip(rows: Mapping[str, Mapping[str, int]]) -> Figure:
    """Draw each claim as a square, by verdict, one line per group; `rows` has its counts.

    Reproduced is filled, not reproduced is crossed, inconclusive is half filled, not tested empty.
    """
    most = max(sum(counts.values()) for counts in rows.values())
    size = min(0.115, WIDTH / most / 1.3)  # inches
    figure = Figure(figsize=(WIDTH, 0.33 * len(rows) + 0.05))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, WIDTH), ylim=(0.33 * len(rows) + 0.05, 0), xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.grid(False)
    for line, (name, counts) in enumerate(rows.items()):
        top = 0.33 * line + 0.17
        axis.text(0, top - 0.03, name, va="bottom", fontsize=8)
        words = " · ".join(f"{counts.get(v, 0)} {SHOWN.get(v, v)}" for v in VERDICTS)
        axis.text(WIDTH, top - 0.03, words, va="bottom", ha="right", fontsize=8)
        index = 0
        for verdict in VERDICTS:
            for _ in range(counts.get(verdict, 0)):
                _square(axis, index * size * 1.25 + 0.01, top, size, verdict)
                index += 1
    return figure


def _square(axis: Axes, x: float, y: float, size: float, verdict: str) -> None:
    edge: dict[str, Any] = {"edgecolor": INK, "linewidth": 0.6}
    fill = FILLED if verdict == "reproduced" else "none"
    axis.add_patch(Rectangle((x, y), size, size, facecolor=fill, **edge))
    if verdict == "inconclusive":
        corners = [(x, y + size), (x + size, y + size), (x, y)]
        axis.add_patch(Polygon(corners, facecolor=GREY, linewidth=0))
    if verdict == "not reproduced":
        for ends in ((y, y + size), (y + size, y)):
            axis.plot((x, x + size), ends, color=INK, linewidth=0.8)

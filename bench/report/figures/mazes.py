"""The figures of mazes, in the style of all others."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bench.data.maze_coverage import cells_visited, visits
from bench.data.transitions import Transitions
from bench.maze_plans import Maze
from bench.report.figures.maze_squares import Values, corners, squares
from bench.report.figures.method_styles import Look, look
from bench.report.figures.style import GREY, INK, WIDTH, legend, name_rows, panels
from bench.report.table import interval, number

WALL = "0.78"
ACCENT = "#b5123b"  # not the colour of any method
KINDS = (  # of trajectories: label, colour, width, maximum number drawn
    ("other trajectory", "0.55", 0.4, 300),
    ("reaches the goal", ACCENT, 0.5, 100),
    ("connects start and goal", INK, 0.8, 50),
)
POINTS = 150  # maximum per drawn trajectory
LEVELS = 12  # colours of the value map
BAR = 0.2  # maximum inches per bar, with its share of the gaps


@dataclass(frozen=True)
class Trace:
    """What one method's runs learned of a maze; `values` is None without a state value."""

    paths: list[np.ndarray]  # (T, 2) per episode: (x, y) before each step
    arrived: np.ndarray  # whether each episode reached the goal
    values: Values | None


def success_bars(
    summary: pd.DataFrame,
    methods: Mapping[str, str],
    tasks: Sequence[str],
    published: Mapping[tuple[str, str], float],
) -> Figure:
    """Plot success at the last evaluation with its 95% CI: a group per task, a bar per method.

    `summary` as `aggregates.summarise` returns it; `methods` maps names to labels; `published`
    holds the paper's scores on D4RL's data by (task, method), drawn as ticks.
    """
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    used = len(tasks) * (len(methods) + 1) * BAR + 0.6
    beside = used <= 0.7 * WIDTH  # there is room for the legend beside the bars
    figure = Figure(figsize=(WIDTH, 2.5), layout="constrained")
    if beside:
        axis, side = figure.subplots(1, 2, width_ratios=[used, WIDTH - used])
        side.set_axis_off()
    else:
        axis = figure.subplots()
    for m, (method, label) in enumerate(methods.items()):
        places = np.arange(len(tasks)) + (m + 0.5) / (len(methods) + 1) - 0.5
        places += 0.5 / (len(methods) + 1)  # a gap of half a bar on either side of a group
        width = 0.86 / (len(methods) + 1)
        style = look(method, list(methods))
        axis.plot([], [], linestyle="", marker=style.marker, color=style.color,
                  markeredgecolor=INK, markeredgewidth=0.4, label=label,
                  gid=style.series)  # fmt: skip
        for x, task in zip(places, tasks, strict=True):
            _success_bar(axis, x, width, style, cells.get((task, method)))
            if (task, method) in published:
                axis.hlines(published[task, method], x - width / 2, x + width / 2,
                            color=INK, linewidth=1.4)  # fmt: skip
    if published:
        axis.plot([], [], "_", color=INK, markersize=6, markeredgewidth=1.4,
                  label="paper (D4RL data)")  # fmt: skip
    axis.set_xticks(range(len(tasks)), [_two_lines(task) for task in tasks])
    axis.set(xlim=(-0.5, len(tasks) - 0.5), ylim=(0, 100), ylabel="success (%)")
    axis.tick_params(axis="x", length=0)
    axis.grid(False, axis="x")
    if beside:
        side.legend(*axis.get_legend_handles_labels(), loc="center left")
    else:
        legend(figure, axis)
    return figure


def success_map(summary: pd.DataFrame, methods: Mapping[str, str], tasks: Sequence[str]) -> Figure:
    """Draw success and its 95% CI as a square per method (row) and task (column)."""
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    figure = Figure(figsize=(WIDTH, 0.5 + 0.27 * len(methods)), layout="constrained")
    axis = figure.subplots()
    shown = np.full((len(methods), len(tasks)), np.nan)
    for (y, method), (x, task) in itertools.product(enumerate(methods), enumerate(tasks)):
        row = cells.get((task, method))
        if row is None or not row["seeds"]:
            axis.text(x, y, "not run", ha="center", va="center", fontsize=7, color=GREY)
            continue
        shown[y, x] = row["mean"]
        ink = "white" if row["mean"] > 55 else INK
        axis.text(x, y - 0.12, number(row["mean"]), ha="center", va="center", color=ink)
        ends = interval(row["ci_low"], row["ci_high"])
        axis.text(x, y + 0.27, ends, ha="center", va="center", fontsize=7, color=ink)
    axis.imshow(shown, "Blues", vmin=0, vmax=100, aspect="auto")
    axis.set_xticks(range(len(tasks)), [_two_lines(task) for task in tasks])
    name_rows(axis, methods)
    axis.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axis.spines[:].set_visible(False)
    axis.grid(False)
    return figure


def _success_bar(
    axis: Axes, x: float, width: float, style: Look, row: Mapping[Any, Any] | None
) -> None:
    if row is None or not row["seeds"]:
        axis.text(x, 1.5, "not run", rotation=90, ha="center", fontsize=7, color=GREY)
        return
    axis.bar(x, row["mean"], width, color=style.color, alpha=0.45, gid=style.series)
    if np.isfinite(row["ci_low"]):
        axis.vlines(x, row["ci_low"], row["ci_high"], color=INK, linewidth=0.8, gid=style.series)
    axis.plot(x, row["mean"], linestyle="", marker=style.marker, zorder=3, color=style.color,
              clip_on=False, markeredgecolor=INK, markeredgewidth=0.4,
              gid=style.series)  # fmt: skip


def _two_lines(task: str) -> str:
    """Break a task's name after its first word."""
    first, dash, rest = task.partition("-")
    return f"{first}{dash}\n{rest}"


def floor(axis: Axes, maze: Maze) -> None:
    """Draw walls, start and goal, with a scale bar as long as a cell is wide."""
    half = np.full(2, maze.cell / 2)
    for wall in maze.walls():
        axis.add_patch(Rectangle(tuple(maze.centre(wall) - half), maze.cell, maze.cell,
                                 facecolor=WALL, edgecolor=WALL, linewidth=0.2))  # fmt: skip
    axis.plot(*maze.start_xy, "o", color="white", markeredgecolor=INK, markeredgewidth=0.9,
              markersize=4.5, zorder=4, label="start")  # fmt: skip
    axis.plot(*maze.goal_xy, "*", color="white", markeredgecolor=INK, markeredgewidth=0.8,
              markersize=7.5, zorder=4, label="goal")  # fmt: skip
    low, high = corners(maze)
    left, right, y = low[0] + maze.cell / 2, low[0] + 1.5 * maze.cell, low[1] + maze.cell / 2
    axis.plot([left, right], [y, y], color=INK, linewidth=1.2, solid_capstyle="butt")
    axis.text(right + maze.cell / 4, y, f"{maze.cell:g} m", va="center_baseline", fontsize=7)
    axis.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), aspect="equal", xticks=[], yticks=[])
    axis.spines[:].set_visible(False)
    axis.grid(False)


def trajectories(data: Mapping[str, tuple[Maze, Transitions]]) -> Figure:
    """Plot some trajectories of each task's dataset in its maze, by whether they reach the goal."""
    figure, axes = panels(len(data), 1.9)
    for axis, (task, (maze, rows)) in zip(axes, data.items(), strict=True):
        floor(axis, maze)
        seen = visits(rows, maze)
        kind = _lines(axis, maze, rows)
        axis.set_title(task)
        axis.set_xlabel(
            f"{len(kind):,} trajectories in {cells_visited(rows, maze)} of "
            f"{len(maze.free_cells())} cells,\n{seen.at_goal.sum():,} reach the goal, "
            f"{seen.crosses.sum():,} from the start",
            fontsize=7,
        )
    legend(figure, axes[0])
    return figure


def _lines(axis: Axes, maze: Maze, rows: Transitions) -> np.ndarray:
    """Draw some trajectories; return the kind of each, as an index of KINDS."""
    seen = visits(rows, maze)
    kind = seen.at_goal.astype(int) + seen.crosses
    starts, ends = rows.starts(), rows.starts() + rows.lengths()
    for index, (label, color, width, most) in enumerate(KINDS):
        which = np.flatnonzero(kind == index)
        which = which[np.linspace(0, len(which) - 1, min(most, len(which))).astype(int)]
        lines = [thinned(rows.observations[starts[e] : ends[e], :2]) for e in which]
        # Rasterized, because a vector file would hold every step of every trajectory.
        axis.add_collection(LineCollection(
            lines, colors=color, linewidths=width, alpha=0.7, rasterized=True,
            zorder=2 + index / 10, label=label,
        ))  # fmt: skip
    return kind


def thinned(line: np.ndarray) -> np.ndarray:
    """Return at most POINTS of a line's points."""
    return np.asarray(line[:: -(-len(line) // POINTS)])


def stitching(maze: Maze, rows: Transitions | None, traces: Mapping[str, Trace]) -> Figure:
    """Draw the data, if `rows` are given, and beside them what methods learned of the maze."""
    count = len(traces) + (rows is not None)
    figure, axes = panels(count, _height(maze, count), count)
    if rows is not None:
        floor(axes[0], maze)
        kind = _lines(axes[0], maze, rows)
        axes[0].set_title("data")
        axes[0].set_xlabel(f"{(kind > 1).sum():,} of {len(kind):,} connect start and goal")
        bar = _bar(figure, axes[0], ScalarMappable(cmap=ListedColormap(["white"])), np.array([]))
        bar.set_label("red: reaches the goal")  # and keeps panel sizes equal
    for axis, (label, trace) in zip(axes[count - len(traces) :], traces.items(), strict=True):
        _value_map(figure, axis, maze, label, trace)
    return figure


def _height(maze: Maze, columns: int) -> float:
    """Return the height in inches of a panel with a maze and its colour bar."""
    return min(0.95 * WIDTH / columns * len(maze.plan) / len(maze.plan[0]), 2.6) + 0.55


def value_maps(maze: Maze, traces: Mapping[str, Trace]) -> Figure:
    """Map what methods learned of one maze, one panel per label.

    Colour is the value, the mean over seeds and over the data's rows in each square; lines are
    the policies' paths, with a cross where an episode ended short of the goal.
    """
    columns = 2 if len(traces) == 4 else min(3, len(traces))
    figure, axes = panels(len(traces), _height(maze, columns), columns)
    for axis, (label, trace) in zip(axes, traces.items(), strict=True):
        _value_map(figure, axis, maze, label, trace)
    return figure


def _value_map(figure: Figure, axis: Axes, maze: Maze, label: str, trace: Trace) -> None:
    axis.set_title(label)
    floor(axis, maze)
    if trace.values is None:
        blank = ScalarMappable(cmap=ListedColormap(["white"]))
        bar = _bar(figure, axis, blank, np.array([]))  # keeps panel sizes equal
        bar.set_label("no state value")
    else:
        _value_squares(figure, axis, maze, trace.values)
    for path, arrived in zip(trace.paths, trace.arrived, strict=True):
        line = thinned(path).T
        axis.plot(*line, color="white", linewidth=1.2, zorder=2.5)
        axis.plot(*line, color=INK, linewidth=0.6, zorder=2.6)
        if not arrived:
            axis.plot(*path[-1], "x", color=ACCENT, markersize=4, zorder=5,
                      markeredgewidth=1.1)  # fmt: skip
    axis.set_xlabel(f"{trace.arrived.sum()} of {len(trace.arrived)} episodes succeed")


def _value_squares(figure: Figure, axis: Axes, maze: Maze, values: Values) -> None:
    x_edges, y_edges, mean = squares(maze, values)
    # Values fall steeply at the goal and little elsewhere, so colours are quantile bins.
    levels = np.unique(np.nanquantile(mean, np.linspace(0, 1, LEVELS + 1)))
    norm = BoundaryNorm(levels, 256) if len(levels) > 1 else None
    extent = (x_edges[0], x_edges[-1], y_edges[0], y_edges[-1])
    shown = axis.imshow(
        mean.T, "viridis", norm=norm, origin="lower", extent=extent, zorder=0.5
    )  # white where there are no data
    bar = _bar(figure, axis, shown, levels[:: LEVELS // 4])
    bar.set_label(f"state value, quantile bins (Spearman ρ {values.rank:.2f})")


def _bar(figure: Figure, axis: Axes, shown: ScalarMappable, ticks: np.ndarray) -> Colorbar:
    bar = figure.colorbar(shown, ax=axis, location="bottom", shrink=0.72, aspect=26, ticks=ticks)
    bar.ax.xaxis.set_major_formatter(lambda x, _: number(x))
    bar.minorticks_off()
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    return bar

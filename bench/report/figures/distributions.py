"""Figures over all seeds and tasks: distributions of scores, improvement and cost.

The first two follow Agarwal et al. (2021, arXiv:2108.13264): performance profiles (their
section 4.3) and the probability of improvement (section 4.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.report.figures.method_styles import look
from bench.report.figures.style import INK, OTHERS, WIDTH, apart, legend, name_rows, panels
from bench.statistics import intervals
from bench.statistics.aggregates import ALL_TASKS, bootstrap_level
from bench.statistics.costs import REFERENCE
from bench.statistics.improvement import Improvement

PROFILE = ["group", "method", "threshold", "share", "ci_low", "ci_high"]
THRESHOLDS = 201
REPETITIONS = 2000  # rliable's default for profiles

# group -> method -> its last scores (seeds, tasks)
Matrices = Mapping[str, Mapping[str, np.ndarray]]


def profile(matrix: np.ndarray, thresholds: np.ndarray, repetitions: int) -> np.ndarray:
    """Return the share of runs above each threshold and its bootstrap interval: (3, thresholds).

    `matrix` (seeds, tasks). Seeds are resampled within each task, as in rliable; below MIN_SEEDS
    seeds the interval is nan.
    """
    seeds, tasks = matrix.shape
    above = (matrix[:, :, None] > thresholds).astype(float)
    band = np.full((2, len(thresholds)), np.nan)
    if seeds >= intervals.MIN_SEEDS:
        rng = np.random.default_rng(0)
        draws = np.zeros((repetitions, len(thresholds)))
        for task in range(tasks):
            weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), repetitions)
            draws += weights @ above[:, task] / (seeds * tasks)
        tail = 50 * (1 - bootstrap_level(seeds, tasks))
        band = np.percentile(draws, [tail, 100 - tail], axis=0)
    return np.vstack([above.mean((0, 1)), band])


def profiles(matrices: Matrices, methods: Iterable[str]) -> pd.DataFrame:
    """Return the profiles by group and method: group, method, threshold, share, ci_low, ci_high.

    A method without a score on some task of the group is omitted.
    """
    frames = [pd.DataFrame(columns=PROFILE)]
    for group, found in matrices.items():
        everything = np.concatenate([m.ravel() for m in found.values()] or [np.zeros(1)])
        thresholds = np.linspace(min(everything.min(), 0), max(everything.max(), 1), THRESHOLDS)
        for method in (m for m in methods if m in found):
            shares = profile(found[method], thresholds, REPETITIONS)
            columns = {"group": group, "method": method, "threshold": thresholds}
            columns |= dict(zip(PROFILE[3:], shares, strict=True))
            frames.append(pd.DataFrame(columns))
    return pd.concat(frames[1:] or frames)


def performance_profiles(
    frame: pd.DataFrame, methods: Mapping[str, str], groups: Sequence[str]
) -> Figure:
    """Plot one panel per group, one line with its band per method; `frame` from `profiles`.

    Of many methods, those with the lowest shares are grey.
    """
    figure, axes = panels(len(groups), 1.9, min(len(groups), 3))
    means = dict(frame.groupby("method")["share"].mean())
    shown = apart(methods, means, REFERENCE)
    for axis, group in zip(axes, groups, strict=True):
        of_group = frame[frame["group"] == group]
        for method, label in methods.items():
            style, mine = look(method, list(methods)), of_group[of_group["method"] == method]
            # An omitted method has an empty line, so that the legend still names it.
            thresholds, share, low, high = (mine[c].to_numpy(float) for c in PROFILE[2:])
            if method not in shown:
                axis.plot(thresholds, share, color="0.75", linewidth=0.7, zorder=1,
                          gid=style.series)  # fmt: skip
                continue
            axis.plot(thresholds, share, color=style.color, linestyle=style.line, label=label,
                      gid=style.series)  # fmt: skip
            axis.fill_between(thresholds, low, high, color=style.color, alpha=0.15, linewidth=0,
                              gid=style.series)  # fmt: skip
        axis.set_title(group)
        axis.set_ylim(-0.03, 1.03)
        axis.set_xlabel("normalised score τ")
    axes[0].set_ylabel("share of runs above τ")
    if len(shown) < len(methods):
        axes[0].plot([], [], color="0.75", linewidth=0.7, label=OTHERS)
    legend(figure, axes[0])
    return figure


def probabilities(matrices: Matrices, reference: str) -> pd.DataFrame:
    """Return P(a seed of `reference` beats one of another method), by group, with its interval.

    Columns group, method, probability, ci_low, ci_high; the interval is nan where either has
    fewer than MIN_SEEDS seeds.
    """
    rows = []
    for group, found in matrices.items():
        for method in (m for m in found if m != reference and reference in found):
            ours, theirs = found[reference], found[method]
            wins = Improvement.of(list(ours.T), list(theirs.T))
            rows.append((group, method, wins.value, *wins.interval()))
    return pd.DataFrame(rows, columns=["group", "method", "probability", "ci_low", "ci_high"])


def probability_of_improvement(
    frame: pd.DataFrame, reference: str, methods: Mapping[str, str]
) -> Figure:
    """Plot one panel per group, one row per method: the probability that `reference` beats it."""
    names = list(dict.fromkeys(frame["group"]))
    others = [m for m in methods if m in set(frame["method"])]
    figure, axes = panels(len(names), 0.35 + 0.18 * len(others), min(len(names), 3))
    for index, (axis, group) in enumerate(zip(axes, names, strict=True)):
        cell = frame[frame["group"] == group].set_index("method")
        _interval_rows(axis, cell, "probability", {m: methods[m] for m in others}, not index)
        axis.axvline(0.5, color=INK, linewidth=0.6)
        axis.set_xlim(-0.03, 1.03)
        axis.set_title(group)
    figure.supxlabel(f"P({methods[reference]} > method)", fontsize=8)
    return figure


def overall(
    aggregate: pd.DataFrame, chances: pd.DataFrame, methods: Mapping[str, str], reference: str
) -> Figure:
    """Plot the IQM over all tasks and the probability that `reference` beats each method."""
    figure = Figure(figsize=(WIDTH, 0.5 + 0.14 * len(methods)), layout="constrained")
    axes = figure.subplots(1, 2 if len(chances) else 1, squeeze=False)[0]
    means = aggregate[(aggregate["group"] == ALL_TASKS) & (aggregate["metric"] == "IQM")]
    _interval_rows(axes[0], means.set_index("method"), "value", methods)
    axes[0].set_xlabel("IQM of normalised scores")
    if len(chances):
        _interval_rows(axes[1], chances.set_index("method"), "probability", methods, named=False)
        axes[1].axvline(0.5, color=INK, linewidth=0.6)
        axes[1].set_xlim(-0.03, 1.03)
        axes[1].set_xlabel(f"P({reference} > method)")
    return figure


def _interval_rows(
    axis: Axes, rows: pd.DataFrame, key: str, methods: Mapping[str, str], named: bool = True
) -> None:
    """Draw a point with its interval on the line of each method that has a row."""
    for y, method in enumerate(methods):
        if method not in rows.index:
            continue
        row, style = rows.loc[method], look(method, list(methods))
        axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.color, linewidth=3.5,
                  alpha=0.45, solid_capstyle="butt", gid=style.series)  # fmt: skip
        axis.plot(row[key], y, linestyle="", marker=style.marker, color=style.color,
                  markeredgecolor=INK, markeredgewidth=0.4, markersize=4,
                  gid=style.series)  # fmt: skip
    name_rows(axis, methods, named)
    axis.grid(False, axis="y")


def score_against_compute(
    aggregate: pd.DataFrame,
    seconds: Mapping[str, float],
    methods: Mapping[str, str],
    groups: Sequence[str],
) -> Figure:
    """Plot one panel per group, one marker per method: mean score over seconds of updates."""
    means = aggregate[aggregate["metric"] == "mean"]
    figure, axes = panels(len(groups), 1.9, min(len(groups), 3))
    for axis, group in zip(axes, groups, strict=True):
        cell = means[means["group"] == group].set_index("method")
        for method, label in methods.items():
            style = look(method, list(methods))
            row = cell.loc[method] if method in cell.index and method in seconds else None
            x, y = ([], []) if row is None else ([seconds[method]], [row["value"]])
            axis.plot(x, y, linestyle="", marker=style.marker, color=style.color, label=label,
                      zorder=3, markeredgecolor=INK, markeredgewidth=0.4,
                      markersize=5, gid=style.series)  # fmt: skip
            if row is not None:
                axis.vlines(x, row["ci_low"], row["ci_high"], color=style.color, alpha=0.6,
                            gid=style.series)  # fmt: skip
        axis.set_xscale("log")
        low, high = axis.get_xlim()
        steps = (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7)
        axis.xaxis.set_major_locator(LogLocator(subs=steps))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.12g}"))
        axis.xaxis.set_minor_locator(NullLocator())
        axis.set_xlabel("seconds of updates per seed and task")
        axis.set_title(group)
    axes[0].set_ylabel("mean normalised score")
    legend(figure, axes[0])
    return figure

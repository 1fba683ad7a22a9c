"""Figures over all seeds and tasks: how scores spread, who beats whom, and at what cost.

The first two follow Agarwal et al. (2021, arXiv:2108.13264): performance profiles (their
section 4.3) and the probability of improvement (section 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

from bench import stats
from bench.catalogue import Catalogue
from bench.figures import INK, STYLE, legend, panels, save
from bench.inference import bootstrap_interval, improvement
from bench.looks import look
from bench.runs import Runs
from bench.suite import Suite
from bench.tables import REFERENCE, seed_update_seconds

THRESHOLDS = 201
REPETITIONS = 2000  # rliable's own default for profiles; a band needs no more

# group -> method -> its last scores (seeds, tasks)
Matrices = Mapping[str, Mapping[str, np.ndarray]]


def page(
    suite: Suite,
    catalogue: Catalogue,
    scores: pd.DataFrame,
    aggregate: pd.DataFrame,
    runs: Runs,
    folder: Path,
) -> dict[str, Any]:
    """Draw what there are scores for, with the numbers as CSV, and say which figures there are.

    `profiles` and `compute` are flags, `improvement` the label of the method that is compared
    with the others: IQL, or a suite's baseline; None where there is nothing to compare.
    """
    labels = {m: catalogue.methods[m].label for m in suite.methods}
    matrices = {
        g: found for g, found in stats.matrices(scores, suite, catalogue.tasks).items() if found
    }
    if not matrices:
        return {"profiles": False, "improvement": None, "compute": False}
    figures = folder / "figures"
    shares = performance_profiles(matrices, labels, figures / "profiles")
    stats.write_csv(shares, figures / "profiles.csv")
    one = suite.baseline or REFERENCE
    chances = probabilities(matrices, one, suite.bootstrap)
    if len(chances):
        stats.write_csv(chances, figures / "improvement.csv")
        probability_of_improvement(chances, one, labels, figures / "improvement")
    found = list(runs.found.values())
    each = {m: seed_update_seconds(found, m) for m in suite.methods}
    spent = {m: s * suite.updates_of(m) for m, s in each.items() if s}
    score_against_compute(aggregate, spent, labels, list(matrices), figures / "compute")
    return {"profiles": True, "improvement": labels[one] if len(chances) else None, "compute": True}


def profile(matrix: np.ndarray, thresholds: np.ndarray, repetitions: int) -> np.ndarray:
    """The share of runs above each threshold, and its bootstrap interval: (3, thresholds).

    `matrix` (seeds, tasks). Seeds are drawn anew within each task, as rliable does; below
    MIN_SEEDS seeds the interval is nan.
    """
    seeds, tasks = matrix.shape
    above = (matrix[:, :, None] > thresholds).astype(float)
    band = np.full((2, len(thresholds)), np.nan)
    if seeds >= stats.MIN_SEEDS:
        rng = np.random.default_rng(0)
        draws = np.zeros((repetitions, len(thresholds)))
        for task in range(tasks):
            weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), repetitions)
            draws += weights @ above[:, task] / (seeds * tasks)
        tail = 50 * (1 - stats.LEVEL)
        band = np.percentile(draws, [tail, 100 - tail], axis=0)
    return np.vstack([above.mean((0, 1)), band])


def performance_profiles(
    matrices: Matrices, methods: Mapping[str, str], stem: Path
) -> pd.DataFrame:
    """A panel a group; a method with no score on some task of the group is left out.

    Returns what is drawn: group, method, threshold, share, ci_low, ci_high.
    """
    frames = []
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(matrices), 1.9, min(len(matrices), 3))
        for axis, (group, found) in zip(axes, matrices.items(), strict=True):
            everything = np.concatenate([m.ravel() for m in found.values()] or [np.zeros(1)])
            thresholds = np.linspace(min(everything.min(), 0), max(everything.max(), 1), THRESHOLDS)
            for method in methods:
                style = look(method, list(methods))
                shares = np.full((3, THRESHOLDS), np.nan)  # drawn as nothing, but in the legend
                if method in found:
                    shares = profile(found[method], thresholds, REPETITIONS)
                    columns = {"group": group, "method": method, "threshold": thresholds}
                    columns |= dict(zip(("share", "ci_low", "ci_high"), shares, strict=True))
                    frames.append(pd.DataFrame(columns))
                label, line = methods[method], style.line
                axis.plot(thresholds, shares[0], color=style.color, linestyle=line, label=label)
                axis.fill_between(
                    thresholds, *shares[1:], color=style.color, alpha=0.15, linewidth=0
                )
            axis.set_title(group)
            axis.set_ylim(-0.03, 1.03)
            axis.set_xlabel("normalised score τ")
        axes[0].set_ylabel("share of runs above τ")
        legend(figure, axes[0])
        save(figure, stem)
    return pd.concat(frames) if frames else pd.DataFrame()


def probabilities(matrices: Matrices, reference: str, repetitions: int) -> pd.DataFrame:
    """P(a seed of `reference` beats one of another method), by group, with its interval.

    Columns group, method, probability, ci_low, ci_high; the interval is nan where either has
    fewer than MIN_SEEDS seeds.
    """
    rows = []
    for group, found in matrices.items():
        for method in (m for m in found if m != reference and reference in found):
            ours, theirs = found[reference], found[method]
            value, draws = improvement(list(ours.T), list(theirs.T), repetitions)
            enough = min(len(ours), len(theirs)) >= stats.MIN_SEEDS
            interval = bootstrap_interval(draws) if enough else (np.nan, np.nan)
            rows.append((group, method, value, *interval))
    return pd.DataFrame(rows, columns=["group", "method", "probability", "ci_low", "ci_high"])


def probability_of_improvement(
    frame: pd.DataFrame, reference: str, methods: Mapping[str, str], stem: Path
) -> None:
    """A panel a group, a row a method: how probably `reference` beats it."""
    names = list(dict.fromkeys(frame["group"]))
    others = [m for m in methods if m in set(frame["method"])]
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(names), 0.35 + 0.18 * len(others), min(len(names), 3))
        for index, (axis, group) in enumerate(zip(axes, names, strict=True)):
            cell = frame[frame["group"] == group].set_index("method")
            for y, method in enumerate(others):
                if method not in cell.index:
                    continue
                row, style = cell.loc[method], look(method, list(methods))
                axis.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.color,
                          linewidth=3.5, alpha=0.45, solid_capstyle="butt")  # fmt: skip
                axis.plot(row["probability"], y, linestyle="", marker=style.marker,
                          color=style.color, markeredgecolor=INK, markeredgewidth=0.4,
                          markersize=4)  # fmt: skip
            axis.axvline(0.5, color=INK, linewidth=0.6)
            axis.set_xlim(-0.03, 1.03)
            axis.set_ylim(len(others) - 0.5, -0.5)
            axis.set_yticks(range(len(others)), [methods[m] for m in others] if not index else [])
            axis.tick_params(axis="y", length=0)
            axis.grid(False, axis="y")
            axis.set_title(group)
        figure.supxlabel(f"P({methods[reference]} > method)", fontsize=7)
        save(figure, stem)


def score_against_compute(
    aggregate: pd.DataFrame,
    seconds: Mapping[str, float],
    methods: Mapping[str, str],
    groups: Sequence[str],
    stem: Path,
) -> None:
    """A panel a group, a dot a method: mean score over the seconds that a seed's updates took."""
    means = aggregate[aggregate["metric"] == "mean"]
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(groups), 1.9, min(len(groups), 3))
        for axis, group in zip(axes, groups, strict=True):
            cell = means[means["group"] == group].set_index("method")
            for method, label in methods.items():
                style = look(method, list(methods))
                row = cell.loc[method] if method in cell.index and method in seconds else None
                x, y = ([], []) if row is None else ([seconds[method]], [row["value"]])
                axis.plot(x, y, linestyle="", marker=style.marker, color=style.color, label=label,
                          zorder=3, markeredgecolor=INK, markeredgewidth=0.4,
                          markersize=5)  # fmt: skip
                if row is not None:
                    axis.vlines(x, row["ci_low"], row["ci_high"], color=style.color, alpha=0.6)
            axis.set_xscale("log")
            low, high = axis.get_xlim()
            steps = (1, 2, 5) if high > 10 * low else (1, 1.5, 2, 3, 5, 7)
            axis.xaxis.set_major_locator(LogLocator(subs=steps))
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
            axis.xaxis.set_minor_locator(NullLocator())
            axis.set_xlabel("seconds of updates, a seed and task")
            axis.set_title(group)
        axes[0].set_ylabel("mean normalised score")
        legend(figure, axes[0])
        save(figure, stem)

"""The figure of ablations: score against one setting of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bench.config.catalogue import Catalogue
from bench.report.figures.method_styles import look
from bench.report.figures.style import GREY, INK, empty, legend, panels


@dataclass(frozen=True)
class Ablation:
    """The methods of a suite that differ from `base` in `setting`, on one task."""

    task: str
    base: str
    setting: str
    methods: Mapping[float, str]  # by value, ascending, including the base
    own: float


def ablation_panels(
    summary: pd.DataFrame, found: Sequence[Ablation], catalogue: Catalogue
) -> Figure:
    """Plot the last score with its 95% CI against the setting, one panel per ablation.

    `summary` as `aggregates.summarise` returns it; a ring marks the base's own value.
    """
    labels = {name: entry.label for name, entry in catalogue.methods.items()}
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    figure, axes = panels(len(found), 1.75)
    for axis, ablation in zip(axes, found, strict=True):
        rows = [cells.get((ablation.task, method)) for method in ablation.methods.values()]
        mean, low, high = (
            np.array([row[name] if row else np.nan for row in rows], float)
            for name in ("mean", "ci_low", "ci_high")
        )
        x, style = np.arange(len(rows)), look(ablation.base)
        axis.fill_between(x, low, high, color=style.color, alpha=0.15, linewidth=0)
        known = np.isfinite(low)
        axis.vlines(x[known], low[known], high[known], color=style.color, linewidth=0.9)
        axis.plot(x, mean, color=style.color, linestyle=style.line, marker=style.marker,
                  clip_on=False, label=labels[ablation.base])  # fmt: skip
        own = np.array(list(ablation.methods)) == ablation.own
        axis.plot(x[own], mean[own], "o", color="none", markeredgecolor=INK, markersize=8,
                  clip_on=False, label="unmodified method")  # fmt: skip
        axis.set_title(ablation.task)
        axis.set_xlabel(ablation.setting.replace("_", " "))
        if np.isnan(mean).all():
            empty(axis)
            continue
        for missing in x[np.isnan(mean)]:
            axis.text(missing, 0.02, "not run", transform=axis.get_xaxis_transform(),
                      rotation=90, ha="center", fontsize=7, color=GREY)  # fmt: skip
        axis.set_xticks(range(len(rows)), [f"{value:g}" for value in ablation.methods])
        axis.set_xlim(-0.4, len(rows) - 0.6)
        bounded = catalogue.tasks[ablation.task].bounded
        axis.set_ylabel("success (%)" if bounded else "normalised score")
        if bounded:
            axis.set_ylim(0, 100)
    legend(figure, axes[0])
    return figure

"""One setting of a method varied: which runs of a suite belong together, and their figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd

from bench.catalogue import Catalogue
from bench.figures import GREY, INK, STYLE, empty, legend, panels, save
from bench.looks import look
from bench.methods import base_of, setting_of
from bench.suite import Suite
from bench.tables import defaults


@dataclass(frozen=True)
class Ablation:
    """The methods of a suite that differ from `base` in `setting`, on one task."""

    task: str
    base: str
    setting: str
    methods: Mapping[float, str]  # by value, ascending; the base at its own
    own: float


def ablations(suite: Suite, catalogue: Catalogue) -> list[Ablation]:
    """One for each setting that the suite's methods vary, in numbers, and each task."""
    varied = dict.fromkeys(_key(m) for m in suite.methods if base_of(m) != m)
    found = []
    for base, setting in varied:
        alike = [m for m in suite.methods if m == base or (base, setting) == _key(m)]
        for task in suite.tasks:
            default = defaults(base, catalogue)[setting]
            values = {
                m: catalogue.settings(suite, m, task, suite.seeds).config.get(setting, default)
                for m in (*alike, base)
            }
            if all(type(value) in (int, float) for value in values.values()):
                ordered = dict(sorted((float(values[m]), m) for m in alike))
                found.append(Ablation(task, base, setting, ordered, float(values[base])))
    return found


def _key(method: str) -> tuple[str, str]:
    return base_of(method), setting_of(method)[0]


def draw(
    summary: pd.DataFrame, found: Sequence[Ablation], catalogue: Catalogue, stem: Path
) -> None:
    """Score at the last evaluation and its 95 % interval against the setting: a panel each.

    `summary` as `stats.summarise` returns it; a ring marks the base's own value.
    """
    labels = {name: entry.label for name, entry in catalogue.methods.items()}
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    with mpl.rc_context(STYLE):
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
                      clip_on=False, label="its own setting")  # fmt: skip
            axis.set_title(ablation.task)
            axis.set_xlabel(ablation.setting.replace("_", " "))
            if np.isnan(mean).all():
                empty(axis)
                continue
            for missing in x[np.isnan(mean)]:
                axis.text(missing, 0.02, "not run", transform=axis.get_xaxis_transform(),
                          rotation=90, ha="center", fontsize=5.5, color=GREY)  # fmt: skip
            axis.set_xticks(range(len(rows)), [f"{value:g}" for value in ablation.methods])
            axis.set_xlim(-0.4, len(rows) - 0.6)
            bounded = catalogue.tasks[ablation.task].bounded
            axis.set_ylabel("success (%)" if bounded else "normalised score")
            if bounded:
                axis.set_ylim(0, 100)
        legend(figure, axes[0])
        save(figure, stem)

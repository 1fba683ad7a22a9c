"""The report's page on fine-tuning: Table 2, regret, cost, and the curves through both phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from bench import finetune, stats
from bench.catalogue import Catalogue
from bench.effects import CHANGED
from bench.figures import STYLE, _curve, _outer_labels, empty, legend, panels, save, show_range
from bench.finetune import TOTAL, Published
from bench.looks import look
from bench.prose import SUBJECT, named, place
from bench.runs import Runs
from bench.suite import Suite
from bench.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, interval, number, row_of, write
from bench.task import Task

ARROW = "\N{RIGHTWARDS ARROW}"
DEFINED = (
    "It rises or falls where the 95 % interval of the change, paired over seeds, leaves out 0; one "
    "lies above or below another where their intervals after the online phase are apart."
)
Cells = Mapping[tuple[str, str], Mapping[Any, Any]]


def page(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    scores: pd.DataFrame,
    runs: Runs,
    folder: Path,
) -> dict[str, Any]:
    """Draw and tabulate a suite's online phases into `folder`; the content of their section.

    `results_dir` has finetune.csv. Empty for a suite without an online phase.
    """
    wanted = finetune.cells(suite, catalogue.tasks)
    if not wanted:
        return {}
    frame = stats.read_csv(results_dir / "finetune.csv", finetune.COLUMNS)
    cells: Cells = {(r["task"], r["method"]): r for r in frame.to_dict("records")}
    paper = finetune.published()
    methods = [m for m in suite.methods if any(m == method for _, method in wanted)]
    tasks = [t for t in suite.tasks if any(t == task for task, _ in wanted)]
    labels = {m: catalogue.methods[m].label for m in methods}
    stale = runs.pairs(runs.stale)
    rows = {t: catalogue.tasks[t] for t in tasks}
    curves(scores, suite, labels, rows, paper, folder / "figures/finetune")
    drawn = [
        before_and_after(cells, suite, labels, tasks, paper, stale, folder / "tables"),
        regret(cells, labels, rows, len(suite.seeds), folder / "tables"),
        cost(list(runs.found.values()), labels, folder / "tables"),
    ]
    return {
        "key_result": key_result(cells, labels, tasks),
        "finetune": {table.name: asdict(table) for table in drawn},
    }


def key_result(cells: Cells, labels: Mapping[str, str], tasks: Sequence[str]) -> list[str]:
    """Where each method rose and fell online, and where IQL ended against it; IQL first."""
    sentences = []
    for method in sorted(labels, key=lambda m: m != SUBJECT):
        rows = {t: row for t in tasks if (row := cells.get((t, method))) is not None}
        rows = {t: row for t, row in rows.items() if not pd.isna(row["change_low"])}
        if not rows:
            sentences.append(f"{labels[method]}: no task has three seeds through both phases.")
            continue
        rose = [t for t, row in rows.items() if row["change_low"] > 0]
        fell = [t for t, row in rows.items() if row["change_high"] < 0]
        word = "" if sentences else " tasks"
        sentences.append(
            f"{labels[method]} rises online on {len(rose)} of {len(rows)}{word}{named(rose)} and "
            f"falls on {len(fell)}{named(fell)}."
        )
        places = [place(_after(cells, t, SUBJECT), _after(cells, t, method)) for t in rows]
        if SUBJECT in labels and method != SUBJECT and set(places) != {"none"}:
            sentences[-1] += (
                f" Afterwards {labels[SUBJECT]} lies above it on {places.count('above')} and "
                f"below it on {places.count('below')}."
            )
    return [*sentences, DEFINED]


def _after(cells: Cells, task: str, method: str) -> dict[str, Any] | None:
    row = cells.get((task, method))
    return None if row is None else {"ci_low": row["after_low"], "ci_high": row["after_high"]}


def before_and_after(
    cells: Cells,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Sequence[str],
    paper: Mapping[tuple[str, str], Published],
    stale: set[tuple[str, str]],
    folder: Path,
) -> Table:
    """The paper's Table 2: a row a task, a column a method, and their sums."""

    def cell(task: str, method: str) -> Cell:
        row, theirs = cells.get((task, method)), paper.get((task, method))
        note = []
        if theirs is not None:
            doubt = " (believed)" if theirs.standing == "believed" else ""
            note = [f"paper: {number(theirs.before)} {ARROW} {number(theirs.after)}{doubt}"]
        if row is None:
            return Cell(NOT_RUN, tuple(note))
        notes = [
            interval(row["before_low"], row["before_high"]),
            f"{ARROW} {interval(row['after_low'], row['after_high'])}",
        ]
        if row["seeds"] < len(suite.seeds):
            notes.append(f"{row['seeds']} of {len(suite.seeds)} seeds")
        if (task, method) in stale:
            notes.append("stale")
        changed = row["change_low"] > 0 or row["change_high"] < 0
        text = f"{number(row['before'])} {ARROW} {number(row['after'])}"
        return Cell(text, (*notes, *note), CHANGED if changed else "")

    rows = [row_of(task, *(cell(task, m) for m in labels)) for task in tasks]
    several = len(tasks) > 1
    if several:
        # The paper's sum is of its own six tasks.
        same = {t for t, _ in paper if t != TOTAL} == set(tasks)
        sums = paper if same else {k: v for k, v in paper.items() if k[0] != TOTAL}
        paper = sums
        rows.append(row_of("sum", *(cell(TOTAL, m) for m in labels)))
    rules = (len(tasks),) if several else ()
    align = "l" + "c" * len(labels)
    return write(Table("finetune", ("task", *labels.values()), align, tuple(rows), rules), folder)


def regret(
    cells: Cells, labels: Mapping[str, str], tasks: Mapping[str, Task], seeds: int, folder: Path
) -> Table:
    """Regret and steps to 90 % success of each task whose scores are bounded."""

    def lost(task: str, method: str) -> Cell:
        row = cells.get((task, method))
        if row is None:
            return Cell(NOT_RUN)
        low, high = row["regret_low"], row["regret_high"]
        known: str = NOT_AVAILABLE if pd.isna(low) else f"[{number(low, 2)}, {number(high, 2)}]"
        return Cell(number(row["regret"], 2), (known,))

    def steps(task: str, method: str) -> Cell:
        row = cells.get((task, method))
        if row is None:
            return Cell(NOT_RUN)
        text: str = "not reached" if pd.isna(row["steps_to_90"]) else number(row["steps_to_90"], 0)
        return Cell(text, (f"{row['reached_90']:.0f} of {row['seeds']} seeds",))

    rows = []
    for task in (name for name, row in tasks.items() if row.bounded):
        rows.append(row_of(task, "regret", *(lost(task, m) for m in labels)))
        rows.append(row_of("", "steps to 90 %", *(steps(task, m) for m in labels)))
    header = ("task", "", *labels.values())
    return write(Table("regret", header, "ll" + "c" * len(labels), tuple(rows)), folder)


def cost(runs: Sequence[Mapping[str, Any]], labels: Mapping[str, str], folder: Path) -> Table:
    """Where the time of the online phases went; the largest ratio of a method's runs."""
    rows = []
    for method, label in labels.items():
        mine = [
            r["online_seconds"]
            for r in runs
            if r["settings"]["method"] == method and "online_seconds" in r
        ]
        if not mine:
            rows.append(row_of(label, *[NOT_RUN] * 4))
            continue
        parts = [sum(s[k] for s in mine) for k in ("updates", "environments", "total")]
        worst = max(overhead(s) for s in mine)
        rows.append(row_of(label, *(number(p, 0) for p in parts), number(worst, 2)))
    header = ("method", "updates (s)", "environments (s)", "all (s)", "all / (updates + env.)")
    return write(Table("online_cost", header, "lrrrr", tuple(rows)), folder)


def overhead(seconds: Mapping[str, float]) -> float:
    """The phase's time over that of its updates and its environments."""
    return seconds["total"] / (seconds["updates"] + seconds["environments"])


def curves(
    scores: pd.DataFrame,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Mapping[str, Task],
    paper: Mapping[tuple[str, str], Published],
    stem: Path,
) -> None:
    """Mean over seeds and t-interval: offline updates (shaded) end at 0, online steps begin there.

    The shaded part is at most half as wide as the other, whatever the number of updates. The
    paper's before and after are open marks at 0 and at the end.
    """
    with mpl.rc_context(STYLE):
        figure, axes = panels(len(tasks), 1.9)
        for axis, (name, task) in zip(axes, tasks.items(), strict=True):
            of_task = scores[scores["task"] == name]
            start = end = 0.0
            for method, label in labels.items():
                theirs, online = paper.get((name, method)), suite.online_of(method, task.family)
                cell = of_task[of_task["method"] == method] if online else of_task.iloc[:0]
                cell = finetune.through_both(cell, suite.updates_of(method))
                style = look(method, list(labels))
                _curve(axis, cell, task.bounded, style, label)
                if online is None or cell.empty:
                    continue
                start, end = min(start, cell["step"].min()), max(end, online.steps)
                if theirs:
                    axis.plot([0, online.steps], [theirs.before, theirs.after], linestyle="",
                              marker=style.marker, color=style.color, fillstyle="none",
                              markersize=6)  # fmt: skip
            axis.set_title(name)
            if not end:  # none of its methods with an online phase has begun
                empty(axis)
                continue
            axis.axvspan(start, 0, color="0.94", linewidth=0, zorder=0)
            axis.margins(x=0.02)
            show_range(axis, task.bounded)
            _narrow_offline(axis, max(1.0, -2 * start / end))
            axis.set_xticks(sorted({start, 0, end / 2, end}))
            axis.xaxis.set_major_formatter(EngFormatter(sep=""))
        _outer_labels(axes, "offline updates | online steps", "normalised score")
        legend(figure, axes[0])
        save(figure, stem)


def _narrow_offline(axis: Axes, factor: float) -> None:
    """Draw what lies left of 0 narrower by `factor`."""
    shrink = partial(_scale_negative, factor=1 / factor)
    axis.set_xscale("function", functions=(shrink, partial(_scale_negative, factor=factor)))


def _scale_negative(values: np.ndarray, factor: float) -> np.ndarray:
    return np.where(values < 0, values * factor, values)

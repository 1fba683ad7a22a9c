"""Fine-tuning: the paper's Table 2, regret, cost, and the curves through both phases."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from bench.config.task import Task
from bench.config.types import Suite
from bench.report import plotted
from bench.report.figures.finetuning import curves
from bench.report.inputs import ReportInputs
from bench.report.prose import SUBJECT
from bench.report.section import CaptionedTable, Figure, Section
from bench.report.table import (
    CHANGED,
    NOT_AVAILABLE,
    NOT_RECORDED,
    NOT_RUN,
    Cell,
    Table,
    interval,
    number,
    row_of,
    transposed,
)
from bench.statistics import finetuning, published
from bench.statistics.comparisons import SIGNIFICANT, Lead, leads
from bench.statistics.finetuning import TOTAL, Published

PARTS = ("updates", "environments", "total")  # keys of an online phase's seconds
ARROW = "\N{RIGHTWARDS ARROW}"
DEFINED = (
    "Changes and differences are paired by seed and counted if they are significant at 5% after "
    "Holm’s correction over the methods of the task."
)
Cells = Mapping[tuple[str, str], Mapping[Any, Any]]


@dataclass(frozen=True)
class Phase:
    """The online phases of a suite: the methods and tasks that have one, and their results."""

    cells: Cells
    labels: Mapping[str, str]  # of the methods
    tasks: Mapping[str, Task]
    afterwards: Mapping[tuple[str, str], Lead]  # of IQL, by (task, method)


def phase(inputs: ReportInputs) -> Phase | None:
    """Return the online phases; None for a suite without one."""
    if inputs.finetune is None:
        return None
    wanted = finetuning.cells(inputs.suite, inputs.catalogue.tasks)
    known = inputs.catalogue.methods
    ends = finetuning.both_ends(inputs.scores, inputs.suite, inputs.catalogue.tasks)
    return Phase(
        {(r["task"], r["method"]): r for r in inputs.finetune.to_dict("records")},
        {m: known[m].label for m in inputs.suite.methods if m in {method for _, method in wanted}},
        {t: row for t, row in inputs.tasks.items() if t in {task for task, _ in wanted}},
        leads({cell: after for cell, (_, after) in ends.items()}, SUBJECT),
    )


def section(inputs: ReportInputs) -> Section | None:
    """Show scores before and after with the paper's, and the curves through both phases."""
    found = phase(inputs)
    if found is None:
        return None
    cells, labels, tasks, suite = found.cells, found.labels, found.tasks, inputs.suite
    paper = beside(list(tasks))
    draw = partial(curves, inputs.scores, suite, labels, tasks, paper)
    table = before_and_after(cells, suite, labels, [*tasks], paper, inputs.stale, inputs.diverged)
    few = len(table.header) <= 5
    if not few:
        table = transposed(table)
    marks = MARKS.format(theirs(list(tasks))) if paper else ""
    points = plotted.curves(inputs, labels, tasks, online=True)
    items = (
        CaptionedTable(table, BEFORE_AND_AFTER + marks, size=8.5 if few else 8, gap=4),
        Figure("finetune", "Fine-tuning curves", CURVES + (OPEN if paper else ""), draw, points),
    )
    return Section("Fine-tuning", "Fine-tuning: offline to online", items)


def details(inputs: ReportInputs) -> Section | None:
    """Show regret, steps to success and cost of the online phases."""
    found = phase(inputs)
    if found is None:
        return None
    lost = regret(found.cells, found.labels, found.tasks)
    few = len(lost.header) <= 6
    items = (
        CaptionedTable(lost if few else transposed(lost), REGRET, size=8, gap=3),
        CaptionedTable(cost(inputs.records, found.labels), COST, size=8),
    )
    return Section("Online phase", "Regret and cost of the online phase", items)


def beside(tasks: Sequence[str]) -> dict[tuple[str, str], Published]:
    """Return the printed cells of the paper's Table 2 on these tasks, or on its own version."""
    printed = {
        cell: row for cell, row in finetuning.published().items() if row.standing == "printed"
    }
    known = {task for task, _ in printed}
    names = {t: t if t in known else published.counterpart(t, known) for t in tasks}
    methods = dict.fromkeys(method for _, method in printed)
    found = {
        (task, m): printed[name, m]
        for task, name in names.items()
        for m in methods
        if name is not None and (name, m) in printed
    }
    same = {task for task in known if task != TOTAL} == set(tasks)
    return found | ({(TOTAL, m): printed[TOTAL, m] for m in methods if (TOTAL, m) in printed}
                    if same else {})  # fmt: skip


def theirs(tasks: Sequence[str]) -> str:
    """Say whether the paper's numbers are of the same data."""
    known = {task for task, _ in finetuning.published()}
    return "" if known & set(tasks) else ", on D4RL’s data and after 1,000,000 steps"


CURVES = (
    "Normalised score through both phases, one method per column over the means of the others "
    "(grey): mean over seeds with 95% CI (omitted below three "
    "seeds). Offline updates (shaded) count up to 0 and take at most half the width of the "
    "online phase; environment steps, with one update each (PPO: one per rollout), count from 0. "
    "Methods without an offline phase start at 0."
)
OPEN = " Open markers: the paper’s scores before and after."
MARKS = " _paper_: Table 2 of the paper{}."
BEFORE_AND_AFTER = (
    "Normalised score before and after the online phase (as in the paper’s Table 2): last offline "
    "and last online evaluation, means over the same seeds, with 95% CIs below. *Bold*: the "
    "change, paired by seed, is significant at 5% after Holm’s correction over the methods. _sum_: "
    "over the tasks, per seed."
)
REGRET = (
    "Cumulative regret as defined by CORL: 1 − the share of successful episodes among all training "
    "episodes of the online phase, mean over seeds with 95% CI. Below it: environment steps until "
    "an evaluation reaches 90% success, median over seeds (0 if the offline phase reached it), and "
    "the number of seeds that reached it."
)
COST = (
    "Time of the online phases, summed over jobs: updates, environment steps, and the total, which "
    "includes action selection and the replay buffer. The last column is the maximum over the "
    "method’s jobs."
)


def key_result_of(inputs: ReportInputs) -> list[str]:
    """Return the sentences of `key_result`; none for a suite without an online phase."""
    found = phase(inputs)
    return [] if found is None else key_result(found)


def key_result(found: Phase) -> list[str]:
    """State what the online phase changed, for IQL first, and how IQL compares afterwards."""
    sentences, unchanged, unknown = [], [], []
    for method in sorted(found.labels, key=lambda m: m != SUBJECT):
        rows = {t: row for t in found.tasks if (row := found.cells.get((t, method))) is not None}
        rows = {t: row for t, row in rows.items() if not pd.isna(row["change_p_holm"])}
        label = found.labels[method]
        if not rows:
            unknown.append(label)
        elif any(map(_changed, rows.values())):
            sentences.append(_changes(label, rows))
        elif method == SUBJECT:
            ends = ", ".join(f"{t} {_ends(row)}" for t, row in rows.items())
            sentences.append(f"Fine-tuning changes IQL on no task detectably ({ends}).")
        else:
            unchanged.append(label)
    if unchanged:
        sentences.append(f"No detectable change on any task: {', '.join(unchanged)}.")
    if unknown:
        sentences.append(f"Fewer than three seeds through both phases: {', '.join(unknown)}.")
    compared = [lead.place for (t, m), lead in found.afterwards.items() if m in found.labels]
    if compared:
        sentences.append(
            f"After fine-tuning IQL scores higher than another method in "
            f"{compared.count('above')} of {len(compared)} comparisons, lower in "
            f"{compared.count('below')}; {compared.count('undecided')} are undecided."
        )
    return [*sentences, DEFINED]


def _changes(label: str, rows: Mapping[str, Mapping[Any, Any]]) -> str:
    """Name the tasks on which a method changed significantly, with its scores."""
    parts = []
    for word, sign in (("improves", 1), ("degrades", -1)):
        tasks = [
            f"{t} {_ends(r)}" for t, r in rows.items() if _changed(r) and r["change"] * sign > 0
        ]
        if tasks:
            parts.append(f"{word} {label} on {len(tasks)} of {len(rows)} ({', '.join(tasks)})")
    return f"Fine-tuning {' and '.join(parts)}."


def _ends(row: Mapping[Any, Any]) -> str:
    return f"{number(row['before'])} {ARROW} {number(row['after'])}"


def _changed(row: Mapping[Any, Any]) -> bool:
    return bool(row["change_p_holm"] < SIGNIFICANT)


def before_and_after(
    cells: Cells,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Sequence[str],
    paper: Mapping[tuple[str, str], Published],
    stale: set[tuple[str, str]],
    diverged: Collection[tuple[str, str]] = (),
) -> Table:
    """Tabulate scores as in the paper's Table 2: one row per task, one column per method, sums."""

    def cell(task: str, method: str) -> Cell:
        row, theirs = cells.get((task, method)), paper.get((task, method))
        note = []
        if theirs is not None:
            note = [f"paper: {number(theirs.before)} {ARROW} {number(theirs.after)}"]
        if row is None:
            return Cell("diverged" if (task, method) in diverged else NOT_RUN, tuple(note))
        notes = [
            interval(row["before_low"], row["before_high"]),
            f"{ARROW} {interval(row['after_low'], row['after_high'])}",
        ]
        if row["seeds"] < len(suite.seeds):
            notes.append(f"{row['seeds']} of {len(suite.seeds)} seeds")
        if (task, method) in stale:
            notes.append("stale")
        text = f"{number(row['before'])} {ARROW} {number(row['after'])}"
        return Cell(text, (*notes, *note), CHANGED if _changed(row) else "")

    rows = [row_of(task, *(cell(task, m) for m in labels)) for task in tasks]
    several = len(tasks) > 1
    if several:
        rows.append(row_of("sum", *(cell(TOTAL, m) for m in labels)))
    rules = (len(tasks),) if several else ()
    align = "l" + "c" * len(labels)
    return Table("finetune", ("task", *labels.values()), align, tuple(rows), rules)


def regret(cells: Cells, labels: Mapping[str, str], tasks: Mapping[str, Task]) -> Table:
    """Tabulate regret and steps to 90% success of each task with bounded scores."""

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
        rows.append(row_of(f"{task}: regret", *(lost(task, m) for m in labels)))
        rows.append(row_of(f"{task}: steps to 90%", *(steps(task, m) for m in labels)))
    header = ("task", *labels.values())
    return Table("regret", header, "l" + "c" * len(labels), tuple(rows))


def cost(runs: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Table:
    """Tabulate the time of the online phases, and the largest overhead among a method's runs."""
    rows = []
    for method, label in labels.items():
        all_of = [r for r in runs if r["settings"]["method"] == method]
        mine = [r["online_seconds"] for r in all_of if "online_seconds" in r]
        if not mine:
            rows.append(row_of(label, *[NOT_RUN] * 4))
            continue
        whole = [s for s in mine if set(PARTS) <= set(s)]
        if not whole:
            rows.append(row_of(label, *[NOT_RECORDED] * 4))
            continue
        parts = [sum(s[part] for s in whole) for part in PARTS]
        worst = max(overhead(s) for s in whole)
        rows.append(row_of(label, *(number(p, 0) for p in parts), number(worst, 2)))
    header = ("method", "updates (s)", "environments (s)", "total (s)", "total / (updates + env.)")
    return Table("online_cost", header, "lrrrr", tuple(rows))


def overhead(seconds: Mapping[str, float]) -> float:
    """Return the ratio of a phase's total time to that of its updates and environment steps."""
    return seconds["total"] / (seconds["updates"] + seconds["environments"])

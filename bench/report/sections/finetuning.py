"""Fine-tuning: the paper's Table 2, regret, cost, and the curves through both phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from bench.config.task import Task
from bench.config.types import Suite
from bench.report.figures.finetuning import curves
from bench.report.inputs import ReportInputs
from bench.report.prose import SUBJECT, named
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
)
from bench.statistics import finetuning
from bench.statistics.comparisons import SIGNIFICANT, Place, places
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
    afterwards: Mapping[tuple[str, str], Place]  # of IQL relative to (task, method)


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
        places({cell: after for cell, (_, after) in ends.items()}, SUBJECT),
    )


def section(inputs: ReportInputs) -> Section | None:
    """Show curves through both phases, scores before and after, regret and cost."""
    found = phase(inputs)
    if found is None:
        return None
    cells, labels, tasks, suite = found.cells, found.labels, found.tasks, inputs.suite
    paper = finetuning.published()
    draw = partial(curves, inputs.scores, suite, labels, tasks, paper)
    table = before_and_after(cells, suite, labels, list(tasks), paper, inputs.stale)
    size = 8.5 if len(table.header) <= 5 else 7
    items = (
        Figure("finetune", "Fine-tuning curves", CURVES, draw),
        CaptionedTable(table, BEFORE_AND_AFTER, size=size, gap=3),
        CaptionedTable(regret(cells, labels, tasks, len(suite.seeds)), REGRET, size=size, gap=3),
        CaptionedTable(cost(inputs.records, labels), COST),
    )
    return Section("Fine-tuning", "Fine-tuning: offline to online", items)


CURVES = (
    "Normalised score through both phases: mean over seeds with 95% CI (omitted below three "
    "seeds). Offline updates (shaded) count up to 0 and take at most half the width of the "
    "online phase; environment steps, with one update each (PPO: one per rollout), count from 0. "
    "Methods without an offline phase start at 0. Open markers: the paper’s scores before and "
    "after, on its own tasks."
)
BEFORE_AND_AFTER = (
    "Normalised score before and after the online phase (as in the paper’s Table 2): last offline "
    "and last online evaluation, means over the same seeds, with 95% CIs below. *Bold*: the "
    "change, paired by seed, is significant at 5% after Holm’s correction over the methods. _sum_: "
    "over the tasks, per seed. _believed_: a number attributed to the paper that we could not "
    "confirm in its text."
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
    """State where each method improved and degraded online, and how IQL compares; IQL first."""
    cells, labels, tasks = found.cells, found.labels, list(found.tasks)
    sentences = []
    for method in sorted(labels, key=lambda m: m != SUBJECT):
        rows = {t: row for t in tasks if (row := cells.get((t, method))) is not None}
        rows = {t: row for t, row in rows.items() if not pd.isna(row["change_p_holm"])}
        if not rows:
            sentences.append(f"{labels[method]}: no task has three seeds through both phases.")
            continue
        changed = [t for t, row in rows.items() if _changed(row)]
        rose = [t for t in changed if rows[t]["change"] > 0]
        fell = [t for t in changed if rows[t]["change"] < 0]
        count = f"{len(rows)} task" + ("s" if len(rows) > 1 else "")
        sentences.append(
            f"Online training improves {labels[method]} on {len(rose)} of {count}{named(rose)} "
            f"and degrades it on {len(fell)}{named(fell)}."
            if rose or fell
            else f"Online training does not detectably change {labels[method]} on any of {count}."
        )
        after = [found.afterwards[t, method] for t in rows if (t, method) in found.afterwards]
        if after:
            sentences[-1] += (
                f" Afterwards {labels[SUBJECT]} scores higher on {after.count('above')} and "
                f"lower on {after.count('below')}."
            )
    return [*sentences, DEFINED]


def _changed(row: Mapping[Any, Any]) -> bool:
    return bool(row["change_p_holm"] < SIGNIFICANT)


def before_and_after(
    cells: Cells,
    suite: Suite,
    labels: Mapping[str, str],
    tasks: Sequence[str],
    paper: Mapping[tuple[str, str], Published],
    stale: set[tuple[str, str]],
) -> Table:
    """Tabulate scores as in the paper's Table 2: one row per task, one column per method, sums."""

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
        text = f"{number(row['before'])} {ARROW} {number(row['after'])}"
        return Cell(text, (*notes, *note), CHANGED if _changed(row) else "")

    rows = [row_of(task, *(cell(task, m) for m in labels)) for task in tasks]
    several = len(tasks) > 1
    if several:
        # The paper's sum covers its own six tasks.
        same = {t for t, _ in paper if t != TOTAL} == set(tasks)
        sums = paper if same else {k: v for k, v in paper.items() if k[0] != TOTAL}
        paper = sums
        rows.append(row_of("sum", *(cell(TOTAL, m) for m in labels)))
    rules = (len(tasks),) if several else ()
    align = "l" + "c" * len(labels)
    return Table("finetune", ("task", *labels.values()), align, tuple(rows), rules)


def regret(cells: Cells, labels: Mapping[str, str], tasks: Mapping[str, Task], seeds: int) -> Table:
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
        rows.append(row_of(task, "regret", *(lost(task, m) for m in labels)))
        rows.append(row_of("", "steps to 90%", *(steps(task, m) for m in labels)))
    header = ("task", "", *labels.values())
    return Table("regret", header, "ll" + "c" * len(labels), tuple(rows))


def cost(runs: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Table:
    """Tabulate the time of the online phases, and the largest overhead among a method's runs."""
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

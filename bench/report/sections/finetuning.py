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
from bench.report.prose import SUBJECT, named, place
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
from bench.statistics.finetuning import TOTAL, Published

PARTS = ("updates", "environments", "total")  # of the seconds of an online phase
ARROW = "\N{RIGHTWARDS ARROW}"
DEFINED = (
    "It rises or falls where the 95 % interval of the change, paired over seeds, leaves out 0; one "
    "lies above or below another where their intervals after the online phase are apart."
)
Cells = Mapping[tuple[str, str], Mapping[Any, Any]]


@dataclass(frozen=True)
class Phase:
    """The online phases of a suite: which methods and tasks have one, and what came out."""

    cells: Cells
    labels: Mapping[str, str]  # of the methods
    tasks: Mapping[str, Task]


def phase(inputs: ReportInputs) -> Phase | None:
    """None for a suite without an online phase."""
    if inputs.finetune is None:
        return None
    wanted = finetuning.cells(inputs.suite, inputs.catalogue.tasks)
    known = inputs.catalogue.methods
    return Phase(
        {(r["task"], r["method"]): r for r in inputs.finetune.to_dict("records")},
        {m: known[m].label for m in inputs.suite.methods if m in {method for _, method in wanted}},
        {t: row for t, row in inputs.tasks.items() if t in {task for task, _ in wanted}},
    )


def section(inputs: ReportInputs) -> Section | None:
    """Curves through both phases, scores before and after, regret and cost."""
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
    "Normalised score through both phases: mean over seeds and 95 % interval (Student t, from "
    "three seeds on). Offline updates, shaded, count up to 0 and are drawn at most half as wide as "
    "what follows; environment steps, with an update each (PPO: one after each rollout), count "
    "from there. A method that has no offline phase begins at 0. Open marks: the paper’s before "
    "and after, on its own tasks."
)
BEFORE_AND_AFTER = (
    "Normalised score before and after the online phase (the paper’s Table 2): the last offline "
    "and the last online evaluation, means over the same seeds, and below each its 95 % interval. "
    "*Bold*: the 95 % interval of the change, paired over seeds, leaves out 0. _sum_: over the "
    "tasks, seed by seed. _believed_: a number of the paper that is remembered and was found in no "
    "text."
)
REGRET = (
    "Cumulative regret as CORL defines it: 1 − the share of successful episodes among all that "
    "were played to learn in the online phase, mean over seeds and 95 % interval. Below it, the "
    "environment steps until an evaluation has 90 % success: median over seeds, 0 where the "
    "offline phase had it already, and how many seeds reached it at all."
)
COST = (
    "Where the time of the online phases went, summed over jobs: updates, stepping of "
    "environments, and all of it, which adds the policy’s actions and the buffer. The last column "
    "is the largest of the method’s jobs."
)


def key_result_of(inputs: ReportInputs) -> list[str]:
    """The sentences of `key_result`; none for a suite without an online phase."""
    found = phase(inputs)
    return [] if found is None else key_result(found.cells, found.labels, list(found.tasks))


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
    return Table("finetune", ("task", *labels.values()), align, tuple(rows), rules)


def regret(cells: Cells, labels: Mapping[str, str], tasks: Mapping[str, Task], seeds: int) -> Table:
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
    return Table("regret", header, "ll" + "c" * len(labels), tuple(rows))


def cost(runs: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> Table:
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
        whole = [s for s in mine if set(PARTS) <= set(s)]
        if not whole:
            rows.append(row_of(label, *[NOT_RECORDED] * 4))
            continue
        parts = [sum(s[part] for s in whole) for part in PARTS]
        worst = max(overhead(s) for s in whole)
        rows.append(row_of(label, *(number(p, 0) for p in parts), number(worst, 2)))
    header = ("method", "updates (s)", "environments (s)", "all (s)", "all / (updates + env.)")
    return Table("online_cost", header, "lrrrr", tuple(rows))


def overhead(seconds: Mapping[str, float]) -> float:
    """The phase's time over that of its updates and its environments."""
    return seconds["total"] / (seconds["updates"] + seconds["environments"])

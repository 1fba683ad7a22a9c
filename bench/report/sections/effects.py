"""Effects: every method relative to the suite's baseline, paired by seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, base_of
from bench.config.types import Suite
from bench.report import prose
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Section
from bench.report.table import CHANGED, NOT_RUN, Cell, Table, interval, number, row_of
from bench.statistics.comparisons import SIGNIFICANT


def section(inputs: ReportInputs) -> Section | None:
    """Show the table of effects; None for a suite without a baseline or where nothing is scored."""
    suite, catalogue = inputs.acted, inputs.catalogue
    if inputs.effects is None or suite.baseline is None or not inputs.scored:
        return None
    table = effects_table(inputs.effects, suite, catalogue, inputs.stale)
    few = len(table.header) <= 6
    baseline = catalogue.methods[suite.baseline].label
    caption = CAPTION.format(plain(baseline))
    item = CaptionedTable(table, caption, size=9 if few else 7, gap=6 if few else 3)
    return Section("Effects", f"Effects relative to {baseline}", (item,))


CAPTION = (
    "Score minus that of {0} at the last evaluation: mean difference over seeds and, below it, its "
    "95% CI. For a given seed, both methods see the same batches, the same initial states and, "
    "where their networks have the same shapes, the same initial weights. *Bold*: significant at "
    "5% after Holm’s correction over the methods of the task; a CI alone, which is not corrected, "
    "excludes 0 by chance in about one of twenty cells. _same settings_: on this task the method "
    "is identical to {0}, a control that must read 0. A cell with fewer seeds than the suite says "
    "so; a seed without a last evaluation of both methods is omitted. _not run_: no seed has both."
)


def effects_table(
    frame: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    stale: Collection[tuple[str, str]] = (),
) -> Table:
    """Tabulate effects, one row per method, one column per task; `stale` holds (task, method)."""
    found = {(r["task"], r["method"]): r for r in frame.to_dict("records")}

    def cell(task: str, method: str) -> Cell:
        row = found.get((task, method))
        if row is None:
            return Cell(NOT_RUN)
        notes = [interval(row["ci_low"], row["ci_high"])]
        if row["pairs"] < len(suite.seeds):
            notes.append(f"{row['pairs']} of {len(suite.seeds)} seeds")
        if same_settings(method, task, suite, catalogue):
            notes.append("same settings")
        if {(task, method), (task, suite.baseline)} & set(stale):
            notes.append("stale")
        text = number(row["effect"])
        plus = "+" if row["effect"] > 0 and text.strip("0.") else ""
        return Cell(plus + text, tuple(notes), CHANGED if _significant(row) else "")

    rows = [
        row_of(catalogue.methods[m].label, *(cell(t, m) for t in suite.tasks))
        for m in suite.methods
        if m != suite.baseline
    ]
    header = ("method", *suite.tasks)
    return Table("effects", header, "l" + "c" * len(suite.tasks), tuple(rows))


def key_result(frame: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """Return how many differences from the baseline are significant, which, and what decides."""
    assert suite.baseline is not None
    label = catalogue.methods[suite.baseline].label
    known = frame[frame["p_holm"] >= 0]
    if known.empty:
        return [f"No task has three seeds of {label} and of another method to compare."]
    rows = known.to_dict("records")
    different = [row for row in rows if _significant(row)]
    verb = "is" if len(different) == 1 else "are"
    said = [f"Of {len(rows)} differences from {label}, {len(different)} {verb} significant."]
    if len(rows) == 1 or not different:
        all_of = "The one difference" if len(rows) == 1 else f"None of {len(rows)} differences"
        verb = "is not" if len(rows) == 1 and not different else "is"
        said = [f"{all_of} from {label} {verb} significant."]
    parts = []
    for method in dict.fromkeys(row["method"] for row in different):
        mine = [(row["task"], row) for row in different if row["method"] == method]
        above = [(t, r) for t, r in mine if r["effect"] > 0]
        below = [(t, r) for t, r in mine if r["effect"] < 0]
        told = [f"{way} on {_named(found)}" for way, found in
                (("higher", above), ("lower", below)) if found]  # fmt: skip
        parts.append(f"{catalogue.methods[method].label} scores {' and '.join(told)}")
    if parts:
        said.append(f"{'; '.join(parts)}.")
    rest = len(rows) - len(different)
    if rest:
        largest = max((r for r in rows if not _significant(r)), key=lambda r: abs(r["effect"]))
        which = "The largest" if rest > 1 else "It"
        others = f"The other {rest} cannot be told from 0; the largest" if different else which
        said.append(
            f"{others} is that of {catalogue.methods[largest['method']].label} on "
            f"{_named([(largest['task'], largest)])}."
        )
    missing = len(suite.tasks) * (len(suite.methods) - 1) - len(rows)
    if missing:
        said.append(f"Not compared (fewer than three paired seeds): {missing}.")
    return [*said, f"Significant: {prose.TEST}"]


def _named(rows: Sequence[tuple[str, Mapping[Any, Any]]]) -> str:
    """Return tasks with their differences, such as `hopper (+3.2)`."""
    signed = ((t, r["effect"], number(r["effect"])) for t, r in rows)
    return ", ".join(f"{t} ({'+' if e > 0 else ''}{text})" for t, e, text in signed)


def _significant(row: Mapping[Any, Any]) -> bool:
    return bool(row["p_holm"] < SIGNIFICANT)


def same_settings(method: str, task: str, suite: Suite, catalogue: Catalogue) -> bool:
    """Return whether the method is identical to the baseline on this task."""
    assert suite.baseline is not None
    names = (method, suite.baseline)
    cells = [catalogue.settings(suite, name, task, suite.seeds) for name in names]
    one, two = (cell.model_dump(exclude={"method"}) for cell in cells)
    code = [METHODS[b].module if (b := base_of(name)) in METHODS else name for name in names]
    return code[0] == code[1] and one == two

"""The scores: the last evaluation of every method on every task, and the cost of updates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.table import (
    NOT_AVAILABLE,
    NOT_RUN,
    NOT_VERIFIED,
    Cell,
    Table,
    interval,
    number,
    row_of,
)
from bench.statistics.aggregates import groups
from bench.statistics.costs import REFERENCE, Run, seed_update_seconds
from bench.statistics.intervals import ICC, unseen_failures

Pairs = Collection[tuple[str, str]]


def section(inputs: ReportInputs) -> Section | None:
    """Show the table of scores, in landscape if there are many methods; None if none can be."""
    if not inputs.scored:
        return None
    suite, catalogue = inputs.offline, inputs.catalogue
    table = score_table(
        inputs.summary,
        suite,
        catalogue,
        inputs.stale,
        inputs.diverged,
        inputs.records,
        inputs.runs.unverified,
    )
    pairs = inputs.runs.pairs(list(inputs.runs.found))
    linked = [(t, inputs.labels[m]) for t in suite.tasks for m in suite.methods if (t, m) in pairs]
    few = len(suite.methods) <= 5
    sources = dict.fromkeys(task.source for task in inputs.tasks.values())
    return Section(
        "Scores",
        inputs.heading("Scores"),
        (
            CaptionedTable(
                table,
                CAPTION.format(seeds=len(suite.seeds), icc=ICC),
                size=9 if few else 7.5,
                gap=6 if few else 3.2,
                linked=linked,
            ),
            Paragraph(
                UNSEEN.format(seeds=len(suite.seeds), share=100 * unseen_failures(len(suite.seeds)))
            ),
            Paragraph(NORMALISED.format(sources=plain("; ".join(sources)))),
        ),
        landscape=len(suite.methods) > 7,
    )


CAPTION = (
    "Normalised score of the last evaluation: mean over seeds and, below it, its 95% CI. That of a "
    "success rate is Korn and Graubard’s, from the episodes with the seed as cluster and an "
    "intraclass correlation of at least {icc}; that of an unbounded score is Student’s t over "
    "seeds. *Bold*: the highest mean of the task. __Underlined__: not significantly different from "
    "it (paired by seed, at 5% after Holm’s correction over the methods of the task). _n/a_: fewer "
    "than three seeds, so no CI and no rank, or equal unbounded scores, so no CI; in a mean, a "
    "task is missing. _not run_: no result. _not verified_: left out, because the run’s files do "
    "not match its seal. _stale_: made with source code that differs from the current version. The "
    "suite asks for {seeds} seeds; a cell with fewer says so. Each score "
    "links to its runs at the end of this report. The lower rows are means over the tasks above, "
    "where all have a score, and the cost of updates: seeds are trained together, and each is "
    "charged its share. Network sizes are listed under Settings. The paper’s runtimes (its Table "
    "1: 1,000,000 updates on a GTX 1080, each method with its own code) are given as ratios."
)
NORMALISED = (
    "A score is 100 × (return − low) / (high − low), where low and high are the two reference "
    "returns of the task ({sources})."
)
UNSEEN = (
    "A failure that no seed of a cell had may still befall up to {share:.0f}% of seeds (95% bound; "
    "seeds: {seeds}). Where all seeds did well, the CI does not allow for failures of that kind."
)


def score_table(
    summary: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    stale: Pairs = (),
    diverged: Pairs = (),
    runs: Sequence[Run] = (),
    unverified: Pairs = (),
) -> Table:
    """Tabulate mean last score and interval by task and method, family means and runtime.

    `stale`, `diverged` and `unverified` are (task, method) pairs, `runs` the contents of run.json
    files. A method has a family mean only if it has a score on each of the family's tasks.
    """
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}

    def cell(task: str, method: str) -> Cell:
        row = cells.get((task, method))
        if row is None or not row["seeds"]:
            if (task, method) in unverified:
                return Cell(NOT_VERIFIED)
            return Cell("diverged" if (task, method) in diverged else NOT_RUN)
        notes = [interval(row["ci_low"], row["ci_high"])]
        if row["seeds"] < len(suite.seeds):
            notes.append(f"{row['seeds']} of {len(suite.seeds)} seeds")
        if (task, method) in unverified:
            notes.append("others not verified")
        if (task, method) in stale:
            notes.append("stale")
        mark = row["tied"] if row["tied"] in ("best", "tied") else ""
        return Cell(number(row["mean"]), tuple(notes), mark)

    def mean(names: Sequence[str], method: str) -> Cell:
        values = [cells[t, method]["mean"] for t in names if (t, method) in cells]
        complete = len(values) == len(names) and not any(map(pd.isna, values))
        return Cell(number(sum(values) / len(values)) if complete else NOT_AVAILABLE)

    rows = [row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks]
    families = groups(suite, catalogue.tasks) if len(suite.tasks) > 1 else {}
    for name, names in families.items():
        rows.append(row_of(f"mean, {name}", *(mean(names, m) for m in suite.methods)))
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    rules = [len(suite.tasks)] if families else []
    if runs:
        rules.append(len(rows))
        rows += _runtime_rows(runs, suite, catalogue)
    align = "l" + "c" * len(suite.methods)
    return Table("scores", header, align, tuple(rows), tuple(rules))


def _runtime_rows(
    runs: Sequence[Run], suite: Suite, catalogue: Catalogue
) -> list[tuple[Cell, ...]]:
    """Tabulate update time per seed and the cost relative to IQL, ours and the paper's."""
    seconds = {m: seed_update_seconds(runs, m) for m in suite.methods}
    paper = {m: catalogue.methods[m].paper_minutes for m in suite.methods}

    def row(label: str, values: Iterable[float | None], decimals: int = 1) -> tuple[Cell, ...]:
        return row_of(label, *(NOT_RUN if v is None else number(v, decimals) for v in values))

    spent = ((s and s * suite.updates_of(m)) for m, s in seconds.items())
    rows = [row("seconds of updates per seed", spent)]
    iql, published = seconds.get(REFERENCE), paper.get(REFERENCE)
    if iql:
        rows.append(
            row("cost of an update (IQL = 1)", (s and s / iql for s in seconds.values()), 2)
        )
    if published:
        ratios = [NOT_AVAILABLE if p is None else number(p / published) for p in paper.values()]
        rows.append(row_of("runtime in the paper (IQL = 1)", *ratios))
    return rows

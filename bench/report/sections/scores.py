"""The scores, as in the paper's Table 1: the last evaluation of every method on every task."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.prose import SUBJECT, coverage_rows
from bench.report.section import CaptionedTable, Item, Paragraph, Section
from bench.report.table import (
    NOT_AVAILABLE,
    NOT_RUN,
    NOT_VERIFIED,
    Cell,
    Table,
    interval,
    number,
    row_of,
    transposed,
)
from bench.statistics import published
from bench.statistics.aggregates import groups, last_scores
from bench.statistics.intervals import ICC, unseen_failures

Pairs = Collection[tuple[str, str]]
FEW = 5  # methods that fit beside each other at 8.5 points; more become rows
MOST = 7  # tasks that fit beside each other
Dots = Mapping[tuple[str, str], tuple[float, ...]]  # (task, method) -> seeds between 0 and 1


def section(inputs: ReportInputs) -> Section | None:
    """Show the table of scores, with methods as rows if there are many; None if none can be."""
    if not inputs.scored:
        return None
    suite, catalogue = inputs.offline, inputs.catalogue
    table = score_table(
        inputs.summary,
        suite,
        catalogue,
        inputs.stale,
        inputs.diverged,
        inputs.runs.unverified,
        ran=inputs.runs.pairs(list(inputs.runs.found)),
        dots=dots(inputs),
    )
    wide = len(suite.methods) > FEW
    if wide and len(suite.tasks) <= MOST:
        table = transposed(table)
    seeds = len(suite.seeds)
    few = len(table.header) <= FEW + 2
    items: list[Item] = [
        CaptionedTable(table, caption(table, inputs), size=8.5 if few else 8, gap=4 if few else 2.5)
    ]
    rows = coverage_rows()
    if rows:
        header = ("95% CI of", "n = 3", "n = 5", "n = 10")
        box = Table("coverage", header, "lrrr", tuple(row_of(*row) for row in rows))
        share = 100 * unseen_failures(seeds)
        text = COVERAGE.format(seeds=seeds, share=share)
        items.append(CaptionedTable(box, text, title="What a 95% CI covers", size=8))
    return Section(
        "Scores",
        inputs.heading("Scores"),
        tuple(items),
        landscape=len(suite.methods) > FEW and len(suite.tasks) > MOST,
        appendix=inputs.finetune is not None or inputs.effects is not None,
    )


CAPTION = (
    "Normalised score of the last evaluation: mean over {seeds} seeds, 95% CI, and the seeds "
    "themselves as dots (left: {low}, right: {high}). *Bold*: highest mean of the task; "
    "__underlined__: not significantly different from it. {paper}Each score links to its runs."
)
PAPER = "_paper_: IQL in Table 1 of the paper, {data}. "
OTHER_DATA = "on D4RL’s data, so no difference is formed"
COVERAGE = (
    "How often a nominal 95% CI contains the truth, by number of seeds _n_, in simulations. "
    "Where none of {seeds} seeds failed, up to {share:.0f}% of seeds may fail all the same (95% "
    "bound)."
)
DETAILS = (
    "The CI of a success rate is Korn and Graubard’s, from the episodes with the seed as cluster "
    "and an intraclass correlation of at least {icc}; that of an unbounded score is Student’s t "
    "over seeds. Significance is that of the difference paired by seed, at 5% after Holm’s "
    "correction over the methods of the task. _n/a_: fewer than three seeds, so no CI and no rank, "
    "or equal unbounded scores, so no CI; in a mean, a task is missing. _not run_: no result. _not "
    "verified_: left out, because the run’s files do not match its seal. _stale_: made with source "
    "code that differs from the current version. A cell with fewer seeds than the suite asks for "
    "says so. A score is 100 × (return − low) / (high − low), where low and high are the two "
    "reference returns of the task ({sources})."
)


def caption(table: Table, inputs: ReportInputs) -> str:
    """Return the caption of the scores, which mentions the paper only where it has a column."""
    bounded = {task.bounded for task in inputs.tasks.values() if task.scored}
    low, high = (
        ("0", "100")
        if bounded == {True}
        else ("0, or the lowest seed", "the highest seed of the task")
    )
    named = [*table.header, *(row[0].text for row in table.rows)]
    same = bool({task for task, _ in published.paper_scores()} & set(inputs.offline.tasks))
    data = "on the same data" if same else OTHER_DATA
    paper = PAPER.format(data=data) if any("paper" in name for name in named) else ""
    return CAPTION.format(seeds=len(inputs.offline.seeds), low=low, high=high, paper=paper)


def details(inputs: ReportInputs) -> Paragraph:
    """Return what the table of scores means in detail."""
    sources = dict.fromkeys(task.source for task in inputs.tasks.values())
    return Paragraph(DETAILS.format(icc=ICC, sources=plain("; ".join(sources))))


def dots(inputs: ReportInputs) -> Dots:
    """Return the seeds' last scores between 0 and 1: of 0 and 100, or of the task's extremes."""
    suite = inputs.offline
    found = last_scores(inputs.scores, suite, inputs.catalogue.tasks)
    places: dict[tuple[str, str], tuple[float, ...]] = {}
    for task in suite.tasks:
        cells = {m: found[task, m].values for m in suite.methods if (task, m) in found}
        bounded = inputs.tasks[task].bounded
        every = [0.0] + [value for values in cells.values() for value in values.tolist()]
        low, high = (0.0, 100.0) if bounded else (min(every), max(every) or 1.0)
        for method, values in cells.items():
            places[task, method] = tuple(((values - low) / (high - low)).round(3).tolist())
    return places


def score_table(
    summary: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    stale: Pairs = (),
    diverged: Pairs = (),
    unverified: Pairs = (),
    ran: Pairs = (),
    dots: Dots | None = None,
) -> Table:
    """Tabulate mean last score and interval by task and method, the paper's, and family means.

    `stale`, `diverged`, `unverified` and `ran` are (task, method) pairs; cells of the last link to
    their runs. A method has a family mean only if it has a score on each of the family's tasks.
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
        run = f"{task} {catalogue.methods[method].label}" if (task, method) in ran else ""
        places = (dots or {}).get((task, method), ())
        return Cell(number(row["mean"]), tuple(notes), mark, run, places)

    def mean(names: Sequence[str], method: str) -> Cell:
        values = [cells[t, method]["mean"] for t in names if (t, method) in cells]
        complete = len(values) == len(names) and not any(map(pd.isna, values))
        return Cell(number(sum(values) / len(values)) if complete else NOT_AVAILABLE)

    rows = [row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks]
    families = groups(suite, catalogue.tasks) if len(suite.tasks) > 1 else {}
    for name, names in families.items():
        rows.append(row_of(f"mean, {name}", *(mean(names, m) for m in suite.methods)))
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    rules = (len(suite.tasks),) if families else ()
    made = Table("scores", header, "l" + "c" * len(suite.methods), tuple(rows), rules)
    return beside_paper(made, suite, catalogue)


def beside_paper(table: Table, suite: Suite, catalogue: Catalogue) -> Table:
    """Insert the paper's own scores of IQL, with their spread, after its column."""
    scores, samples = published.beside(suite.tasks, (SUBJECT,)), published.paper_samples()
    if SUBJECT not in suite.methods or not scores:
        return table
    known = {task for task, _ in samples}

    def theirs(task: str) -> Cell:
        if (task, SUBJECT) not in scores:
            return Cell("\N{EN DASH}")
        sample = samples[published.counterpart(task, known) or task, SUBJECT]
        spread = (f"\N{PLUS-MINUS SIGN} {number(sample.std)}",) if sample.std else ()
        return Cell(number(sample.mean), spread)

    place = 2 + suite.methods.index(SUBJECT)
    added = [*(theirs(task) for task in suite.tasks), *(Cell("") for _ in table.rows)]
    rows = tuple((*row[:place], cell, *row[place:])
                 for row, cell in zip(table.rows, added, strict=False))  # fmt: skip
    name = f"{catalogue.methods[SUBJECT].label}, paper"
    header = (*table.header[:place], name, *table.header[place:])
    return Table(table.name, header, table.align + "c", rows, table.rules)

"""Comparison with published scores, and of the last, the last ten and the best evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import SHARED, Suite
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Section
from bench.report.sections import settings
from bench.report.sections.scores import FEW, MOST
from bench.report.table import (
    NOT_AVAILABLE,
    NOT_RUN,
    Cell,
    Table,
    interval,
    number,
    plain_value,
    row_of,
    transposed,
)
from bench.statistics import published
from bench.statistics.aggregates import groups, last_scores
from bench.statistics.inference import Sample
from bench.statistics.seed_scores import SeedScores, estimate

Scores = Mapping[tuple[str, str], SeedScores]


def section(inputs: ReportInputs) -> Section | None:
    """Compare with published scores, if there are any, and compare kinds of evaluations."""
    if not inputs.scored:
        return None
    suite, catalogue = inputs.offline, inputs.catalogue
    ours = last_scores(inputs.scores, suite, inputs.catalogue.tasks)
    items = []
    paper = counterparts(suite)
    table = published_table(ours, suite, catalogue)
    wide = len(suite.methods) > FEW
    turned = wide and len(suite.tasks) <= MOST
    if table is not None:
        same = sum(task == theirs for task, theirs in paper.items())
        difference = DIFFERENCE if same else ""
        other = OTHER_DATA.format(len(paper) - same, len(paper)) if same < len(paper) else ""
        caption = PUBLISHED.format(difference=difference, other=other)
        caption += "".join(recipes(inputs))
        shown = transposed(table) if turned else table
        items.append(CaptionedTable(shown, caption, size=8, gap=3, breakable=True))
    evaluations = evaluations_table(inputs.summary, suite, catalogue)
    items.append(
        CaptionedTable(
            transposed(evaluations) if turned else evaluations, EVALUATIONS,
            title="Last, last ten and best evaluations", size=8, gap=3, breakable=True,
        )
    )  # fmt: skip
    name = "Published scores" if table else "Evaluations"
    title = inputs.heading("Comparison with published scores" if table else "Kinds of evaluations")
    return Section(name, title, tuple(items), landscape=wide and not turned)


PUBLISHED = (
    "Our last score; _paper_: Table 1 of the IQL paper; {difference}_CORL_: the result that CORL "
    "publishes for the same data, a second reference with its own settings. {other}_total_: sum "
    "over the tasks above; _n/a_ if one is missing."
)
DIFFERENCE = (
    "below it, ours minus the paper’s with 95% CI (Student’s t with Welch’s degrees of freedom; "
    "totals are summed per seed; including the paper’s spread over seeds, which is known only for "
    "IQL); "
)
OTHER_DATA = (
    "*{} of {} tasks use data other than the paper’s, so no difference from the paper is formed "
    "there.* "
)
EVALUATIONS = (
    "The last evaluation, which is the score everywhere else, and below it the mean of each seed’s "
    "last ten evaluations (or of all, if fewer) / each seed’s best evaluation, which is selected "
    "on the test environment and is not a score. All are means over seeds."
)


RECIPE = " _{method} on {family}_: {published}; {ours}."
SAME, DEPARTING = "ours have that recipe", "ours depart from that recipe, as their settings show"


def recipes(inputs: ReportInputs) -> list[str]:
    """Name the recipes behind published scores: a sentence per method and family.

    Each says which recipe the scores were made with, and whether ours were.
    """
    suite, catalogue = inputs.offline, inputs.catalogue
    families = dict.fromkeys(catalogue.tasks[task].family for task in counterparts(suite))
    sentences = []
    for method in suite.methods:
        for family in families:
            layer = catalogue.methods[method].layer(family)
            if layer is None or layer.published is None:
                continue
            wanted = layer.model_dump(include=SHARED, exclude_none=True) | layer.config
            ours = settings.used(method, suite, catalogue, inputs.runs)[family]
            # Compared as text, because YAML and JSON turn tuples to lists and 1.0 to 1.
            same = all(plain_value(ours[key]) == plain_value(v) for key, v in wanted.items())
            label = plain(catalogue.methods[method].label)
            sentences.append(
                RECIPE.format(
                    method=label,
                    family=family,
                    published=plain(layer.published),
                    ours=SAME if same else DEPARTING,
                )
            )
    return sentences


def counterparts(suite: Suite) -> dict[str, str]:
    """Map each task of the suite to the paper's task, where there is one."""
    known = {task for task, _ in published.paper_samples()}
    return {t: name for t in suite.tasks if (name := published.counterpart(t, known))}


def published_table(ours: Scores, suite: Suite, catalogue: Catalogue) -> Table | None:
    """Tabulate our, the paper's and CORL's scores by task and method, with totals of families.

    The difference from the paper and its 95% CI are given only where the data are the paper's.
    The interval includes the paper's own spread where it is known. Return None if no cell of the
    suite is published.
    """
    theirs, corl = published.paper_samples(), published.corl_samples()
    paper = counterparts(suite)
    methods = [m for m in suite.methods if any(method == m for _, method in theirs)]
    if not paper or not methods:
        return None

    def cell(tasks: Sequence[str], method: str) -> Cell:
        notes = []
        same = all(paper.get(t) == t for t in tasks)
        references = [theirs.get((paper.get(t, ""), method)) for t in tasks]
        found = [ours.get((t, method)) for t in tasks]
        if whole(references):
            notes.append(f"paper {number(sum(s.mean for s in references if s))}")
        if same and whole(references) and whole(found):
            notes.append(_difference(found, references))
        if whole(others := [corl.get((t, method)) for t in tasks]):
            notes.append(f"CORL {number(sum(s.mean for s in others if s))}")
        if not whole(found):
            return Cell(NOT_RUN if len(tasks) == 1 else NOT_AVAILABLE, tuple(notes))
        return Cell(number(estimate([s for s in found if s]).value), tuple(notes))

    tasks = list(paper)
    rows = [row_of(task, *(cell([task], m) for m in methods)) for task in tasks]
    several: dict[tuple[str, ...], str] = {}
    for name, members in groups(suite, catalogue.tasks).items():
        several.setdefault(tuple(t for t in members if t in paper), name)
    for named, name in several.items():
        if len(named) > 1:
            rows.append(row_of(f"total, {name}", *(cell(named, m) for m in methods)))
    header = ("task", *(catalogue.methods[m].label for m in methods))
    return Table("published", header, "l" + "c" * len(methods), tuple(rows), (len(tasks),))


def whole(samples: Sequence[object]) -> bool:
    """Return whether no sample is missing."""
    return None not in samples


def _difference(ours: Sequence[SeedScores | None], theirs: Sequence[Sample | None]) -> str:
    """Format ours minus theirs, summed over tasks; with its interval, given three seeds."""
    found = estimate([s for s in ours if s], fixed=[(-1.0, s) for s in theirs if s])
    text = f"{'+' if found.value > 0 else ''}{number(found.value)}"
    return f"{text} {interval(*found.interval())}" if found.known else text


def evaluations_table(summary: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate the last evaluation, and below it the mean of the last ten and the best."""
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}

    def cell(task: str, method: str) -> Cell:
        row = cells.get((task, method))
        if row is None:
            return Cell(NOT_RUN)
        notes = (f"{number(row['last10'])} / {number(row['best'])}",)
        return Cell(number(row["mean"]), notes)

    rows = tuple(row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks)
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    return Table("evaluations", header, "l" + "c" * len(suite.methods), rows)

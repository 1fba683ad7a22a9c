"""Aggregates over tasks: IQM and its relatives, profiles, and who beats whom at what cost."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.report import prose
from bench.report.figures import distributions
from bench.report.figures.scores import aggregate_intervals
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Figure, Item, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, Cell, Table, interval, number, row_of
from bench.statistics import aggregates
from bench.statistics.aggregates import METRICS, groups
from bench.statistics.costs import REFERENCE, seed_update_seconds


def section(inputs: ReportInputs) -> Section:
    """The aggregates of each group of tasks, and figures over all of its seeds."""
    suite, catalogue = inputs.offline, inputs.catalogue
    names = list(groups(suite, catalogue.tasks))
    draw = partial(aggregate_intervals, inputs.aggregate, inputs.labels, names)
    items: list[Item] = [
        Figure("aggregate", "Aggregate scores", INTERVALS.format(bootstrap=suite.bootstrap), draw)
    ]
    if left_out := prose.left_out(inputs.scores, suite, catalogue):
        items.append(Paragraph(LEFT_OUT.format(plain("; ".join(left_out)))))
    table = aggregate_table(inputs.aggregate, suite, catalogue)
    items += [CaptionedTable(table, NUMBERS), *over_all_seeds(inputs)]
    return Section("Aggregates", inputs.heading("Aggregates"), tuple(items))


INTERVALS = (
    "Aggregate scores of each group of tasks (rows of panels), with 95 % intervals from "
    "{bootstrap} bootstrap repetitions stratified by task (rliable). IQM is the mean of the middle "
    "half of all seeds and tasks; the optimality gap is the mean shortfall from 100, so lower is "
    "better. With few tasks or seeds these intervals are too narrow; @aggregate gives the numbers."
)
LEFT_OUT = "Left out, because a group takes only methods with a score on all of its tasks: {}."
NUMBERS = (
    "Aggregate scores and 95 % intervals. _seeds_ counts those that the method has on every task "
    "of the group."
)


def over_all_seeds(inputs: ReportInputs) -> list[Figure]:
    """Performance profiles, probability of improvement and cost, of what there are scores for.

    The first two follow Agarwal et al. (2021, arXiv:2108.13264). The method that the others are
    compared with is a suite's baseline, or IQL.
    """
    suite, labels = inputs.offline, inputs.labels
    found = aggregates.matrices(inputs.scores, suite, inputs.catalogue.tasks)
    matrices = {group: methods for group, methods in found.items() if methods}
    if not matrices:
        return []
    shares = distributions.profiles(matrices, labels)
    draw = partial(distributions.performance_profiles, shares, labels, list(matrices))
    figures = [Figure("profiles", "Performance profiles", PROFILES, draw, shares)]
    one = suite.baseline or REFERENCE
    chances = distributions.probabilities(matrices, one, suite.bootstrap)
    if len(chances):
        draw = partial(distributions.probability_of_improvement, chances, one, labels)
        caption = IMPROVEMENT.format(plain(labels[one]))
        figures.append(Figure("improvement", "Probability of improvement", caption, draw, chances))
    each = {m: seed_update_seconds(inputs.records, m) for m in suite.methods}
    spent = {m: s * suite.updates_of(m) for m, s in each.items() if s}
    draw = partial(
        distributions.score_against_compute, inputs.aggregate, spent, labels, list(matrices)
    )
    return [*figures, Figure("compute", "Score against compute", COMPUTE, draw)]


PROFILES = (
    "Performance profiles: the share of all runs (a seed on a task) that score above τ, with "
    "pointwise 95 % bands from 2,000 bootstrap repetitions stratified by task. A curve that lies "
    "above another everywhere is better at every score that one might ask for; where they cross, "
    "it depends."
)
IMPROVEMENT = (
    "The probability that a seed of {} scores higher than one of another method on the same task, "
    "the mean over tasks, with the 95 % bootstrap interval. At one half neither is better; it says "
    "nothing of by how much."
)
COMPUTE = (
    "Mean score over the time that the updates of one seed took on one task (seeds are trained "
    "together; a seed’s share), and the interval of the mean. Up and to the left is better."
)


def aggregate_table(aggregate: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> Table:
    """The numbers of the aggregate figure: a row a group and method, a column a metric."""
    cells = {(r["group"], r["method"], r["metric"]): r for r in aggregate.to_dict("records")}
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for group in groups(suite, catalogue.tasks):
        rules += [len(rows)] if rows else []
        for method in suite.methods:
            found = [cells.get((group, method, metric)) for metric in METRICS]
            values = [
                Cell(number(r["value"]), (interval(r["ci_low"], r["ci_high"]),))
                if r
                else Cell(NOT_AVAILABLE)
                for r in found
            ]
            seeds = str(found[0]["seeds"]) if found[0] else NOT_AVAILABLE
            rows.append(row_of(group, catalogue.methods[method].label, seeds, *values))
    header = ("tasks", "method", "seeds", *METRICS)
    return Table("aggregate", header, "llrcccc", tuple(rows), tuple(rules))

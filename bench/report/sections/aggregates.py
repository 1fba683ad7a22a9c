"""Aggregates over tasks: IQM and others, profiles, improvement and cost."""

from __future__ import annotations

from functools import partial

import numpy as np
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


def section(inputs: ReportInputs) -> Section | None:
    """Show the aggregates of each group of tasks, and figures over all of its seeds.

    None for a single task, whose aggregates are its own score.
    """
    if not inputs.scored or len(inputs.offline.tasks) < 2:
        return None
    suite, catalogue = inputs.offline, inputs.catalogue
    names = list(groups(suite, catalogue.tasks))
    draw = partial(aggregate_intervals, inputs.aggregate, inputs.labels, names)
    caption = INTERVALS.format(bootstrap=suite.bootstrap, least=aggregates.MEDIAN_SEEDS)
    items: list[Item] = [Figure("aggregate", "Aggregate scores", caption, draw, inputs.aggregate)]
    if left_out := prose.left_out(inputs.scores, suite, catalogue):
        items.append(Paragraph(LEFT_OUT.format(plain("; ".join(left_out)))))
    table = aggregate_table(inputs.aggregate, suite, catalogue)
    items += [CaptionedTable(table, NUMBERS), *over_all_seeds(inputs)]
    return Section("Aggregates", inputs.heading("Aggregates"), tuple(items))


INTERVALS = (
    "Aggregate scores for each group of tasks (one row of panels each), with 95% CIs. IQM "
    "(interquartile mean) averages the middle half of the scores of all seeds and tasks; its CI is "
    "from {bootstrap:,} bootstrap repetitions stratified by task (rliable), at a level that makes "
    "up for few seeds (expanded percentile). Mean and optimality gap, the mean shortfall from 100, "
    "are means per seed over the tasks; their CI is that of a total, Student’s t over seeds. The "
    "median over tasks has a CI only from {least} seeds. @aggregate gives the numbers."
)
LEFT_OUT = "Each group includes only methods with a score on all of its tasks. Omitted: {}."
NUMBERS = (
    "Aggregate scores with 95% CIs. _seeds_: number of seeds that the method has on every task of "
    "the group."
)


def matrices_of(inputs: ReportInputs) -> dict[str, dict[str, np.ndarray]]:
    """Return the last scores (seeds, tasks) by group and method, of methods that are complete."""
    found = aggregates.complete(inputs.scores, inputs.offline, inputs.catalogue.tasks)
    return {
        group: {method: aggregates.matrix_of(cells) for method, cells in methods.items()}
        for group, methods in found.items()
        if methods
    }


def over_all_seeds(inputs: ReportInputs) -> list[Figure]:
    """Draw performance profiles, probability of improvement and cost, for the scores there are.

    The first two follow Agarwal et al. (2021, arXiv:2108.13264). The reference method is the
    suite's baseline, or else IQL.
    """
    suite, labels = inputs.offline, inputs.labels
    matrices = matrices_of(inputs)
    if not matrices:
        return []
    shares = distributions.profiles(matrices, labels)
    draw = partial(distributions.performance_profiles, shares, labels, list(matrices))
    figures = [Figure("profiles", "Performance profiles", PROFILES, draw, shares)]
    one = suite.baseline or REFERENCE
    chances = distributions.probabilities(matrices, one)
    if len(chances):
        draw = partial(distributions.probability_of_improvement, chances, one, labels)
        caption = IMPROVEMENT.format(plain(labels[one]))
        figures.append(Figure("improvement", "Probability of improvement", caption, draw, chances))
    each = {m: seed_update_seconds(inputs.records, m) for m in suite.methods}
    spent = {m: s * suite.updates_of(m) for m, s in each.items() if s}
    draw = partial(
        distributions.score_against_compute, inputs.aggregate, spent, labels, list(matrices)
    )
    means = inputs.aggregate[inputs.aggregate["metric"] == "mean"]
    numbers = means.assign(update_seconds=means["method"].map(spent))
    return [*figures, Figure("compute", "Score against compute", COMPUTE, draw, numbers)]


PROFILES = (
    "Performance profiles: share of runs (one per seed and task) that score above τ, with "
    "pointwise 95% confidence bands from 2,000 bootstrap repetitions stratified by task, at the "
    "level of the IQM’s. A curve that lies above another at every τ is better throughout; where "
    "two curves cross, neither dominates. Of many methods, the lowest are grey."
)
IMPROVEMENT = (
    "Probability that a seed of {} scores higher than a seed of another method on the same task, "
    "averaged over tasks, with Newcombe’s 95% CI (his method 5; omitted below three seeds). At 0.5 "
    "neither is better. The size of the difference plays no role."
)
COMPUTE = (
    "Mean score with 95% CI against the time of the updates per seed and task (seeds are trained "
    "together, and each is charged its share; other work on the machine was not recorded). The "
    "upper left is best."
)


def aggregate_table(aggregate: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate the aggregate figure: one row per group and method, one column per metric."""
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

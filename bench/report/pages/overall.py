"""Page 2: the aggregates over tasks in one row, for the methods with a score on every task."""

from __future__ import annotations

from functools import partial

from bench.report.figures import distributions
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Figure, Section
from bench.report.sections.aggregates import matrices_of
from bench.statistics.aggregates import ALL_TASKS
from bench.statistics.costs import REFERENCE


def section(inputs: ReportInputs) -> Section | None:
    """Show IQM and probability of improvement; None for one task, or below two methods."""
    suite, labels = inputs.offline, inputs.labels
    if not inputs.scored or len(suite.tasks) < 2:
        return None
    matrices = {group: found for group, found in matrices_of(inputs).items() if group == ALL_TASKS}
    if len(matrices.get(ALL_TASKS, {})) < 2:
        return None
    one = suite.baseline or REFERENCE
    chances = distributions.probabilities(matrices, one)
    shown = {m: labels[m] for m in labels if m in matrices[ALL_TASKS]}
    draw = partial(distributions.overall, inputs.aggregate, chances, shown, labels.get(one, one))
    omitted = [label for m, label in labels.items() if m not in shown]
    caption = CAPTION.format(
        tasks=len(suite.tasks),
        improvement=IMPROVEMENT.format(plain(labels[one])) if len(chances) else "",
        omitted=OMITTED.format(plain(", ".join(omitted))) if omitted else "",
    )
    means = inputs.aggregate[inputs.aggregate["group"] == ALL_TASKS]
    iqm = means[means["metric"] == "IQM"]
    numbers = iqm.merge(chances, on=["group", "method"], how="left", suffixes=("", "_probability"))
    figure = Figure("overall", "Over all tasks", caption, draw, numbers)
    return Section(
        "Overall", "", (figure,), appendix=inputs.finetune is not None or inputs.effects is not None
    )


CAPTION = (
    "Over all {tasks} tasks, with 95% CIs. Left: interquartile mean (IQM), the mean of the middle "
    "half of the scores of all seeds and tasks.{improvement}{omitted}"
)
IMPROVEMENT = (
    " Right: probability that a seed of {} scores higher than a seed of another method; at 0.5 "
    "neither is better."
)
OMITTED = " Omitted, because a task is missing: {}."

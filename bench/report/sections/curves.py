"""Learning curves, and the last score of every seed."""

from __future__ import annotations

from functools import partial

from bench.report.figures.scores import learning_curves, seed_scores
from bench.report.inputs import ReportInputs
from bench.report.section import Figure, Section

NAME = "Curves"  # where the HTML page draws the curves that a reader can zoom


def section(inputs: ReportInputs) -> Section:
    """Scores during training, and what each seed came to."""
    suite, labels, tasks = inputs.offline, inputs.labels, inputs.tasks
    returns = {t: inputs.cards[t]["return"].get("mean") for t in tasks if t in inputs.cards}
    means = {t: tasks[t].score(mean) for t, mean in returns.items() if mean is not None}
    during = partial(learning_curves, inputs.scores, labels, tasks, means)
    final = partial(seed_scores, inputs.scores, labels, tasks, suite.updates_of)
    figures = (
        Figure("curves", "Learning curves", CURVES, during),
        Figure("seeds", "Every seed", SEEDS, final),
    )
    return Section(NAME, f"Learning curves and seeds{inputs.before}", figures)


CURVES = (
    "Normalised score during training: mean over seeds and 95 % interval (Student t, from three "
    "seeds on). The dashed grey line is the mean score of the episodes in the data. Every "
    "evaluation used the environment; no policy was selected by it."
)
SEEDS = "The last evaluation of every seed (dots) and the mean over seeds (tick)."

"""Learning curves, and the final score of every seed."""

from __future__ import annotations

from functools import partial

from bench.report import plotted
from bench.report.figures.scores import coloured, learning_curves, seed_scores
from bench.report.inputs import ReportInputs
from bench.report.section import Figure, Section


def section(inputs: ReportInputs) -> Section | None:
    """Show scores during training, and the final score of each seed."""
    if not inputs.scored:
        return None
    suite, labels = inputs.offline, inputs.labels
    tasks = {name: inputs.tasks[name] for name in suite.tasks}
    means = data_scores(inputs)
    during = partial(learning_curves, inputs.scores, labels, tasks, means)
    many = len(coloured(inputs.scores, labels)) < len(labels)
    caption = CURVES + (DATA if means else "") + EVALUATED + (GREY if many else "")
    last = inputs.scores["step"] == inputs.scores["method"].map(suite.updates_of)
    ends = inputs.scores[(inputs.scores["phase"] == "offline") & last]
    points = plotted.curves(inputs, suite.methods, suite.tasks)
    final = partial(seed_scores, inputs.scores, labels, tasks, suite.updates_of)
    figures: tuple[Figure, ...] = (Figure("seeds", "Every seed", SEEDS, final, ends),)
    if evaluations(inputs) > 2:
        figures = (Figure("curves", "Learning curves", caption, during, points), *figures)
    return Section("Curves", inputs.heading("Learning curves and seeds"), figures)


def data_scores(inputs: ReportInputs) -> dict[str, float]:
    """Return the mean score of the episodes in each task's data, where its card has it."""
    cards = {t: inputs.cards[t] for t in inputs.offline.tasks if t in inputs.cards}
    means = {task: card["return"].get("mean") for task, card in cards.items()}
    return {t: inputs.tasks[t].score(mean) for t, mean in means.items() if mean is not None}


def evaluations(inputs: ReportInputs) -> int:
    """Return the most evaluations that a cell has: two points are no curve."""
    rows = inputs.scores[inputs.scores["phase"] == "offline"]
    counts = rows.groupby(["task", "method"])["step"].nunique()
    return int(counts.max()) if len(counts) else 0


CURVES = (
    "Normalised score during training: mean over seeds with 95% CI, as for the scores (omitted "
    "below three seeds)."
)
DATA = " The dashed grey line is the mean score of the episodes in the data."
EVALUATED = " Evaluations use the environment; no policy is selected by them."
GREY = " Of many methods, the lowest are grey."
SEEDS = "Score of every seed at the last evaluation (markers) and mean over seeds (tick)."

"""Learning curves, and the final score of every seed."""

from __future__ import annotations

from functools import partial

from bench.report import plotted
from bench.report.figures.scores import learning_curves, seed_scores
from bench.report.inputs import ReportInputs
from bench.report.section import Figure, Section


def section(inputs: ReportInputs) -> Section | None:
    """Show scores during training, and the final score of each seed."""
    if not inputs.scored:
        return None
    suite, labels = inputs.offline, inputs.labels
    tasks = {name: inputs.tasks[name] for name in suite.tasks}
    returns = {t: inputs.cards[t]["return"].get("mean") for t in tasks if t in inputs.cards}
    means = {t: tasks[t].score(mean) for t, mean in returns.items() if mean is not None}
    during = partial(learning_curves, inputs.scores, labels, tasks, means)
    last = inputs.scores["step"] == inputs.scores["method"].map(suite.updates_of)
    ends = inputs.scores[(inputs.scores["phase"] == "offline") & last]
    points = plotted.curves(inputs, suite.methods, suite.tasks)
    final = partial(seed_scores, inputs.scores, labels, tasks, suite.updates_of)
    figures: tuple[Figure, ...] = (Figure("seeds", "Every seed", SEEDS, final, ends),)
    if evaluations(inputs) > 2:
        figures = (Figure("curves", "Learning curves", CURVES, during, points), *figures)
    return Section("Curves", inputs.heading("Learning curves and seeds"), figures)


def evaluations(inputs: ReportInputs) -> int:
    """Return the most evaluations that a cell has: two points are no curve."""
    rows = inputs.scores[inputs.scores["phase"] == "offline"]
    counts = rows.groupby(["task", "method"])["step"].nunique()
    return int(counts.max()) if len(counts) else 0


CURVES = (
    "Normalised score during training: mean over seeds with 95% CI, as for the scores (omitted "
    "below three seeds). The dashed grey line is the mean score of the episodes in the data. "
    "Evaluations use the environment; no policy is selected by them. Of many methods, the lowest "
    "are grey."
)
SEEDS = "Score of every seed at the last evaluation (markers) and mean over seeds (tick)."

"""How often nominal 95% intervals contain the truth, by simulation.

Each quantity that the reports print is simulated with the interval that they print and with those
that it replaced. The truth is known because the scores are synthetic.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.statistics import intervals
from bench.statistics.aggregates import MEDIAN_SEEDS, bootstrap_level, metrics
from bench.statistics.coverage_of_comparisons import (
    CHANCES,
    PERCENTILE,
    difference_rows,
    improvement_rows,
    mark_rows,
)
from bench.statistics.coverage_rows import (
    COLUMNS,
    TASKS,
    Row,
    cell,
    ends_of,
    mixed,
    percents,
    plain_sample,
    row,
)
from bench.statistics.inference import Estimate, contrast
from bench.statistics.intervals import LEVEL, success_interval, t_interval
from bench.statistics.seed_scores import SeedScores, estimate
from bench.statistics.simulated_scores import MAZE, NORMAL, SEVERAL, SINGLE, Scores

TASK = "mean of a task"
IQM, MEDIAN, MEAN = (f"{name} of {TASKS} tasks" for name in ("IQM", "median", "mean"))
STUDENT, KORN, FLOOR = "Student's t", "Korn-Graubard", "Korn-Graubard, ICC at least 0.2"
EXPANDED = "expanded percentile"
APART, TOTAL = "t, tasks independent", "t, sums per seed"


def simulate(simulations: int, bootstrap: int, seeds: Sequence[int]) -> pd.DataFrame:
    """Simulate how often each interval contains the truth.

    Return COLUMNS with one row per quantity, distribution of scores, interval and number of
    `seeds`. `simulations` is the number of synthetic experiments per row, `bootstrap` the resamples
    in each. `printed` tells the intervals of the reports from others. `both_kinds` is the share of
    experiments that had seeds of both kinds, where there are two (see Scores), and
    `coverage_of_both` the coverage in these: what the other experiments do not show, no interval
    can. Raise BenchError if a number of seeds is too small for an interval.
    """
    if min(seeds, default=0) < intervals.MIN_SEEDS:
        raise BenchError(f"--seeds: must be at least {intervals.MIN_SEEDS}; give more seeds.")
    rows: list[Row] = []
    for count in seeds:
        for scores in SINGLE:
            rows += task_rows(scores, count, simulations)
            rows += difference_rows(scores, count, simulations)
        for scores in (NORMAL, MAZE):
            rows += mark_rows(scores, count, simulations)
        for chance in CHANCES:
            rows += improvement_rows(chance, count, simulations, bootstrap)
        for scores in SEVERAL:
            rows += aggregate_rows(scores, count, simulations, bootstrap)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    firsts = {
        column: {name: place for place, name in enumerate(frame[column].unique())}
        for column in ("quantity", "scores", "interval")
    }
    order = ["quantity", "scores", "interval", "seeds"]
    return frame.sort_values(order, key=lambda c: c.map(firsts[c.name]) if c.name in firsts else c)


@functools.cache
def limits(scores: Scores) -> np.ndarray:
    """Return the metrics of very many seeds on TASKS tasks, the truth."""
    return metrics(scores.draw(np.random.default_rng(0), (200_000, TASKS))[0])


def task_rows(scores: Scores, seeds: int, simulations: int) -> list[Row]:
    """Return the coverage of intervals of one task's mean, as in summary.csv."""
    truth = limits(scores)[2]
    values, kinds = scores.draw(np.random.default_rng(seeds), (simulations, seeds, 1))
    values, both = values[:, :, 0], mixed(kinds)
    student = np.array([t_interval(x) for x in values])
    found = {STUDENT: student}
    if scores.success:
        # As before: clipped, and without width where all seeds scored the same.
        means = np.repeat(values.mean(axis=1, keepdims=True), 2, axis=1)
        found[STUDENT] = np.clip(np.where(np.isnan(student), means, student), 0, 100)
        assert scores.episodes is not None
        for name, icc in ((KORN, 0.0), (FLOOR, intervals.ICC)):
            found[name] = np.stack(success_interval(values, scores.episodes, icc=icc), axis=1)
    printed = FLOOR if scores.success else STUDENT
    return [
        row(TASK, scores.name, name, seeds, ends, truth, printed=name == printed, both=both)
        for name, ends in found.items()
    ]


def aggregate_rows(scores: Scores, seeds: int, simulations: int, repetitions: int) -> list[Row]:
    """Return the coverage of the aggregates over TASKS tasks, as in aggregate.csv."""
    rng = np.random.default_rng(seeds)
    truth = limits(scores)
    matrices, _ = scores.draw(rng, (simulations, seeds, TASKS))
    levels = {PERCENTILE: LEVEL, EXPANDED: bootstrap_level(seeds, TASKS)}
    ends = np.array(
        [bootstrap_ends(m, repetitions, rng.integers, tuple(levels.values())) for m in matrices]
    )
    rows: list[Row] = []
    for column, quantity in enumerate((IQM, MEDIAN, MEAN)):
        for place, name in enumerate(levels):
            printed = name == EXPANDED and quantity != MEAN
            printed &= quantity != MEDIAN or seeds >= MEDIAN_SEEDS
            found = ends[:, place, :, column]
            rows.append(
                row(quantity, scores.name, name, seeds, found, truth[column], printed=printed)
            )
    cells = [[cell(x, scores) for x in matrix.T] for matrix in matrices]
    means: dict[str, Callable[[list[SeedScores]], Estimate]] = {
        APART: lambda found: contrast([(1.0, plain_sample(c.values)) for c in found]),
        TOTAL: estimate,
    }
    for name, of in means.items():
        found = ends_of(of(each) for each in cells) / TASKS
        rows.append(row(MEAN, scores.name, name, seeds, found, truth[2], printed=name == TOTAL))
    return rows


def bootstrap_ends(
    matrix: np.ndarray,
    repetitions: int,
    integers: Callable[..., np.ndarray],
    levels: Sequence[float] = (LEVEL,),
) -> np.ndarray:
    """Return rliable's intervals of the metrics at some levels: (seeds, tasks) -> (levels, 2, 4).

    `integers(n, size=...)` draws integers below n. numpy.random.randint gives exactly rliable's
    draws after the same numpy.random.seed.
    """
    seeds, tasks = matrix.shape
    chosen = integers(seeds, size=(repetitions, seeds, tasks))
    wanted = [percent for level in levels for percent in percents(level)]
    ends = np.percentile(metrics(matrix[chosen, np.arange(tasks)]), wanted, axis=0)
    return ends.reshape(len(levels), 2, -1)

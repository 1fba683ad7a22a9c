"""The simulated coverage of comparisons: differences, marks and probabilities of improvement."""

from __future__ import annotations

import numpy as np
from scipy import stats

from bench.statistics.comparisons import rank
from bench.statistics.coverage_rows import (
    TASKS,
    Row,
    cell,
    ends_of,
    percents,
    plain_sample,
    row,
)
from bench.statistics.improvement import Improvement
from bench.statistics.inference import contrast
from bench.statistics.intervals import LEVEL, t_interval
from bench.statistics.seed_scores import estimate
from bench.statistics.simulated_scores import Scores

METHODS = (4, 8, 11)  # compared on one task
CHANCES = (0.5, 0.76, 0.92, 0.98)  # of improvement
DIFFERENCE, IMPROVEMENT = "difference of two methods", "P(improvement)"
MARKS = "no mark among {} equal methods"
OVERLAP, WELCH, PAIRED = "overlap of two CIs", "Welch", "paired by seed"
UNCORRECTED, HOLM = "Welch, uncorrected", "paired by seed, Holm"
PERCENTILE, NEWCOMBE = "percentile bootstrap", "Newcombe 5"


def difference_rows(scores: Scores, seeds: int, simulations: int) -> list[Row]:
    """Return how often the difference of two equal methods is not called significant."""
    values, _ = scores.draw(np.random.default_rng(seeds), (simulations, 2, seeds, 1))
    pairs = [[cell(x[:, 0], scores) for x in pair] for pair in values]
    found = {PAIRED: ends_of(estimate([one], [two]) for one, two in pairs)}
    # Without an interval nothing is said of the difference.
    found[PAIRED] = np.where(np.isnan(found[PAIRED]), [-100, 100], found[PAIRED])
    found[WELCH] = np.array([welch_ends(pair[0, :, 0], pair[1, :, 0]) for pair in values])
    each = np.array([[old_ends(x[:, 0], scores) for x in pair] for pair in values])
    gaps = np.stack([each[:, 0, 0] - each[:, 1, 1], each[:, 0, 1] - each[:, 1, 0]], axis=1)
    found[OVERLAP] = gaps
    return [
        row(DIFFERENCE, scores.name, name, seeds, found[name], 0.0, printed=name == PAIRED)
        for name in (OVERLAP, WELCH, PAIRED)
    ]


def old_ends(values: np.ndarray, scores: Scores) -> tuple[float, float]:
    """Return the t interval of one method, without width where all seeds scored the same."""
    if np.ptp(values) == 0:
        return float(values[0]), float(values[0])
    low, high = t_interval(values)
    return (max(low, 0.0), min(high, 100.0)) if scores.success else (low, high)


def welch_ends(one: np.ndarray, two: np.ndarray) -> tuple[float, float]:
    """Return Welch's interval of the difference, without width where nothing varies."""
    if np.ptp(one) == np.ptp(two) == 0:
        return float(one[0] - two[0]), float(one[0] - two[0])
    return contrast([(1.0, plain_sample(one)), (-1.0, plain_sample(two))]).interval()


def mark_rows(scores: Scores, seeds: int, simulations: int) -> list[Row]:
    """Return how often none of several equal methods is shown as below the best."""
    rows: list[Row] = []
    for methods in METHODS:
        rng = np.random.default_rng(seeds)
        values = scores.draw(rng, (simulations, methods, seeds, 1))[0][..., 0]
        corrected = [
            rank({str(m): cell(x, scores) for m, x in enumerate(found)}) for found in values
        ]
        apart = {
            UNCORRECTED: np.array([_uncorrected(found) for found in values]),
            HOLM: np.array(["" in ranks.values() for ranks in corrected]),
        }
        for name, wrong in apart.items():
            # As intervals around 0: without width beside it where a method is set apart.
            ends = np.where(wrong[:, None], [1.0, 1.0], [0.0, 0.0])
            quantity = MARKS.format(methods)
            rows.append(row(quantity, scores.name, name, seeds, ends, 0.0, printed=name == HOLM))
    return rows


def _uncorrected(values: np.ndarray) -> bool:
    """Return whether Welch's test sets any method (methods, seeds) apart from the best."""
    best = values[values.mean(axis=1).argmax()]
    ends = [welch_ends(best, x) for x in values]
    return any(low > 0 for low, _ in ends)


def improvement_rows(chance: float, seeds: int, simulations: int, repetitions: int) -> list[Row]:
    """Return the coverage of the probability of improvement, of one task and of TASKS."""
    shift = np.sqrt(2) * stats.norm.ppf(chance)
    rows: list[Row] = []
    for tasks in (1, TASKS):
        rng = np.random.default_rng(seeds)
        values = rng.normal(size=(simulations, 2, tasks, seeds))
        values[:, 0] += shift
        found = {
            PERCENTILE: np.array(
                [win_bootstrap(pair[0], pair[1], repetitions, rng) for pair in values]
            ),
            NEWCOMBE: np.array([Improvement.of(*pair).interval() for pair in values]),
        }
        quantity = IMPROVEMENT + (f", {tasks} tasks" if tasks > 1 else "")
        rows += [
            row(quantity, f"normal, {chance:g}", name, seeds, 100 * ends, 100 * chance,
                printed=name == NEWCOMBE)
            for name, ends in found.items()
        ]  # fmt: skip
    return rows


def win_bootstrap(
    ours: np.ndarray, theirs: np.ndarray, repetitions: int, rng: np.random.Generator
) -> np.ndarray:
    """Return rliable's percentile interval of the probability of improvement.

    Each method's scores are (tasks, seeds); seeds are resampled within each task.
    """
    tasks, seeds = ours.shape
    wins = (ours[:, :, None] > theirs[:, None]) + 0.5 * (ours[:, :, None] == theirs[:, None])
    even = np.full(seeds, 1 / seeds)
    mine, other = rng.multinomial(seeds, even, (2, repetitions, tasks)) / seeds
    draws = np.einsum("rti,tij,rtj->r", mine, wins, other, optimize=True) / tasks
    return np.percentile(draws, percents(LEVEL))

"""Confidence intervals of one mean over seeds: of a success rate, and of an unbounded score."""

from __future__ import annotations

import functools

import numpy as np
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

LEVEL = 0.95
MIN_SEEDS = 3  # with two seeds the t quantile is 12.7: an uninformative interval

# Intraclass correlation of the episodes of a seed, from which a success rate gets the least error
# that its interval assumes. Seeds that happen to agree show no spread, yet others would differ. It
# exceeds what nine in ten cells have, CORL's or ours (benchmarks/seed_correlations.py).
ICC = 0.2


def effective_episodes(seeds: int, episodes: float, icc: float = ICC) -> float:
    """Return how many independent episodes `seeds` x `episodes` with a correlation `icc` are worth.

    `episodes` is the number per seed (its mean, if unequal). The design effect is Kish's [1965].
    """
    return seeds * episodes / (1 + (episodes - 1) * icc)


def success_interval(
    scores: np.ndarray, episodes: float, level: float = LEVEL, icc: float = ICC
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the interval of a success rate, in percent; NaN below three seeds.

    `scores` (..., seeds) are percentages of `episodes` each; both ends have shape (...). The
    interval is Korn and Graubard's [1998]: Clopper and Pearson's for the number of independent
    episodes that would have as large an error, with the seed as cluster and the degrees of freedom
    of the seeds. That number is at most the `effective_episodes` of `icc`.
    """
    seeds = scores.shape[-1]
    if seeds < MIN_SEEDS:
        return np.full(scores.shape[:-1], np.nan), np.full(scores.shape[:-1], np.nan)
    rates = np.clip(scores / 100, 0, 1)
    rate, variance = rates.mean(axis=-1), rates.var(axis=-1, ddof=1) / seeds
    rate = np.where(np.ptp(rates, axis=-1) == 0, rates[..., 0], rate)  # without rounding errors
    cautious = t_quantile(level, seeds * episodes - 1) / t_quantile(level, seeds - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = rate * (1 - rate) / variance * cautious**2
    effective = np.fmin(found, effective_episodes(seeds, episodes, icc))
    ends = proportion_confint(rate * effective, effective, 1 - level, method="beta")
    return 100 * np.asarray(ends[0]), 100 * np.asarray(ends[1])


def t_interval(values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return Student's t interval of the mean of `values` (seeds,), an unbounded score.

    NaN below three seeds, and where all are equal: no spread is no evidence of a small error.
    """
    # Not a percentile bootstrap, which is too narrow for few seeds: with five normal seeds, its
    # 95% interval contained the true mean in 84% of 4,000 simulations, this one in 94%.
    if len(values) < MIN_SEEDS or np.ptp(values) == 0:
        return np.nan, np.nan
    half = t_quantile(level, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def unseen_failures(seeds: int) -> float:
    """Return the 95% upper bound on the share of failing seeds, if none of `seeds` failed.

    No interval computed from seeds that all succeeded can show a rarer failure: 63, 45 and 26%
    for 3, 5 and 10 seeds [Hanley and Lippman-Hand 1983].
    """
    return float(1 - (1 - LEVEL) ** (1 / seeds))


def deviation(values: np.ndarray) -> float:
    """Return the sample deviation, exactly 0 for equal values, where rounding leaves 1e-15."""
    return 0.0 if np.ptp(values) == 0 else float(values.std(ddof=1))


@functools.lru_cache(maxsize=4096)
def t_quantile(level: float, freedom: float) -> float:
    """Return half the width of a t interval at `level`, in standard errors."""
    return float(stats.t.ppf((1 + level) / 2, freedom))

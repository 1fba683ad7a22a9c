"""Weighted sums of means over seeds, with their errors, intervals and p-values.

Whatever a table or a claim compares is such a sum, for instance IQL's total minus twice CQL's, so
one interval serves them all [Welch 1947, Satterthwaite 1946].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.statistics.intervals import LEVEL, MIN_SEEDS, deviation, success_interval, t_quantile

POWER = 0.8  # the conventional value: four of five repetitions of the experiment would decide
MOST_SEEDS = 1000


@dataclass(frozen=True)
class Sample:
    """Mean, sample deviation and count of independent seeds, `ours` or published.

    `least` is a deviation known from elsewhere that the error may not undercut: that of the
    episodes of a success rate.
    """

    mean: float
    std: float
    count: int
    ours: bool = True
    least: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray) -> Sample:
        """Return the sample of at least two values (seeds,); equal values have deviation 0."""
        return cls(float(values.mean()), deviation(values), len(values))


Terms = Sequence[tuple[float, Sample]]


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and degrees of freedom; `bounds` limit the interval."""

    value: float
    error: float
    freedom: float
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the two-sided t interval at `level`; NaN below three seeds or without spread."""
        half = t_quantile(level, self.freedom) * self.error if self.known else math.nan
        ends = np.clip([self.value - half, self.value + half], *self.bounds)
        return float(ends[0]), float(ends[1])

    def p_value(self, bound: float = 0.0) -> float:
        """Return the two-sided p-value of value = `bound`, below 5% if the 95% interval omits it.

        1 where there is no interval: what shows no spread decides nothing.
        """
        if not self.known:
            return 1.0
        return 2 * float(stats.t.sf(abs(self.value - bound) / self.error, self.freedom))

    @property
    def known(self) -> bool:
        """Whether there is an interval."""
        return self.error > 0


@dataclass(frozen=True)
class SuccessRate(Estimate):
    """The mean of a single success rate, in percent, with its own interval."""

    scores: tuple[float, ...] = ()
    episodes: float = 1.0

    @classmethod
    def of(cls, values: np.ndarray, episodes: float) -> SuccessRate:
        """Return the mean of `values` (seeds,), percentages of `episodes` each."""
        spread = deviation(values) if len(values) > 1 else math.nan
        mean = float(values.mean()) if len(values) else math.nan
        error = spread / math.sqrt(len(values)) if len(values) else math.nan
        return cls(mean, error, len(values) - 1, scores=tuple(values), episodes=episodes)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return Korn and Graubard's interval; NaN below three seeds."""
        low, high = success_interval(np.array(self.scores), self.episodes, level)
        return float(low), float(high)


def contrast(terms: Terms) -> Estimate:
    """Return the sum of weight x mean, with Welch's error and Satterthwaite's freedom.

    The error is at least that with which a normal 95% interval would rest on the samples' `least`
    deviations alone. It is NaN if a sample of ours has fewer than three seeds, or neither a spread
    nor a least deviation: what does not vary shows no error.
    """
    value = sum(weight * sample.mean for weight, sample in terms)
    ours = [sample for _, sample in terms if sample.ours]
    fewest = min((sample.count for sample in ours), default=MIN_SEEDS)
    if fewest < MIN_SEEDS or not all(sample.std or sample.least for sample in ours):
        return Estimate(value, math.nan, fewest - 1)
    weighted = [(weight**2 / s.count, s, s.count - 1) for weight, s in terms]
    variance = sum(w * s.std**2 for w, s, _ in weighted)
    # Without spread there is no variance by which to weight the counts.
    freedom = (
        variance**2 / sum((w * s.std**2) ** 2 / f for w, s, f in weighted)
        if variance
        else sum(f for _, _, f in weighted)
    )
    least = math.sqrt(sum(w * s.least**2 for w, s, _ in weighted))
    least *= t_quantile(LEVEL, math.inf) / t_quantile(LEVEL, freedom)
    return Estimate(value, max(math.sqrt(variance), least), freedom)


def corrected(comparisons: int) -> float:
    """Return the Bonferroni-corrected level of one of several intervals."""
    return 1 - (1 - LEVEL) / comparisons

"""Inference from a few seeds: intervals, tests of a bound or of equivalence, seeds needed.

Every quantity that a claim compares is a weighted sum of means over seeds, such as IQL's total
minus twice CQL's, so one interval serves them all [Welch 1947, Satterthwaite 1946]. The
probability of improvement has its own bootstrap.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

LEVEL = 0.95
POWER = 0.8  # the conventional value: four of five repetitions of the experiment would decide
MOST_SEEDS = 1000
Decision = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Sample:
    """Mean, sample deviation and count of independent seeds; only `ours` can get more seeds."""

    mean: float
    std: float
    count: int
    ours: bool = True

    @classmethod
    def of(cls, values: np.ndarray) -> Sample:
        """Return the sample of at least two values (seeds,); equal values have deviation 0."""
        spread = 0.0 if np.ptp(values) == 0 else float(values.std(ddof=1))
        return cls(float(values.mean()), spread, len(values))


Terms = Sequence[tuple[float, Sample]]


@dataclass(frozen=True)
class Estimate:
    """A value with its standard error and degrees of freedom."""

    value: float
    error: float
    freedom: float

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the two-sided t interval at `level`."""
        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half


def contrast(terms: Terms, seeds: int | None = None) -> Estimate:
    """Return the sum of weight x mean, with Welch's error and Satterthwaite's freedom.

    `seeds` replaces the count of our own samples, to predict the error with that many seeds.
    """
    parts = []
    for weight, sample in terms:
        count = seeds if seeds is not None and sample.ours else sample.count
        parts.append((weight**2 * sample.std**2 / count, count - 1))
    variance = sum(v for v, _ in parts)
    # Without spread there is no variance by which to weight the counts.
    freedom = (
        variance**2 / sum(v**2 / f for v, f in parts) if variance else sum(f for _, f in parts)
    )
    value = sum(weight * sample.mean for weight, sample in terms)
    return Estimate(value, math.sqrt(variance), freedom)


@dataclass(frozen=True)
class Above:
    """The hypothesis value > bound, or value < bound if `sign` is -1."""

    bound: float
    sign: int = 1

    def decide(self, estimate: Estimate, comparisons: int = 1) -> Decision:
        """Decide by intervals: confirm if the 95% interval lies beyond the bound.

        Refute if the Bonferroni-corrected interval lies entirely on the other side, because any
        one of `comparisons` parts refutes the whole.
        """
        return self.place(estimate.interval(), estimate.interval(corrected(comparisons)))

    def place(self, usual: tuple[float, float], wide: tuple[float, float]) -> Decision:
        """Decide by an interval at 95% and one at the corrected level."""
        if _signed(usual, self.sign)[0] > self.sign * self.bound:
            return "reproduced"
        beyond = _signed(wide, self.sign)[1] < self.sign * self.bound
        return "not reproduced" if beyond else "inconclusive"

    def power(self, estimate: Estimate, comparisons: int = 1) -> float:
        """Return the probability of a decision if `estimate` is the truth, with its error."""
        shift = self.sign * (estimate.value - self.bound) / estimate.error
        confirm = _quantile(LEVEL, estimate)
        refute = _quantile(corrected(comparisons), estimate)
        beyond = _exceeds(confirm, estimate.freedom, shift)
        return beyond + _exceeds(refute, estimate.freedom, -shift)


@dataclass(frozen=True)
class Within:
    """The hypothesis low < value < high: two one-sided tests at 5% (TOST), Schuirmann 1987."""

    low: float
    high: float

    def decide(self, estimate: Estimate, comparisons: int = 1) -> Decision:
        """Confirm if the 90% interval lies inside, which is TOST at 5%; refute as in Above."""
        low, high = estimate.interval(0.9)
        if self.low < low and high < self.high:
            return "reproduced"
        low, high = estimate.interval(corrected(comparisons))
        return "not reproduced" if high < self.low or low > self.high else "inconclusive"

    def power(self, estimate: Estimate, comparisons: int = 1) -> float:
        """Return the probability of a decision if `estimate` is the truth.

        The part of TOST is a lower bound.
        """
        freedom = estimate.freedom
        above_low = (estimate.value - self.low) / estimate.error
        below_high = (self.high - estimate.value) / estimate.error
        inner, outer = _quantile(0.9, estimate), _quantile(corrected(comparisons), estimate)
        both = _exceeds(inner, freedom, above_low) + _exceeds(inner, freedom, below_high)
        either = _exceeds(outer, freedom, -above_low) + _exceeds(outer, freedom, -below_high)
        return max(0.0, both - 1) + either


Test = Above | Within


def seeds_needed(terms: Terms, test: Test, comparisons: int = 1) -> int | None:
    """Return the seeds per cell with which `test` would decide with a probability of 80%.

    Takes the measured means and deviations for the truth, so with few seeds it is a rough guess.
    None if 1,000 seeds are not enough, or if nothing varies.
    """
    if contrast(terms).error == 0:
        return None

    def enough(seeds: int) -> bool:
        return test.power(contrast(terms, seeds), comparisons) >= POWER

    counts = range(3, MOST_SEEDS + 1)
    index = bisect.bisect_left(counts, True, key=enough)
    return counts[index] if index < len(counts) else None


def _signed(interval: tuple[float, float], sign: int) -> tuple[float, float]:
    low, high = (sign * end for end in interval)
    return (low, high) if sign > 0 else (high, low)


def corrected(comparisons: int) -> float:
    """Return the Bonferroni-corrected level of one of several intervals."""
    return 1 - (1 - LEVEL) / comparisons


def _exceeds(bound: float, freedom: float, shift: float) -> float:
    """Return P(T > bound) of the noncentral t; SciPy gives NaN where it vanishes."""
    chance = float(stats.nct.sf(bound, freedom, shift))
    return float(shift > bound) if math.isnan(chance) else chance


def _quantile(level: float, estimate: Estimate) -> float:
    return float(stats.t.ppf((1 + level) / 2, estimate.freedom))


# --- probability of improvement ---------------------------------------------------------


def improvement(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], repetitions: int
) -> tuple[float, np.ndarray]:
    """Return P(a seed of ours beats one of theirs), averaged over tasks, and its bootstrap.

    Takes one array (seeds,) per task; ties count one half. The bootstrap, (repetitions,),
    resamples each method's seeds within each task, as rliable does (Agarwal et al. 2021,
    arXiv:2108.13264).
    """
    rng = np.random.default_rng(0)
    value, draws = 0.0, np.zeros(repetitions)
    for x, y in zip(ours, theirs, strict=True):
        wins = (x[:, None] > y) + 0.5 * (x[:, None] == y)
        mine = rng.multinomial(len(x), np.full(len(x), 1 / len(x)), repetitions) / len(x)
        other = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), repetitions) / len(y)
        value += float(wins.mean()) / len(ours)
        draws += np.einsum("ri,ij,rj->r", mine, wins, other, optimize=True) / len(ours)
    return value, draws


def bootstrap_interval(draws: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of bootstrap draws (repetitions,)."""
    low, high = np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def seeds_needed_by_error(value: float, bound: float, draws: np.ndarray, seeds: int) -> int | None:
    """Return what `seeds_needed` does, for a bootstrap: its error falls as 1 / sqrt(seeds)."""
    gap, error = abs(value - bound), float(draws.std())
    if gap == 0 or error == 0:
        return None
    ratio = float(stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * error / gap
    needed = math.ceil(seeds * ratio**2)
    return needed if needed <= MOST_SEEDS else None


# With fewer seeds a bootstrap often has no spread: four seeds that all win give [1, 1].
MIN_BOOTSTRAP_SEEDS = 5

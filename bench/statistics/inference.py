"""What a few seeds say about a number: intervals, tests of a bound or of equality, seeds needed.

Everything a claim compares is a weighted sum of means over seeds, such as IQL's total minus
twice CQL's, so that one interval serves them all [Welch 1947, Satterthwaite 1946]. The share
of wins has a bootstrap of its own.
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
POWER = 0.8  # the usual one: four of five repetitions of the experiment would decide
MOST_SEEDS = 1000
Decision = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Sample:
    """Mean, sample deviation and count of independent seeds; `ours` can be given more seeds."""

    mean: float
    std: float
    count: int
    ours: bool = True

    @classmethod
    def of(cls, values: np.ndarray) -> Sample:
        """Of (seeds,) values, two at least; exactly 0 deviation where they are all equal."""
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
        """The two-sided t interval at `level`."""
        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return self.value - half, self.value + half


def contrast(terms: Terms, seeds: int | None = None) -> Estimate:
    """sum of weight x mean, with Welch's error and Satterthwaite's freedom.

    `seeds` replaces the count of our own samples: what as many seeds would give.
    """
    parts = []
    for weight, sample in terms:
        count = seeds if seeds is not None and sample.ours else sample.count
        parts.append((weight**2 * sample.std**2 / count, count - 1))
    variance = sum(v for v, _ in parts)
    # Without spread there is no variance to weigh the counts by.
    freedom = (
        variance**2 / sum(v**2 / f for v, f in parts) if variance else sum(f for _, f in parts)
    )
    value = sum(weight * sample.mean for weight, sample in terms)
    return Estimate(value, math.sqrt(variance), freedom)


@dataclass(frozen=True)
class Above:
    """value > bound, or value < bound where `sign` is -1."""

    bound: float
    sign: int = 1

    def decide(self, estimate: Estimate, comparisons: int = 1) -> Decision:
        """Confirmed by the 95 % interval beyond the bound.

        Refuted by one wholly on the other side, at the level that Bonferroni asks for where
        any one of `comparisons` parts refutes the whole.
        """
        return self.place(estimate.interval(), estimate.interval(corrected(comparisons)))

    def place(self, usual: tuple[float, float], wide: tuple[float, float]) -> Decision:
        """The decision by an interval at 95 % and one at the corrected level."""
        if _signed(usual, self.sign)[0] > self.sign * self.bound:
            return "reproduced"
        beyond = _signed(wide, self.sign)[1] < self.sign * self.bound
        return "not reproduced" if beyond else "inconclusive"

    def power(self, estimate: Estimate, comparisons: int = 1) -> float:
        """Chance of a decision where `estimate` is the truth and has its error."""
        shift = self.sign * (estimate.value - self.bound) / estimate.error
        confirm = _quantile(LEVEL, estimate)
        refute = _quantile(corrected(comparisons), estimate)
        beyond = _exceeds(confirm, estimate.freedom, shift)
        return beyond + _exceeds(refute, estimate.freedom, -shift)


@dataclass(frozen=True)
class Within:
    """low < value < high: two one-sided tests at 5 % (TOST), Schuirmann 1987."""

    low: float
    high: float

    def decide(self, estimate: Estimate, comparisons: int = 1) -> Decision:
        """Confirmed by the 90 % interval inside, which is TOST at 5 %; refuted as in Above."""
        low, high = estimate.interval(0.9)
        if self.low < low and high < self.high:
            return "reproduced"
        low, high = estimate.interval(corrected(comparisons))
        return "not reproduced" if high < self.low or low > self.high else "inconclusive"

    def power(self, estimate: Estimate, comparisons: int = 1) -> float:
        """Chance of a decision where `estimate` is the truth; a lower bound for TOST's part."""
        freedom = estimate.freedom
        above_low = (estimate.value - self.low) / estimate.error
        below_high = (self.high - estimate.value) / estimate.error
        inner, outer = _quantile(0.9, estimate), _quantile(corrected(comparisons), estimate)
        both = _exceeds(inner, freedom, above_low) + _exceeds(inner, freedom, below_high)
        either = _exceeds(outer, freedom, -above_low) + _exceeds(outer, freedom, -below_high)
        return max(0.0, both - 1) + either


Test = Above | Within


def seeds_needed(terms: Terms, test: Test, comparisons: int = 1) -> int | None:
    """Seeds of each cell with which `test` would decide with a chance of 80 %.

    Takes means and deviations as measured for the truth, which few seeds make a rough guess.
    None where 1,000 would not do, or where nothing varies.
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
    """Bonferroni's level for one of several intervals."""
    return 1 - (1 - LEVEL) / comparisons


def _exceeds(bound: float, freedom: float, shift: float) -> float:
    """P(T > bound) of the noncentral t, which SciPy gives as NaN where it vanishes."""
    chance = float(stats.nct.sf(bound, freedom, shift))
    return float(shift > bound) if math.isnan(chance) else chance


def _quantile(level: float, estimate: Estimate) -> float:
    return float(stats.t.ppf((1 + level) / 2, estimate.freedom))


# --- probability of improvement ---------------------------------------------------------


def improvement(
    ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray], repetitions: int
) -> tuple[float, np.ndarray]:
    """P(a seed of ours scores higher than one of theirs), the mean over tasks, and its bootstrap.

    One array (seeds,) a task; ties count one half. Each method's seeds are drawn anew within
    each task, as rliable does (Agarwal et al. 2021, arXiv:2108.13264); (repetitions,).
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
    """The percentile interval of (repetitions,)."""
    low, high = np.percentile(draws, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def seeds_needed_by_error(value: float, bound: float, draws: np.ndarray, seeds: int) -> int | None:
    """As `seeds_needed`, for a bootstrap over `seeds`: its error falls with their root."""
    gap, error = abs(value - bound), float(draws.std())
    if gap == 0 or error == 0:
        return None
    ratio = float(stats.norm.ppf((1 + LEVEL) / 2) + stats.norm.ppf(POWER)) * error / gap
    needed = math.ceil(seeds * ratio**2)
    return needed if needed <= MOST_SEEDS else None


# A bootstrap of fewer seeds never leaves what they happened to be: four that all win give [1, 1].
MIN_BOOTSTRAP_SEEDS = 5

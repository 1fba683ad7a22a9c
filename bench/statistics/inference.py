"""Inference from a few seeds: intervals, tests of a bound or of equivalence, seeds needed.

Every quantity that a claim compares is a weighted sum of means over seeds, such as IQL's total
minus twice CQL's, so one interval serves them all [Welch 1947, Satterthwaite 1946].
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from bench.statistics.intervals import LEVEL, MIN_SEEDS, deviation, success_interval, t_quantile

POWER = 0.8  # the conventional value: four of five repetitions of the experiment would decide
MOST_SEEDS = 1000
Decision = Literal["reproduced", "not reproduced", "inconclusive"]


@dataclass(frozen=True)
class Sample:
    """Mean, sample deviation and count of independent seeds; only `ours` can get more seeds.

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


def contrast(terms: Terms, seeds: int | None = None) -> Estimate:
    """Return the sum of weight x mean, with Welch's error and Satterthwaite's freedom.

    The error is at least that with which a normal 95% interval would rest on the samples' `least`
    deviations alone. `seeds` replaces the count of our own samples, to predict the error with that
    many seeds. The error is NaN if a sample of ours has fewer than three seeds, or neither a
    spread nor a least deviation: what does not vary shows no error.
    """
    value = sum(weight * sample.mean for weight, sample in terms)
    counts = [seeds if seeds is not None and s.ours else s.count for _, s in terms]
    fewest = min((n for n, (_, s) in zip(counts, terms, strict=True) if s.ours), default=MIN_SEEDS)
    if fewest < MIN_SEEDS or any(s.ours and not (s.std or s.least) for _, s in terms):
        return Estimate(value, math.nan, fewest - 1)
    weighted = [(w**2 / n, s, n - 1) for n, (w, s) in zip(counts, terms, strict=True)]
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
        confirm = t_quantile(LEVEL, estimate.freedom)
        refute = t_quantile(corrected(comparisons), estimate.freedom)
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
        inner, outer = (
            t_quantile(0.9, estimate.freedom),
            t_quantile(corrected(comparisons), estimate.freedom),
        )
        both = _exceeds(inner, freedom, above_low) + _exceeds(inner, freedom, below_high)
        either = _exceeds(outer, freedom, -above_low) + _exceeds(outer, freedom, -below_high)
        return max(0.0, both - 1) + either


Test = Above | Within


def seeds_needed(terms: Terms, test: Test, comparisons: int = 1) -> int | None:
    """Return the seeds per cell with which `test` would decide with a probability of 80%.

    Takes the measured means and deviations for the truth, so with few seeds it is a rough guess.
    None if 1,000 seeds are not enough, or if nothing varies.
    """
    if not contrast(terms).known:
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

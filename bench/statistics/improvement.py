"""The probability that a seed of one method scores higher than a seed of another."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import optimize, stats

from bench.statistics.intervals import LEVEL, MIN_SEEDS


@dataclass(frozen=True)
class Improvement:
    """P(a seed of ours beats one of theirs), averaged over tasks [Agarwal et al. 2021, 4.2].

    `chances` are the shares of pairs won, one per task, where ties count one half; `counts` are
    the numbers of seeds, ours and theirs.
    """

    chances: tuple[Fraction, ...]
    counts: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> Improvement:
        """Compare one array (seeds,) per task with another."""
        pairs = list(zip(ours, theirs, strict=True))
        chances = []
        for x, y in pairs:
            halves = 2 * (x[:, None] > y).sum() + (x[:, None] == y).sum()
            chances.append(Fraction(int(halves), 2 * len(x) * len(y)))
        return cls(tuple(chances), tuple((len(x), len(y)) for x, y in pairs))

    @property
    def value(self) -> float:
        """The probability; exactly 0.5 for equal scores."""
        return float(sum(self.chances) / len(self.chances))

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return its interval; NaN below three seeds on either side.

        Newcombe's [2006, method 5]. For several tasks its variance is that of their mean, as if
        the probability were the same on each, which is cautious where it is not.
        """
        if min(min(pair) for pair in self.counts) < MIN_SEEDS:
            return math.nan, math.nan
        return newcombe(self.value, self.counts, level)


@functools.cache
def newcombe(
    chance: float, counts: tuple[tuple[int, int], ...], level: float = LEVEL
) -> tuple[float, float]:
    """Return Newcombe's interval [2006, Statistics in Medicine 25:559, method 5].

    Its ends are the probabilities from which `chance` is just as far as the normal quantile times
    their own standard error. This is Hanley and McNeil's, with both samples of the mean size.
    """
    quantile = float(stats.norm.ppf((1 + level) / 2))

    def excess(theta: float) -> float:
        others = (1 - theta) / (2 - theta) + theta / (1 + theta)
        sizes = (((m + n) / 2 - 1, m * n) for m, n in counts)
        variance = sum((1 + size * others) / pairs for size, pairs in sizes) / len(counts) ** 2
        return (theta - chance) ** 2 - quantile**2 * theta * (1 - theta) * variance

    low, high = 0.0, 1.0
    if chance > 0:
        low = optimize.brentq(excess, 0.0, min(chance, 1 - 1e-12))
    if chance < 1:
        high = optimize.brentq(excess, max(chance, 1e-12), 1.0)
    return float(low), float(high)

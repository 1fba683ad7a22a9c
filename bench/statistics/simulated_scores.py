"""Synthetic scores whose true mean is known, to count how often intervals contain it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats

EPISODES = 100  # per seed
Shape = tuple[int, ...]
# From a generator and uniform numbers: the mean score of each seed, in percent, and its kind.
Levels = Callable[[np.random.Generator, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Scores:
    """A distribution of scores over seeds.

    `levels` maps a uniform number per seed (and task) to the score that infinitely many episodes
    would give, and to the kind of the seed: 0, or 1 for the rarer of two kinds. With `success`, the
    score is the share of EPISODES that succeed. `shared` is the correlation between a seed's tasks,
    on the normal scale.
    """

    name: str
    levels: Levels
    success: bool = True
    shared: float = 0.0

    def draw(self, rng: np.random.Generator, shape: Shape) -> tuple[np.ndarray, np.ndarray]:
        """Return scores and kinds of (..., seeds, tasks)."""
        common = rng.normal(size=(*shape[:-1], 1))
        own = rng.normal(size=shape)
        both = np.sqrt(self.shared) * common + np.sqrt(1 - self.shared) * own
        values, kinds = self.levels(rng, stats.norm.cdf(both))
        if self.success:
            values = 100 * rng.binomial(EPISODES, values / 100) / EPISODES
        return values, kinds

    @property
    def episodes(self) -> float | None:
        """The episodes behind a score, as SeedScores takes them."""
        return EPISODES if self.success else None


def beta(one: float, two: float) -> Levels:
    """Return a beta distribution of the success rate: a single kind of seeds."""

    def levels(rng: np.random.Generator, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return 100 * stats.beta.ppf(uniform, one, two), np.zeros(uniform.shape, int)

    return levels


def two_kinds(share: float, usual: Levels, rare: Levels) -> Levels:
    """Return a mixture: with probability `share` a seed is of the rare kind."""

    def levels(rng: np.random.Generator, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        other = uniform < share
        again = np.where(other, uniform / share, (uniform - share) / (1 - share))
        values = np.where(other, rare(rng, again)[0], usual(rng, again)[0])
        return values, other.astype(int)

    return levels


def normal(mean: float, deviation: float) -> Levels:
    """Return a normal distribution."""

    def levels(rng: np.random.Generator, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return stats.norm.ppf(uniform, mean, deviation), np.zeros(uniform.shape, int)

    return levels


def always(value: float) -> Levels:
    """Return a constant."""

    def levels(rng: np.random.Generator, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.full(uniform.shape, value), np.zeros(uniform.shape, int)

    return levels


NORMAL = Scores("normal", normal(60, 10), success=False)
FAILING = Scores("one in five fails", two_kinds(0.2, normal(90, 4), normal(40, 4)), success=False)
MAZE = Scores("maze success", beta(9, 1))
BIMODAL = Scores("bimodal maze", two_kinds(0.3, beta(8, 2), beta(2, 8)))
NEVER = Scores("nearly never", beta(0.2, 9.8))
ALWAYS = Scores("nearly always", beta(48, 1))
MIDDLE = Scores("middling maze", beta(3.5, 3.5))
MOSTLY = Scores("all or nothing, 80%", two_kinds(0.2, always(100), always(0)))
RARELY = Scores("all or nothing, 20%", two_kinds(0.2, always(0), always(100)))
SHARED = Scores("maze success, tasks correlated", beta(9, 1), shared=0.3)
SINGLE = (NORMAL, FAILING, MAZE, BIMODAL, NEVER, ALWAYS, MIDDLE, MOSTLY, RARELY)
SEVERAL = (NORMAL, FAILING, MAZE, BIMODAL, MIDDLE, SHARED)

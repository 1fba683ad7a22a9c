"""One method's scores on one task, seed by seed, and the sums and differences made of them.

Whatever compares or adds up means over seeds goes through `estimate`: tables, aggregates,
fine-tuning and claims, so that a quantity has the same interval wherever it is printed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from bench.statistics.inference import Estimate, Sample, SuccessRate, Terms, contrast
from bench.statistics.intervals import (
    LEVEL,
    MIN_SEEDS,
    deviation,
    effective_episodes,
    success_interval,
    t_interval,
)

NO_SEEDS = Sample(math.nan, math.nan, 0)


@dataclass(frozen=True)
class SeedScores:
    """One method's scores on one task.

    `scores` is indexed by seed. `episodes` is the number of episodes per seed (its mean, if
    unequal) behind a success rate in percent, and None for an unbounded score.
    """

    scores: pd.Series
    episodes: float | None = None

    @classmethod
    def of(cls, rows: pd.DataFrame, bounded: bool) -> SeedScores:
        """Return the scores of rows of scores.csv, one per seed; `bounded` as in the task's row."""
        by_seed = rows.set_index("seed").sort_index()
        episodes = float(by_seed["episodes"].mean()) if bounded and len(by_seed) else None
        return cls(by_seed["score"].astype(float), episodes)

    @property
    def values(self) -> np.ndarray:
        """The scores: (seeds,)."""
        return self.scores.to_numpy(float)

    def only(self, seeds: pd.Index) -> SeedScores:
        """Return the scores of some of the seeds."""
        if seeds.equals(self.scores.index):
            return self
        return SeedScores(self.scores.loc[seeds], self.episodes)

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the interval of the mean; NaN below three seeds."""
        if self.episodes is None:
            return t_interval(self.values, level)
        low, high = success_interval(self.values, self.episodes, level)
        return float(low), float(high)

    @property
    def least(self) -> float:
        """The least deviation of a seed's score that an error may assume; 0 if unbounded.

        That of a success rate at a correlation of ICC between a seed's episodes. The rate is
        Agresti and Coull's [1998], with two successes and two failures added, because the observed
        rate of 0 or 100% would have no variance.
        """
        if self.episodes is None:
            return 0.0
        count = effective_episodes(len(self.scores), self.episodes)
        rate = (float(np.clip(self.values.mean(), 0, 100)) / 100 * count + 2) / (count + 4)
        return 100 * math.sqrt(rate * (1 - rate) / count * len(self.scores))


Cells = Sequence[SeedScores]  # of one method, one per task


def estimate(
    ours: Cells, theirs: Cells = (), factor: float = 1.0, fixed: Terms = (), paired: bool = True
) -> Estimate:
    """Return the sum over tasks of `ours`, minus `factor` times that of `theirs`, plus `fixed`.

    Sums are taken per seed, since a seed's scores on different tasks may go together (goals and
    batches depend on the seed alone). With `paired`, differences are taken per seed too, over the
    seeds that both have if these are three or more; otherwise by Welch's method. `fixed` are
    published samples. The mean of a single success rate has its own interval. Without three seeds
    on all tasks the interval is NaN.
    """
    if len(ours) == 1 and not theirs and not fixed and ours[0].episodes is not None:
        return SuccessRate.of(ours[0].values, ours[0].episodes)
    found = contrast([*samples(ours, theirs, factor, paired), *fixed])
    if fixed or any(cell.episodes is None for cell in (*ours, *theirs)):
        return found
    return replace(found, bounds=(0.0 - 100 * factor * len(theirs), 100.0 * len(ours)))


def samples(ours: Cells, theirs: Cells = (), factor: float = 1.0, paired: bool = True) -> Terms:
    """Return the terms of `estimate`: one sample if paired, else one per method."""
    weighted = [(1.0, cell) for cell in ours] + [(-factor, cell) for cell in theirs]
    if not theirs:
        return [(1.0, _per_seed(weighted))]
    if paired and len(common_seeds([cell for _, cell in weighted])) >= MIN_SEEDS:
        return [(1.0, _per_seed(weighted))]
    return [(1.0, _per_seed(weighted[: len(ours)])), (1.0, _per_seed(weighted[len(ours) :]))]


def common_seeds(cells: Cells) -> pd.Index:
    """Return the seeds that have a score in every cell."""
    seeds = cells[0].scores.index
    for cell in cells[1:]:
        if not seeds.equals(cell.scores.index):
            seeds = seeds.intersection(cell.scores.index).sort_values()
    return seeds


def _per_seed(weighted: Sequence[tuple[float, SeedScores]]) -> Sample:
    """Return the sample of the weighted sums of the seeds that all cells have."""
    seeds = common_seeds([cell for _, cell in weighted])
    if not len(seeds):
        return NO_SEEDS
    chosen = [(weight, cell.only(seeds)) for weight, cell in weighted]
    sums = np.sum([weight * cell.values for weight, cell in chosen], axis=0)
    least = math.sqrt(sum((weight * cell.least) ** 2 for weight, cell in chosen))
    spread = deviation(sums.round(9)) if len(seeds) > 1 else math.nan
    return Sample(float(sums.mean()), spread, len(seeds), least=least)

"""Published numbers as truths from which experiments are drawn, before any has run.

Means are the paper's (Tables 1 and 2) or, for claims about CORL's scores, CORL's. Deviations over
seeds are the paper's for IQL and CORL's for the other methods; where neither gives one, that of IQL
on the task is assumed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.claims import reported
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.statistics import published
from bench.statistics.inference import Sample

BEFORE, AFTER = "before", "after"  # the online phase: Table 2
OFFLINE, CORL = "offline", "CORL"  # the paper's Table 1, or CORL's scores
WIDEST = 0.5  # most of the variance m (1 - m) of a rate that seeds may take up
Key = tuple[str, str, str]  # task, method, and one of the four above


def known(task: str, method: str, phase: str) -> Sample | None:
    """Return the published mean with a deviation and its number of seeds; None without a mean."""
    mean = _mean(task, method, phase)
    if mean is None:
        return None
    paper, corl = reported.paper(), reported.corl()
    if phase == CORL:
        return corl[task, method]
    own = paper.get((task, method))
    if own is not None and own.std > 0:
        return Sample(mean, own.std, own.count)
    there = published.counterpart(task, {name for name, _ in corl})
    theirs = corl.get((there or task, method))
    if theirs is not None:
        return Sample(mean, theirs.std, theirs.count)
    assumed = paper.get((task, "iql"))
    return Sample(mean, assumed.std, assumed.count) if assumed and assumed.std else None


def _mean(task: str, method: str, phase: str) -> float | None:
    if phase in (OFFLINE, CORL):
        table = reported.corl() if phase == CORL else reported.paper()
        return table[task, method].mean if (task, method) in table else None
    row = reported.table2().get((task, method))
    return None if row is None else float(getattr(row, phase))


@dataclass
class Draws:
    """Repeated experiments: scores (repetitions, seeds) of each cell, drawn once.

    If `uncertain`, the truth itself is drawn around the published number, by its own seeds.
    """

    suite: Suite
    catalogue: Catalogue
    repetitions: int
    rng: np.random.Generator
    uncertain: bool = False

    def __post_init__(self) -> None:
        self._drawn: dict[Key, np.ndarray | None] = {}

    def scores(self, task: str, method: str, phase: str) -> np.ndarray | None:
        """Return the drawn scores of a cell; None if nothing is published of it."""
        key = (task, method, phase)
        if key not in self._drawn:
            self._drawn[key] = self._draw(*key)
        return self._drawn[key]

    def _draw(self, task: str, method: str, phase: str) -> np.ndarray | None:
        found = known(task, method, phase)
        if found is None:
            return None
        mean, std = found.mean, found.std
        if self.uncertain:
            freedom = found.count - 1
            std *= math.sqrt(freedom / self.rng.chisquare(freedom))
            mean += std / math.sqrt(found.count) * self.rng.standard_normal()
        row = self.catalogue.tasks[task]
        shape = (self.repetitions, len(self.suite.seeds))
        if not row.bounded:
            return mean + std * self.rng.standard_normal(shape)
        episodes = self.episodes(task, method, phase)
        return rates(self.rng, mean / 100, std / 100, episodes, shape)

    def episodes(self, task: str, method: str, phase: str) -> int:
        """Return the episodes of an evaluation."""
        family = self.catalogue.tasks[task].family
        online = self.suite.online_of(method, family)
        if phase == AFTER and online is not None:
            return online.episodes
        return self.suite.evaluation_of(method, family).episodes


def rates(
    rng: np.random.Generator, mean: float, std: float, episodes: int, shape: tuple[int, int]
) -> np.ndarray:
    """Return success rates in percent: binomial, with a seed's own rate drawn from a beta.

    `std` is the deviation of the seeds' measured rates, that of their episodes included.
    """
    mean = min(max(mean, 0.0), 1.0)
    whole = mean * (1 - mean)
    between = min(max(std**2 - whole / episodes, 0.0), WIDEST * whole)
    own: np.ndarray | float = mean
    if between > 0:
        size = whole / between - 1
        own = rng.beta(mean * size, (1 - mean) * size, shape)
    return 100 * rng.binomial(episodes, own, shape) / episodes

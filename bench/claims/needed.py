"""How many seeds would probably decide a claim, and how uncertain that number is.

What is measured with few seeds is a guess at the truth. Truths are therefore drawn that fit the
measured means and deviations, and the number of seeds is found for each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.statistics.inference import MOST_SEEDS, POWER, corrected
from bench.statistics.intervals import LEVEL, MIN_SEEDS

TRUTHS = 200
QUANTILES = (0.05, 0.5, 0.95)
COUNTS = np.unique(np.geomspace(MIN_SEEDS, MOST_SEEDS, 60).round())
Needed = tuple[int | None, int | None, int | None]  # low, middle, high; None: above MOST_SEEDS


@dataclass(frozen=True)
class Open:
    """A part of a claim: its value over `seeds` seeds, and the interval (low, high) to be in.

    `own` is the standard error of the seeds, which shrinks with more of them; `fixed` is that of
    a published number, which does not.
    """

    value: float
    own: float
    fixed: float
    seeds: int
    low: float
    high: float


def seeds_needed(parts: Sequence[Open], comparisons: int) -> Needed:
    """Return the seeds per cell that decide the whole claim with a probability of 80%.

    The claim is decided if all parts hold or if one is refuted. The three numbers are quantiles
    (5, 50 and 95%) over truths that fit the measurements; parts are taken as independent.
    """
    rng = np.random.default_rng(0)
    shape = (TRUTHS, len(parts))
    freedom = np.array([part.seeds - 1 for part in parts])
    own, fixed, value = (
        np.array([getattr(p, n) for p in parts]) for n in ("own", "fixed", "value")
    )
    error = own * np.sqrt(freedom / rng.chisquare(freedom, shape))
    truth = value + rng.standard_normal(shape) * error
    seeds = np.array([part.seeds for part in parts])
    spread = (error * np.sqrt(seeds))[..., None]  # (truths, parts, 1)
    whole = np.sqrt(spread**2 / COUNTS + fixed[:, None] ** 2)
    low, high = (np.array([getattr(p, n) for p in parts])[:, None] for n in ("low", "high"))
    with np.errstate(invalid="ignore", divide="ignore"):
        above, below = (truth[..., None] - low) / whole, (high - truth[..., None]) / whole
    inner, outer = (_quantile(level) for level in (LEVEL, corrected(comparisons)))
    held = np.clip(stats.norm.cdf(above - inner) + stats.norm.cdf(below - inner) - 1, 0, 1)
    refuted = stats.norm.cdf(-above - outer) + stats.norm.cdf(-below - outer)
    decided = held.prod(axis=1) + 1 - (1 - np.clip(refuted, 0, 1)).prod(axis=1)
    enough = decided >= POWER  # (truths, counts)
    found = np.where(enough.any(axis=1), COUNTS[enough.argmax(axis=1)], math.inf)
    ends = np.quantile(found, QUANTILES, method="inverted_cdf")
    low_end, middle, high_end = (int(end) if math.isfinite(end) else None for end in ends)
    return low_end, middle, high_end


def in_words(needed: Needed, unit: str) -> str:
    """Return the numbers as a sentence that does not promise a decision."""
    low, middle, high = (f"{n:,}" if n else f"more than {MOST_SEEDS:,}" for n in needed)
    if needed[0] is None:
        return f"more than {MOST_SEEDS:,} {unit} per cell would be needed"
    return (
        f"about {middle} {unit} per cell would decide with 80% probability, by an estimate that "
        f"may lie anywhere from {low} to {high}"
    )


def _quantile(level: float) -> np.ndarray:
    found: np.ndarray = stats.t.ppf((1 + level) / 2, COUNTS - 1)
    return found

"""Rows of the table of coverage, and what they are computed from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.statistics.inference import Estimate, Sample
from bench.statistics.seed_scores import SeedScores
from bench.statistics.simulated_scores import Scores

COLUMNS = [
    *["quantity", "scores", "interval", "printed", "seeds", "simulations"],
    *["coverage", "error", "width", "both_kinds", "coverage_of_both"],
]
TASKS = 9  # the number of locomotion tasks in the paper
Row = dict[str, object]
Ends = np.ndarray  # (simulations, 2)


def row(
    quantity: str,
    scores: str,
    interval: str,
    seeds: int,
    ends: Ends,
    truth: float,
    *,
    printed: bool,
    both: np.ndarray | None = None,
) -> Row:
    """Return a row of COLUMNS; `both` (simulations,) says which experiments had both kinds."""
    # A rounding error beside an end on the truth, as at 0 or 100, is no miss.
    held = (ends[:, 0] <= truth + 1e-9) & (truth - 1e-9 <= ends[:, 1])
    share = held.mean()
    return {
        "quantity": quantity,
        "scores": scores,
        "interval": interval,
        "printed": printed,
        "seeds": seeds,
        "simulations": len(ends),
        "coverage": share,
        "error": np.sqrt(share * (1 - share) / len(ends)),
        "width": (ends[:, 1] - ends[:, 0]).mean(),
        "both_kinds": np.nan if both is None else both.mean(),
        "coverage_of_both": held[both].mean() if both is not None and both.any() else np.nan,
    }


def mixed(kinds: np.ndarray) -> np.ndarray | None:
    """Return whether each experiment of (simulations, seeds, 1) has both kinds; None if one."""
    found: np.ndarray = (np.ptp(kinds, axis=1) > 0)[:, 0]
    return found if found.any() else None


def cell(values: np.ndarray, scores: Scores) -> SeedScores:
    """Return scores (seeds,) as the reports' statistics take them."""
    return SeedScores(pd.Series(values), scores.episodes)


def ends_of(estimates: Iterable[Estimate]) -> Ends:
    """Return the intervals of estimates; those without one contain nothing."""
    return np.array([e.interval() for e in estimates])


def plain_sample(values: np.ndarray) -> Sample:
    """Return the sample of values (seeds,) of which one without spread still has an interval."""
    sample = Sample.of(values)
    return sample if sample.std else replace(sample, std=1e-12)


def percents(level: float) -> list[float]:
    """Return the percentiles that bound a central share."""
    return [50 * (1 - level), 50 * (1 + level)]

"""Aggregates over tasks: IQM, median, mean and optimality gap, with rliable's bootstrap.

Importing rliable takes a second, so that only what needs its bootstrap imports this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pandas as pd
from rliable import library

from bench.config.task import Task
from bench.config.types import Suite
from bench.statistics.aggregates import (
    AGGREGATE_COLUMNS,
    MEDIAN_SEEDS,
    METRICS,
    PERFECT,
    bootstrap_level,
    complete,
    iqm_and_median,
    matrix_of,
    metrics,
)
from bench.statistics.intervals import MIN_SEEDS
from bench.statistics.seed_scores import SeedScores, estimate


@contextmanager
def _numpy_seed(seed: int) -> Iterator[None]:
    """Seed NumPy's global generator in a context: rliable draws from it, not `random_state`."""
    state = np.random.get_state()
    np.random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)


def aggregate(
    scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task], repetitions: int
) -> pd.DataFrame:
    """Return IQM, median, mean and optimality gap with 95% intervals, on the 0-100 scale.

    Those of IQM and median are rliable's stratified bootstrap (Agarwal et al. 2021,
    arXiv:2108.13264) at `bootstrap_level`, over the `complete` cells. Mean and optimality gap are
    sums over tasks, whose interval is that of `estimate`. The median has none below MEDIAN_SEEDS.
    Columns `seeds` and `tasks` count what the method has on every task.
    """
    rows = []
    for group, found in complete(scores, suite, tasks).items():
        for method, cells in found.items():
            matrix = matrix_of(cells)
            ends = np.full((2, len(METRICS)), np.nan)
            if len(matrix) >= MIN_SEEDS:
                ends[:, :2] = _bootstrap(matrix, repetitions)
                shortfalls = [
                    SeedScores(PERFECT - cell.scores.clip(upper=PERFECT), cell.episodes)
                    for cell in cells
                ]
                for column, parts in ((2, cells), (3, shortfalls)):
                    ends[:, column] = np.array(estimate(parts).interval()) / len(cells)
            if len(matrix) < MEDIAN_SEEDS:
                ends[:, METRICS.index("median")] = np.nan
            for metric, value, low, high in zip(METRICS, metrics(matrix), *ends, strict=True):
                rows.append((group, method, metric, value, low, high, *matrix.shape))
    return pd.DataFrame(rows, columns=AGGREGATE_COLUMNS)


def _bootstrap(matrix: np.ndarray, repetitions: int) -> np.ndarray:
    """Return rliable's intervals of IQM and median of a matrix (seeds, tasks): (2, 2)."""
    # Seeded per method, so that adding a method leaves other intervals unchanged.
    with _numpy_seed(0):
        _, intervals = library.get_interval_estimates(
            {"": matrix},
            lambda drawn: np.array(iqm_and_median(drawn)),
            reps=repetitions,
            confidence_interval_size=bootstrap_level(*matrix.shape),
        )
    return np.asarray(intervals[""])

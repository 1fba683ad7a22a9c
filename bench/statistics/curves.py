"""Learning curves: the mean over seeds and its interval at each evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.statistics.seed_scores import SeedScores


def curve_of(cell: pd.DataFrame, bounded: bool) -> np.ndarray:
    """Return step, mean over seeds and both ends of its 95% CI, for one cell: (4, steps)."""
    points = []
    for step, rows in cell.groupby("step"):
        scores = SeedScores.of(rows, bounded)
        points.append((step, scores.values.mean(), *scores.interval()))
    return np.array(points, float).reshape(-1, 4).T

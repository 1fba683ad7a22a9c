"""Learning curves: the mean over seeds and its interval at each evaluation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.statistics.intervals import t_interval


def curve_of(cell: pd.DataFrame, bounded: bool) -> np.ndarray:
    """Return step, mean over seeds and both ends of its 95% CI, for one cell: (4, steps)."""
    points = [
        (step, values.mean(), *t_interval(values, bounded))
        for step, values in ((s, g.to_numpy(float)) for s, g in cell.groupby("step")["score"])
    ]
    return np.array(points, float).reshape(-1, 4).T

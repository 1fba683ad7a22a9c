"""Measure how alike the episodes of a seed are: the intraclass correlation of success rates.

Prints the number of cells (task and method with some but not all episodes successful) and the 50,
90 and 95% quantiles of the correlation, for CORL's published AntMaze scores and for ours.

    python benchmarks/seed_correlations.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.catalogue import Catalogue
from bench.paths import PUBLISHED
from bench.statistics.published import corl_samples

CORL_EPISODES = 100  # per seed and evaluation on AntMaze, in CORL's configurations
QUANTILES = (0.5, 0.9, 0.95)


def correlation(mean: float, std: float, seeds: int, episodes: float) -> float:
    """Return the analysis-of-variance estimate [Donner 1986] from percentages, at least 0."""
    rate, variance = mean / 100, (std / 100) ** 2
    between = episodes * variance
    spread = rate * (1 - rate) - (seeds - 1) / seeds * variance  # mean of r (1 - r) over seeds
    within = spread * episodes / (episodes - 1)
    return max(0.0, (between - within) / (between + (episodes - 1) * within))


def of_corl() -> list[float]:
    """Return the correlation of each of CORL's AntMaze cells."""
    cells = [s for (task, _), s in corl_samples().items() if "antmaze" in task]
    return [correlation(s.mean, s.std, s.count, CORL_EPISODES) for s in cells if 0 < s.mean < 100]


def of_ours(folder: Path = PUBLISHED / "local") -> list[float]:
    """Return the correlation of each bounded cell of a suite with at least three seeds."""
    scores = pd.read_csv(folder / "scores.csv")
    tasks = Catalogue().tasks
    last = scores[scores["step"] == scores.groupby(["task", "method"])["step"].transform("max")]
    return [
        correlation(rows["score"].mean(), rows["score"].std(), len(rows), rows["episodes"].mean())
        for (task, _), rows in last.groupby(["task", "method"])
        if tasks[str(task)].bounded and len(rows) >= 3 and 0 < rows["score"].mean() < 100
    ]


def main() -> None:
    """Print the quantiles."""
    for name, found in (("CORL", of_corl()), ("ours", of_ours())):
        values = ", ".join(f"{q:.2f}" for q in np.quantile(found, QUANTILES))
        print(f"{name}: {len(found)} cells, quantiles {values}")


if __name__ == "__main__":
    main()

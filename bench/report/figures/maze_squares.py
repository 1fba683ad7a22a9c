"""State values in a maze, averaged in squares of the plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.maze_plans import Maze

BINS = 5  # squares per cell and axis


@dataclass(frozen=True)
class Values:
    """One method's state values at observations of the dataset, mean over seeds."""

    positions: np.ndarray  # (N, 2)
    mean: np.ndarray  # (N,)
    rank: float  # Spearman correlation with goal proximity (bench.training.maze_probes)


def squares(maze: Maze, values: Values) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the edges of BINS squares per cell along x and y, and the mean value in each."""
    low, high = corners(maze)
    edges = [np.linspace(low[i], high[i], BINS * count + 1)
             for i, count in enumerate((len(maze.plan[0]), len(maze.plan)))]  # fmt: skip
    x, y = values.positions.astype(float).T
    count, *_ = np.histogram2d(x, y, edges)
    total, *_ = np.histogram2d(x, y, edges, weights=values.mean)
    mean = np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
    return edges[0], edges[1], mean


def corners(maze: Maze) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and the highest corner of the plan."""
    last = (len(maze.plan) - 1, len(maze.plan[0]) - 1)
    centres = np.array([maze.centre(cell) for cell in ((0, 0), last)])
    return centres.min(axis=0) - maze.cell / 2, centres.max(axis=0) + maze.cell / 2

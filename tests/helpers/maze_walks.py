"""Made-up trajectories in the point's maze."""

from __future__ import annotations

import itertools

import numpy as np

from bench.data.transitions import Transitions
from bench.maze_plans import STITCH

STITCH_ENV = "bench.maze:PointMazeStitch-v0"

Place = tuple[float, float]
START, GOAL, ELSEWHERE = (-4.5, 3.0), (4.5, -3.0), (0.5, 0.0)


def trajectories(*paths: list[Place]) -> Transitions:
    """One episode per list of positions; velocities are zero."""
    observations, following, episodes = [], [], []
    for number, path in enumerate(paths):
        for before, after in itertools.pairwise(path):
            observations.append([*before, 0, 0])
            following.append([*after, 0, 0])
            episodes.append(number)
    rows = len(episodes)
    return Transitions(
        observations=np.array(observations, np.float32),
        actions=np.zeros((rows, 2), np.float32),
        rewards=np.zeros(rows, np.float32),
        next_observations=np.array(following, np.float32),
        masks=np.ones(rows, np.float32),
        episodes=np.array(episodes, np.int32),
    )


def walks() -> Transitions:
    """Fifty episodes of 60 rows, straight lines in the maze's corridors."""
    rng = np.random.default_rng(0)
    cells = STITCH.free_cells()
    centres = np.array([STITCH.centre(cells[i]) for i in rng.integers(len(cells), size=50)])
    steps = np.linspace(-0.4, 0.4, 61)[:, None] * rng.choice([-1, 1], (50, 1, 2))
    points = (centres[:, None] + steps).astype(np.float32)  # (50, 61, 2)
    observations = np.concatenate([points, np.zeros_like(points)], axis=2)
    return Transitions(
        observations=observations[:, :-1].reshape(-1, 4),
        actions=rng.uniform(-1, 1, (3000, 2)).astype(np.float32),
        rewards=np.zeros(3000, np.float32),
        next_observations=observations[:, 1:].reshape(-1, 4),
        masks=np.ones(3000, np.float32),
        episodes=np.repeat(np.arange(50), 60).astype(np.int32),
    )

"""Made-up trajectories in the point's maze."""

from __future__ import annotations

import itertools

import numpy as np

from bench.transitions import Transitions

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

"""Probes that compare a method's values with the maze's plan, at evaluations; no update uses them.

`value_start` is V at the start, averaged over STARTS resets of the environment, in the method's
reward scale. `value_rank` is Spearman's rank correlation, over SAMPLE rows of the data, of V with
the negative path length to the goal; it is 1 where V orders the states by path length.
`advantage_progress` is Pearson's correlation, over SAMPLE rows, of the advantage of the data's
action with the metres of that path that its episode covers in the next HORIZON steps.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.environments import vector
from bench.learning.replay import Replay
from bench.maze_plans import maze_of

SAMPLE = 2000
HORIZON = 20
STARTS = 16


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks, from 1, of (N,) values; ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation of two (N,) arrays; NaN where one is constant or not finite."""
    a, b = a - a.mean(), b - b.mean()
    scale = np.sqrt(a @ a) * np.sqrt(b @ b)
    return float(a @ b / scale) if scale > 0 else float("nan")


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Spearman's correlation of two (N,) arrays; NaN where one is constant or not finite."""
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("nan")
    return correlation(ranks(a), ranks(b))


def continued(data: Transitions, steps: int) -> np.ndarray:
    """Return the rows whose episode has at least `steps` rows from there on."""
    ends = data.starts() + data.lengths()
    left = np.repeat(ends, data.lengths()) - np.arange(len(data))
    return np.flatnonzero(left >= steps)


class Probes:
    """The probes of a maze task and a method with `value` (and `advantage`); otherwise empty."""

    def __init__(self, method: ModuleType, env_id: str, data: Transitions, replay: Replay):
        self.method, self.replay = method, replay
        maze = maze_of(env_id) if hasattr(method, "value") else None
        self.active = maze is not None
        if maze is None:
            return
        env = vector.make(env_id)
        starts = np.array([env.reset(seed=seed)[0] for seed in range(STARTS)], np.float32)
        env.close()
        rng = np.random.default_rng(0)  # the same rows in every run on the data
        rows = np.sort(rng.permutation(len(data))[:SAMPLE])
        sample = np.asarray(data.observations[rows])
        self.nearness = -maze.path_distance(sample[:, :2])
        self.observations = torch.from_numpy(np.concatenate([starts, sample]))
        rows = np.sort(rng.permutation(continued(data, HORIZON))[:SAMPLE])
        before = maze.path_distance(np.asarray(data.observations[rows, :2]))
        after = maze.path_distance(np.asarray(data.next_observations[rows + HORIZON - 1, :2]))
        self.rows, self.progress = torch.from_numpy(rows), before - after

    @torch.no_grad()
    def __call__(self, state: Any, config: Any, seeds: int) -> list[dict[str, float]]:
        """Return the measures by name, one dict per seed of the state."""
        if not self.active:
            return [{} for _ in range(seeds)]
        scaler = self.replay.scaler
        observations = scaler(self.observations.to(scaler.mean.device))
        values = _array(self.method.value(state, observations.expand(seeds, -1, -1), config))
        found = [
            {
                "value_start": float(v[:STARTS].mean()),
                "value_rank": rank_correlation(v[STARTS:], self.nearness),
            }
            for v in values
        ]
        if hasattr(self.method, "advantage"):
            batch = self.replay.batch(self.rows.to(scaler.mean.device).expand(seeds, -1))
            advantages = _array(self.method.advantage(state, batch, config))
            for entry, advantage in zip(found, advantages, strict=True):
                entry["advantage_progress"] = correlation(advantage, self.progress)
        return found


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.double().cpu().numpy()

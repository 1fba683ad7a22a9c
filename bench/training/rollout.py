"""Roll out a policy in many environments at once and return the episodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bench.environments.vector import make
from bench.errors import BenchError
from bench.learning.types import Actor


@dataclass(frozen=True)
class Episodes:
    """Undiscounted raw returns and lengths, (S, E) each."""

    returns: np.ndarray
    lengths: np.ndarray


class Evaluator:
    """S x E environments, one episode each per call; all step under one policy forward.

    An environment whose episode has ended is not stepped again. Each episode has its own
    reset seed, so a seed's episodes do not depend on its block. Raises BenchError for an
    environment without a time limit.
    """

    def __init__(self, env_id: str, seeds: int, episodes: int):
        self.shape = (seeds, episodes)
        self.envs = [make(env_id) for _ in range(seeds * episodes)]
        spec = self.envs[0].spec
        if spec is None or spec.max_episode_steps is None:
            raise BenchError(
                f"env_id '{env_id}': it has no time limit, so that an episode may never end; "
                "register it with max_episode_steps."
            )

    def __call__(
        self,
        policy: Actor,
        reset_seeds: Sequence[Sequence[int]],
        goal_seeds: Sequence[int] | None = None,
    ) -> Episodes:
        """Run one episode in every environment.

        `reset_seeds` is (S, E); `goal_seeds` (S,) fix what all E episodes of a seed share. An
        episode whose observations are not finite returns NaN.
        """
        flat_seeds = [seed for row in reset_seeds for seed in row]
        goals: Sequence[int | None] = goal_seeds or [None] * self.shape[0]
        options = [{"goal_seed": goal} for goal in goals for _ in range(self.shape[1])]
        starts = zip(self.envs, flat_seeds, options, strict=True)
        observations = np.stack(
            [env.reset(seed=seed, options=given)[0] for env, seed, given in starts]
        ).astype(np.float32)
        returns = np.zeros(len(self.envs))
        rewards = np.zeros(len(self.envs), dtype=np.float32)
        lengths = np.zeros(len(self.envs), dtype=np.int64)
        active = list(range(len(self.envs)))
        while active:
            returns[~np.isfinite(observations).all(1)] = np.nan
            batch = torch.from_numpy(observations).unflatten(0, self.shape)
            last = torch.from_numpy(rewards).unflatten(0, self.shape)
            actions = policy(batch, last).flatten(0, 1).clamp(-1, 1).cpu().numpy()
            rewards = np.zeros_like(rewards)
            still = []
            for i in active:
                observation, reward, terminated, truncated, _ = self.envs[i].step(actions[i])
                observations[i] = observation
                rewards[i] = reward
                returns[i] += float(reward)
                lengths[i] += 1
                if not (terminated or truncated):
                    still.append(i)
            active = still
        return Episodes(returns.reshape(self.shape), lengths.reshape(self.shape))

    def close(self) -> None:
        for env in self.envs:
            env.close()

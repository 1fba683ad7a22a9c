"""Gymnasium environments, many at once, and rollouts of a policy in them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import gymnasium
import mujoco
import numpy as np
import torch
from gymnasium.spaces import Box

from bench.errors import BenchError
from bench.types import Actor


def _mujoco_warning(message: str) -> None:
    # Of Gymnasium's own HalfCheetah model: nothing that a user could mend.
    if "settotalmass" not in message:
        warnings.warn(f"MuJoCo: {message}", RuntimeWarning, stacklevel=2)


mujoco.set_mju_user_warning(_mujoco_warning)


def make(env_id: str) -> gymnasium.Env:
    """One environment with flat observations and actions in [-1, 1]; `module:id` imports first."""
    try:
        # Gymnasium's own checker is a wrapper around every step; what matters is checked below.
        env = gymnasium.make(env_id, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BenchError(
            f"env_id '{env_id}': {reason}; name an environment that Gymnasium can make."
        ) from None
    for name, space in (("observations", env.observation_space), ("actions", env.action_space)):
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise BenchError(
                f"env_id '{env_id}': {name} are not a flat box but {space}; wrap the environment "
                "and register it."
            )
    actions = action_space(env)
    if not (np.all(actions.low == -1) and np.all(actions.high == 1)):
        raise BenchError(
            f"env_id '{env_id}': actions are not within [-1, 1] but {actions}; wrap it with "
            "gymnasium.wrappers.RescaleAction and register that."
        )
    return env


def observation_dim(env: gymnasium.Env) -> int:
    """The length of the flat observation."""
    assert env.observation_space.shape is not None
    return int(env.observation_space.shape[0])


def action_space(env: gymnasium.Env) -> Box:
    """The bounds of the actions."""
    assert isinstance(env.action_space, Box)
    return env.action_space


@dataclass(frozen=True)
class Episodes:
    """Undiscounted raw returns and lengths, (S, E) each."""

    returns: np.ndarray
    lengths: np.ndarray


class Evaluator:
    """S x E environments, one episode each per call; all step under one policy forward.

    An environment whose episode has ended is not stepped again. Each episode has its own
    reset seed, so that what a seed meets does not depend on its block.
    """

    def __init__(self, env_id: str, seeds: int, episodes: int):
        self.shape = (seeds, episodes)
        self.envs = [make(env_id) for _ in range(seeds * episodes)]

    def __call__(
        self,
        policy: Actor,
        reset_seeds: Sequence[Sequence[int]],
        goal_seeds: Sequence[int] | None = None,
    ) -> Episodes:
        """`reset_seeds` is (S, E); `goal_seeds` (S,) decide what is the same in all E episodes."""
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

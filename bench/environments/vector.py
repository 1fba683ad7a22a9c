"""Gymnasium environments, many at once, and rollouts of a policy in them."""

from __future__ import annotations

import warnings

import gymnasium
import mujoco
import numpy as np
from gymnasium.spaces import Box

from bench.errors import BenchError


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

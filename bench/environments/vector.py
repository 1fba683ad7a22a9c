"""Create and check Gymnasium environments."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv
from gymnasium.envs.mujoco.walker2d_v4 import Walker2dEnv
from gymnasium.spaces import Box

from bench.errors import BenchError


def _mujoco_warning(message: str) -> None:
    # Caused by Gymnasium's own HalfCheetah model; the user cannot fix it.
    if "settotalmass" not in message:
        warnings.warn(f"MuJoCo: {message}", RuntimeWarning, stacklevel=2)


mujoco.set_mju_user_warning(_mujoco_warning)


def _healthy_reward(self: Any) -> float:
    """Return Gymnasium's value; whether the robot is healthy matters only if it may fall."""
    return float(self._terminate_when_unhealthy or self.is_healthy) * self._healthy_reward


# Gymnasium looks at a robot's health for the reward and again for the end of the episode: 5% of a
# step. Where an unhealthy robot ends its episode, the reward does not depend on it.
_ROBOTS: tuple[Any, ...] = (HopperEnv, Walker2dEnv)
for _robot in _ROBOTS:
    _robot.healthy_reward = property(_healthy_reward)


def make(env_id: str) -> gymnasium.Env:
    """Create an environment with flat observations and actions in [-1, 1].

    `env_id` may be `module:id`; the module is imported first. Raises BenchError where Gymnasium
    cannot make the environment or its spaces do not fit.
    """
    try:
        # Gymnasium's checker wraps every step; what matters is checked below.
        env = gymnasium.make(env_id, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BenchError(
            f"env_id '{env_id}': {reason}; name an environment that Gymnasium can make."
        ) from None
    for name, space in (("observations", env.observation_space), ("actions", env.action_space)):
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise BenchError(
                f"env_id '{env_id}': {name} must be a flat box, not {space}; wrap the environment "
                "and register it."
            )
    actions = action_space(env)
    if not (np.all(actions.low == -1) and np.all(actions.high == 1)):
        raise BenchError(
            f"env_id '{env_id}': actions must lie within [-1, 1], not {actions}; wrap it with "
            "gymnasium.wrappers.RescaleAction and register that."
        )
    return env


def observation_dim(env: gymnasium.Env) -> int:
    """Return the length of the flat observation."""
    assert env.observation_space.shape is not None
    return int(env.observation_space.shape[0])


def action_space(env: gymnasium.Env) -> Box:
    """Return the action space, with its bounds."""
    assert isinstance(env.action_space, Box)
    return env.action_space

"""Create and check Gymnasium environments."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv
from gymnasium.envs.mujoco.walker2d_v4 import Walker2dEnv
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Box
from gymnasium.wrappers import FlattenObservation, RescaleAction

from bench.environments import spaces
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

    A dictionary of observations is flattened (bench.environments.spaces), and actions in another
    box are rescaled. `env_id` may be `module:id`; the module is imported first. Raises BenchError
    where Gymnasium cannot make the environment or its spaces do not fit.
    """
    try:
        # Gymnasium's checker wraps every step; what matters is checked below.
        env = gymnasium.make(env_id, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise BenchError(
            f"env_id '{env_id}': {reason}; name an environment that Gymnasium can make, after "
            "the module that registers it, as in gymnasium_robotics:AdroitHandDoor-v1."
        ) from None
    except Exception as error:  # whatever a user's environment raises
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(".")
        raise BenchError(f"env_id '{env_id}': cannot be made ({reason}); correct it.") from error
    where = f"env_id '{env_id}'"
    if "" not in spaces.parts_of(env.observation_space, f"{where}: observations"):
        env = FlattenObservation(env)
    actions = spaces.action_box(env.action_space, where)
    if not spaces.is_unit(actions):
        spaces.check_bounded(actions, where)
        env = RescaleAction(env, np.float32(-1), np.float32(1))
    return env


def observation_dim(env: gymnasium.Env) -> int:
    """Return the length of the flat observation."""
    assert env.observation_space.shape is not None
    return int(env.observation_space.shape[0])


def observation_parts(env: gymnasium.Env, where: str) -> spaces.Parts:
    """Return the parts of the flat observation of `make`'s environment, in order."""
    inner = env.env if isinstance(env, RescaleAction) else env
    inner = inner.env if isinstance(inner, FlattenObservation) else inner
    return spaces.parts_of(inner.observation_space, where)


def action_space(env: gymnasium.Env) -> Box:
    """Return the action space of `make`'s environment before rescaling, with its bounds."""
    space = env.env.action_space if isinstance(env, RescaleAction) else env.action_space
    assert isinstance(space, Box)
    return space


def written_spec(env: gymnasium.Env) -> EnvSpec | None:
    """Return the specification without the wrappers of `make`.

    It is None if it holds a callable, such as the environment's class, which no file can name.
    """
    spec = env.unwrapped.spec
    try:
        if spec is not None:
            spec.to_json()
    except ValueError:
        return None
    return spec

"""Gymnasium's v4 Hopper, HalfCheetah and Walker2d with the bodies that produced D4RL's data.

D4RL evaluates in Gym's v2 classes on MuJoCo 2; their rules equal v4's. docs/environments.md lists
the comparisons.
"""

from __future__ import annotations

import functools

import gymnasium
import mujoco
from gymnasium.envs.mujoco.half_cheetah_v4 import HalfCheetahEnv
from gymnasium.envs.mujoco.hopper_v4 import HopperEnv
from gymnasium.envs.mujoco.walker2d_v4 import Walker2dEnv

from bench.environments.mujoco_models import SharedModel, as_mujoco_2


@functools.cache
def _model(xml: str) -> mujoco.MjModel:
    return as_mujoco_2(mujoco.MjSpec.from_string(xml))


class _OfMujoco2(SharedModel):
    model_of = staticmethod(_model)


class Hopper(_OfMujoco2, HopperEnv):
    """11 observations, 3 actions."""


class HalfCheetah(_OfMujoco2, HalfCheetahEnv):
    """17 observations, 6 actions; never ends early."""


class Walker2d(_OfMujoco2, Walker2dEnv):
    """17 observations, 6 actions."""


for _robot in (Hopper, HalfCheetah, Walker2d):
    _name = _robot.__name__
    gymnasium.register(
        f"{_name}D4RL-v2",
        entry_point=f"bench.environments.locomotion:{_name}",
        max_episode_steps=1000,
    )

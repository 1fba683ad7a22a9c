"""InvertedPendulum, Gymnasium's smallest MuJoCo environment, with actions in [-1, 1]."""

from __future__ import annotations

import gymnasium
from gymnasium.wrappers import RescaleAction


def make() -> gymnasium.Env:
    env = gymnasium.make("InvertedPendulum-v4").unwrapped
    return RescaleAction(env, -1.0, 1.0)


gymnasium.register("UnitPendulum-v0", entry_point="unit_pendulum:make", max_episode_steps=1000)

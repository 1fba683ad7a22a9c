"""The reward for health of the walking robots, which this project computes once a step."""

from __future__ import annotations

import gymnasium
import pytest

import bench.environments.vector  # noqa: F401  (registers the environments)


@pytest.mark.parametrize("env_id", ["Hopper-v4", "Walker2d-v4"])
@pytest.mark.parametrize("ends", [True, False])
def test_the_reward_for_health_is_gymnasiums(env_id: str, ends: bool) -> None:
    """Also where an unhealthy robot does not end its episode, on the ground and above it."""
    env = gymnasium.make(env_id, terminate_when_unhealthy=ends).unwrapped
    for height, healthy in ((1.25, True), (0.1, False)):
        env.data.qpos[1] = height
        assert bool(env.is_healthy) is healthy
        assert env.healthy_reward == (1.0 if healthy or ends else 0.0)

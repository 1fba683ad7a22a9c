"""The rules of Gym's v2 classes, in which D4RL scores, held against the v4 classes that we use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.mujoco import MujocoEnv

from bench.environments import vector

# frame skip x timestep, cost of control, bonus, largest velocity seen, spread of the start
RULES: dict[str, tuple[float, float, float, float, float]] = {
    "Hopper": (0.008, 1e-3, 1.0, 10.0, 0.005),
    "Walker2d": (0.008, 1e-3, 1.0, 10.0, 0.005),
    "HalfCheetah": (0.05, 0.1, 0.0, np.inf, 0.1),
}
FORMS = ("bench.locomotion:{}D4RL-v2", "{}-v4")
IDS = [form.format(name) for name in RULES for form in FORMS]


@pytest.fixture(params=IDS)
def env(request: pytest.FixtureRequest) -> Iterator[gymnasium.Env]:
    made = vector.make(request.param)
    made.reset(seed=0)
    yield made
    made.close()


def rules_of(env: gymnasium.Env) -> tuple[float, float, float, float, float]:
    assert env.spec is not None
    return next(rules for name, rules in RULES.items() if env.spec.id.startswith(name))


def inner(env: gymnasium.Env) -> Any:
    assert isinstance(env.unwrapped, MujocoEnv)
    return env.unwrapped


def test_reward_observation_and_time_by_the_classes_formula(env: gymnasium.Env) -> None:
    dt, cost, bonus, fastest, _ = rules_of(env)
    robot = inner(env)
    assert robot.dt == pytest.approx(dt)
    rng = np.random.default_rng(0)
    for _ in range(10):
        before = robot.data.qpos[0]
        action = rng.uniform(-1, 1, robot.model.nu).astype(np.float32)
        observation, reward, *_ = env.step(action)
        pace = (robot.data.qpos[0] - before) / dt
        assert reward == pytest.approx(bonus + pace - cost * np.square(action).sum())
        seen = np.clip(robot.data.qvel, -fastest, fastest)
        np.testing.assert_array_equal(observation, np.concatenate([robot.data.qpos[1:], seen]))


def test_fast_joints_are_seen_as_slower_by_the_bound(env: gymnasium.Env) -> None:
    *_, fastest, _ = rules_of(env)
    robot = inner(env)
    robot.set_state(robot.init_qpos, np.full(robot.model.nv, 30.0))
    assert robot._get_obs()[-1] == min(30.0, fastest)


def test_every_start_is_near_the_same_pose(env: gymnasium.Env) -> None:
    *_, spread = rules_of(env)
    robot = inner(env)
    positions, velocities = [], []
    for seed in range(300):
        env.reset(seed=seed)
        positions.append(robot.data.qpos - robot.model.qpos0)
        velocities.append(robot.data.qvel.copy())
    for draws in (positions, velocities)[: 1 if spread == 0.1 else 2]:
        assert np.abs(draws).max() <= spread
        assert np.std(draws) == pytest.approx(spread / np.sqrt(3), rel=0.05)
    if spread == 0.1:  # HalfCheetah's velocities are normal
        assert np.std(velocities) == pytest.approx(spread, rel=0.05)
        assert np.abs(velocities).max() > 2 * spread


BORDERS = [  # robot, coordinate of qpos (or of qvel, from 100), last healthy value, direction out
    ("Hopper", 1, 0.7, -1),
    ("Hopper", 2, 0.2, 1),
    ("Hopper", 2, -0.2, -1),
    ("Hopper", 4, 100.0, 1),
    ("Hopper", 105, -100.0, -1),
    ("Walker2d", 1, 0.8, -1),
    ("Walker2d", 1, 2.0, 1),
    ("Walker2d", 2, 1.0, 1),
    ("Walker2d", 2, -1.0, -1),
]


@pytest.mark.parametrize(("name", "place", "border", "outwards"), BORDERS)
@pytest.mark.parametrize("form", FORMS)
def test_an_episode_ends_beyond_the_classes_thresholds(
    form: str, name: str, place: int, border: float, outwards: int
) -> None:
    env = vector.make(form.format(name))
    robot = inner(env)
    for offset, ends in ((-1e-6, False), (1e-6, True)):
        env.reset(seed=0)
        qpos, qvel = robot.model.qpos0.copy(), np.zeros(robot.model.nv)
        state, at = (qvel, place - 100) if place >= 100 else (qpos, place)
        state[at] = border + outwards * offset
        robot.data.qpos[:], robot.data.qvel[:] = qpos, qvel
        assert robot.terminated == ends
    env.close()


def test_halfcheetah_never_ends_early() -> None:
    env = vector.make("bench.locomotion:HalfCheetahD4RL-v2")
    env.reset(seed=0)
    robot = inner(env)
    robot.set_state(robot.model.qpos0 + np.pi, np.full(9, 200.0))
    _, _, terminated, truncated, _ = env.step(np.zeros(6, np.float32))
    assert (terminated, truncated) == (False, False)
    env.close()


def test_an_episode_is_cut_after_1000_steps(env: gymnasium.Env) -> None:
    assert env.spec is not None
    assert env.spec.max_episode_steps == 1000


def test_one_model_serves_all_and_couples_none() -> None:
    name = "bench.locomotion:HopperD4RL-v2"
    alone, other = vector.make(name), vector.make(name)
    assert inner(alone).model is inner(other).model
    actions = np.random.default_rng(0).uniform(-1, 1, (2, 10, 3)).astype(np.float32)

    def rollout(env: gymnasium.Env, seed: int) -> list[np.ndarray]:
        first, _ = env.reset(seed=seed)
        return [first, *(env.step(action)[0] for action in actions[seed])]

    expected = [rollout(alone, 0), rollout(alone, 1)]
    pair = [alone, other]
    turns = [[env.reset(seed=seed)[0]] for seed, env in enumerate(pair)]
    for step in range(10):
        for seed, env in enumerate(pair):
            turns[seed].append(env.step(actions[seed, step])[0])
    np.testing.assert_array_equal(turns, expected)
    for env in pair:
        env.close()


def test_masses_are_those_of_mujoco_py() -> None:
    env = vector.make("bench.locomotion:HopperD4RL-v2")
    masses = [0, 3.53429174, 3.92699082, 2.71433605, 5.0893801]
    np.testing.assert_allclose(inner(env).model.body_mass, masses, rtol=1e-8)
    env.close()

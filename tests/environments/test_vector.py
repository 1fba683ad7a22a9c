"""Environments and evaluation: the same episodes as a plain loop, each with its own seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from torch import Tensor

from bench.environments import spaces, vector
from bench.errors import BenchError
from bench.learning.scalers import ObservationScaler
from bench.training.evaluate import evaluate, reset_seeds
from bench.training.rollout import Evaluator


class Countdown(gymnasium.Env):
    """Lasts 1 to 6 steps, by the reset seed; the reward is twice the action's first value.

    Ends by termination after an even number of steps, else by truncation.
    """

    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1.0, 1.0, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        assert seed is not None
        self.length = self.left = 1 + seed % 6
        return np.array([self.left, seed], dtype=np.float64), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        assert self.left > 0, "stepped after its end"
        assert self.action_space.contains(action)
        self.left -= 1
        ended = self.left == 0
        even = self.length % 2 == 0
        observation = np.array([self.left, 0.0])
        return observation, 2.0 * float(action[0]), ended and even, ended and not even, {}


class Odd(Countdown):
    """Spaces that the suite cannot use."""

    def __init__(self, observation: Any = None, action: Any = None):
        self.observation_space = observation or self.observation_space
        self.action_space = action or self.action_space


class Goal(gymnasium.Env):
    """Goal-conditioned, with torques in a box of its own; the reward is the torque received."""

    observation_space = Dict(
        {
            "observation": Box(-9, 9, (2,), np.float64),
            "desired_goal": Dict({"y": Box(-9, 9, (1,)), "x": Box(-9, 9, (1,))}),
            "achieved_goal": Box(-9, 9, (1,), np.float32),
        }
    )
    action_space = Box(np.array([0.0, -10.0]), np.array([4.0, 30.0]), dtype=np.float64)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict, dict]:
        goal = {"x": np.array([4], np.float32), "y": np.array([5], np.float32)}
        parts = {"observation": np.array([1.0, 2.0]), "desired_goal": goal}
        return parts | {"achieved_goal": np.array([3], np.float32)}, {}

    def step(self, action: np.ndarray) -> tuple[dict, float, bool, bool, dict]:
        assert self.action_space.contains(action)
        return self.reset()[0], float(action @ [1.0, 100.0]), False, False, {}


IDS = {
    "TestCountdown-v0": (Countdown, {}),
    "TestNested-v0": (Odd, {"observation": Dict({"a": Dict({"pixels": Box(0, 255, (8, 8))})})}),
    "TestDiscrete-v0": (Odd, {"action": Discrete(3)}),
    "TestImage-v0": (Odd, {"observation": Box(0, 255, (8, 8, 3), np.uint8)}),
    "TestUnbounded-v0": (Odd, {"action": Box(-np.inf, 2.0, (1,))}),
    "TestGoal-v0": (Goal, {}),
}


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    for name, (entry, options) in IDS.items():
        gymnasium.register(
            name, entry, kwargs=options, disable_env_checker=True, max_episode_steps=1000
        )
    yield
    for name in IDS:
        del gymnasium.registry[name]


# --- making ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("env_id", "expected"),
    [
        ("Hoppper-v4", "Hoppper"),
        ("Hopper-v99", "v99"),
        ("HalfCheetah-v2", "HalfCheetah-v2"),  # D4RL's own name; needs a package of old
        ("absent_module:Env-v0", "absent_module"),
        ("bench.maze:Absent-v0", "Absent"),
        ("not an id", "not an id"),
        ("TestNested-v0", "observations, a, pixels: Box"),
        ("TestDiscrete-v0", "discrete (Discrete(3)), but the methods here act in a continuous box"),
        ("TestImage-v0", "neither a box with one axis nor a dictionary"),
        ("TestUnbounded-v0", "must have finite bounds to be rescaled to [-1, 1]"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_an_environment_that_cannot_serve_is_named(env_id: str, expected: str) -> None:
    with pytest.raises(BenchError) as caught:
        vector.make(env_id)
    text = str(caught.value)
    assert text.startswith(f"env_id '{env_id}': ")
    assert expected in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("env_id", "observations", "actions"),
    [
        ("HalfCheetah-v4", 17, 6),
        ("Hopper-v4", 11, 3),
        ("Walker2d-v4", 17, 6),
        ("bench.maze:PointMazeStitch-v0", 4, 2),
        ("bench.antmaze:AntMazeLarge-v0", 29, 8),
    ],
)
def test_sizes(env_id: str, observations: int, actions: int) -> None:
    env = vector.make(env_id)
    assert vector.observation_dim(env) == observations
    space = vector.action_space(env)
    assert space.shape == (actions,)
    assert (space.low == -1).all()
    assert (space.high == 1).all()
    env.close()


def test_dictionaries_are_flattened_by_name_and_actions_undone() -> None:
    env = vector.make("TestGoal-v0")
    names = {"achieved_goal": 1, "desired_goal/x": 1, "desired_goal/y": 1, "observation": 2}
    assert list(vector.observation_parts(env, "here").items()) == list(names.items())
    assert spaces.goals_of(names) == ["achieved_goal", "desired_goal/x", "desired_goal/y"]
    values, _ = env.reset(seed=0)
    np.testing.assert_array_equal(values, [3, 4, 5, 1, 2])
    stored = {"observation": [[1, 2]], "achieved_goal": [[3]]}
    stored |= {"desired_goal": {"y": [[5]], "x": [[4]]}}
    arrays = {k: np.array(v) if isinstance(v, list) else v for k, v in stored.items()}
    arrays["desired_goal"] = {k: np.array(v) for k, v in stored["desired_goal"].items()}
    flat = spaces.flattened(arrays, Goal.observation_space, "here")
    np.testing.assert_array_equal(flat, [[3, 4, 5, 1, 2]])
    for unit, torques in (((-1, -1), (0, -10)), ((1, 1), (4, 30)), ((0, 0.5), (2, 20))):
        reward = env.step(np.array(unit, dtype=np.float32))[1]
        assert reward == pytest.approx(torques[0] + 100 * torques[1])
        back = spaces.to_unit(np.array([torques], dtype=np.float32), vector.action_space(env))
        np.testing.assert_allclose(back, [unit], atol=1e-6)
    env.close()


# --- many at once ---------------------------------------------------------------------


def test_returns_and_lengths_by_hand() -> None:
    evaluator = Evaluator("TestCountdown-v0", seeds=2, episodes=3)

    def policy(observations: Tensor, rewards: Tensor) -> Tensor:
        assert observations.shape == (2, 3, 2)
        return torch.full((2, 3, 1), 0.25)

    seeds = [[0, 1, 5], [3, 6, 10]]  # lengths 1, 2, 6 and 4, 1, 5
    result = evaluator(policy, seeds)
    np.testing.assert_array_equal(result.lengths, [[1, 2, 6], [4, 1, 5]])
    np.testing.assert_array_equal(result.returns, [[0.5, 1, 3], [2, 0.5, 2.5]])
    again = evaluator(policy, [[5, 5, 5], [0, 0, 0]])  # a second call starts anew
    np.testing.assert_array_equal(again.lengths, [[6, 6, 6], [1, 1, 1]])
    evaluator.close()


def test_actions_are_clipped_and_reach_their_own_environment() -> None:
    evaluator = Evaluator("TestCountdown-v0", seeds=2, episodes=2)
    actions = torch.tensor([[[0.1], [7.0]], [[-9.0], [0.2]]])
    result = evaluator(lambda *_: actions, [[1, 1], [1, 1]])
    np.testing.assert_allclose(result.returns, [[0.4, 4.0], [-4.0, 0.8]], rtol=1e-6)
    evaluator.close()


def test_a_finished_environment_is_left_alone() -> None:
    evaluator = Evaluator("TestCountdown-v0", seeds=1, episodes=3)
    counts = [0, 0, 0]
    for i, env in enumerate(evaluator.envs):
        plain = env.step

        def step(action: Any, i: int = i, plain: Any = plain) -> Any:
            counts[i] += 1
            return plain(action)

        env.step = step  # type: ignore[method-assign]
    evaluator(lambda *_: torch.zeros(1, 3, 1), [[0, 2, 4]])
    assert counts == [1, 3, 5]
    evaluator.close()


def linear(weights: np.ndarray, observation: np.ndarray) -> np.ndarray:
    return np.clip(observation.astype(np.float32) @ weights, -1, 1)


@pytest.mark.parametrize("env_id", ["Hopper-v4", "bench.maze:PointMazeStitch-v0"])
def test_agrees_with_a_plain_loop(env_id: str) -> None:
    env = gymnasium.make(env_id)
    assert env.observation_space.shape is not None
    assert env.action_space.shape is not None
    shape = env.observation_space.shape[0], env.action_space.shape[0]
    weights = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    seeds = [[11, 12], [13, 14]]
    returns, lengths = np.zeros((2, 2)), np.zeros((2, 2), dtype=int)
    for s in range(2):
        for e in range(2):
            observation, _ = env.reset(seed=seeds[s][e])
            over = False
            while not over:
                action = linear(weights[s], observation)
                observation, reward, terminated, truncated, _ = env.step(action)
                over = terminated or truncated
                returns[s, e] += reward
                lengths[s, e] += 1
    env.close()
    evaluator = Evaluator(env_id, seeds=2, episodes=2)
    stacked = torch.from_numpy(weights)
    result = evaluator(lambda o, _: torch.stack([o[s] @ stacked[s] for s in range(2)]), seeds)
    evaluator.close()
    np.testing.assert_array_equal(result.lengths, lengths)
    np.testing.assert_allclose(result.returns, returns, rtol=1e-3)


# --- evaluation -----------------------------------------------------------------------


def test_evaluation_seeds_are_distinct_and_valid() -> None:
    seen = [s for seed in range(10) for step in (0, 500, 1000) for s in reset_seeds(seed, step, 10)]
    assert len(set(seen)) == len(seen)
    assert all(0 <= s < 2**31 for s in seen)
    assert reset_seeds(3, 500, 4) == reset_seeds(3, 500, 10)[:4]


IDENTITY = ObservationScaler(torch.zeros(2), torch.ones(2))


def rows_of(seeds: tuple[int, ...], step: int = 500, act: Any = None) -> list[Any]:
    evaluator = Evaluator("TestCountdown-v0", len(seeds), 3)
    act = act or (lambda o, _: torch.full((*o.shape[:2], 1), 0.5))
    rows = evaluate(evaluator, act, IDENTITY, seeds, step, 3, torch.device("cpu"))
    evaluator.close()
    return rows


def test_rows_name_seed_step_and_episode() -> None:
    rows = rows_of((4, 9))
    keys = [(r.phase, r.step, r.seed, r.episode) for r in rows]
    assert keys == [("offline", 500, seed, e) for seed in (4, 9) for e in range(3)]
    for row in rows:
        assert row.length == 1 + reset_seeds(row.seed, 500, 3)[row.episode] % 6
        assert row.return_ == row.length  # 2 * 0.5 a step


def test_a_seed_meets_the_same_episodes_in_any_block() -> None:
    block = rows_of((1, 3, 8))
    assert rows_of((3,)) == [r for r in block if r.seed == 3]
    assert rows_of((8, 3))[:3] == [r for r in block if r.seed == 8]


def test_the_policy_sees_scaled_observations() -> None:
    seen = []

    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        seen.append(observations.clone())
        return torch.zeros(1, 3, 1)

    scaler = ObservationScaler(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 1000.0]))
    evaluator = Evaluator("TestCountdown-v0", 1, 3)
    evaluate(evaluator, act, scaler, (0,), 0, 3, torch.device("cpu"))
    evaluator.close()
    first = np.array([[(1 + s % 6 - 1) / 2, s / 1000] for s in reset_seeds(0, 0, 3)])
    np.testing.assert_allclose(seen[0][0], first, rtol=1e-6)


def test_a_diverged_seed_does_not_stop_the_others() -> None:
    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        actions = torch.full((2, 3, 1), 0.5)
        actions[0] = torch.nan
        return actions

    rows = rows_of((4, 9), act=act)
    assert [r.return_ for r in rows if r.seed == 9] == [r.return_ for r in rows_of((9,))]

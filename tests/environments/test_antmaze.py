"""AntMaze: D4RL's mazes, start, goals, observation and ends; one model that couples nothing.

Its physics are compared in test_mujoco_models.py.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
import torch
from torch import Tensor

from bench.environments import antmaze, vector
from bench.environments.antmaze import AntMaze
from bench.learning.scalers import ObservationScaler
from bench.maze_plans import PLANS, ant_maze
from bench.training.evaluate import evaluate, reset_seeds
from bench.training.rollout import Evaluator

with redirect_stderr(StringIO()):  # prints a notice on environments that nobody uses here
    from gymnasium_robotics.envs.maze import maps

MAPS = {"Umaze": maps.U_MAZE, "Medium": maps.MEDIUM_MAZE, "Large": maps.LARGE_MAZE}
BOXES = {"Umaze": ((0, 8), (1.5, 9.5)), "Medium": ((20, 20), (21.5, 21.5))}
BOXES |= {"Large": ((32, 24), (33.5, 25.5))}
STILL = np.zeros(8, np.float32)
Made = tuple[gymnasium.Env, AntMaze]


def make(maze: str = "Umaze", version: int = 2) -> Made:
    env = vector.make(f"bench.antmaze:AntMaze{maze}-v{version}")
    assert isinstance(env.unwrapped, AntMaze)
    return env, env.unwrapped


@pytest.fixture
def made() -> Iterator[Made]:
    env, ant = make()
    env.reset(seed=0)
    yield env, ant
    env.close()


def put(ant: AntMaze, x: float, y: float, height: float = 5.0, velocity: float = 0.0) -> None:
    """Set the ant down at (x, y), its joints within their limits; 5 m up it touches nothing."""
    mujoco.mj_resetData(ant.model, ant.data)
    ant.data.qpos[:3] = x, y, height
    ant.data.qpos[8::2] = 1, -1, -1, 1
    ant.data.qvel[0] = velocity


# --- the mazes ------------------------------------------------------------------------


@pytest.mark.parametrize("maze", MAPS)
def test_walls_stand_where_gymnasium_robotics_has_them(maze: str) -> None:
    walls = [[int(sign == "#") for sign in row] for row in PLANS[maze]]
    assert walls == MAPS[maze]
    model = antmaze.model(maze)
    boxes = model.geom_pos[model.geom_type == mujoco.mjtGeom.mjGEOM_BOX]
    cells = np.argwhere(np.array(walls))[:, ::-1]  # column, row
    np.testing.assert_allclose(boxes[:, :2], 4.0 * (cells - 1))


@pytest.mark.parametrize(
    ("maze", "goal", "metres"),
    [("Umaze", (3, 1), (0, 8)), ("Medium", (6, 6), (20, 20)), ("Large", (7, 9), (32, 24))],
)
def test_start_and_goal_cells(
    maze: str, goal: tuple[int, int], metres: tuple[float, float]
) -> None:
    rows, plan = PLANS[maze], ant_maze(maze)
    assert rows[1][1] == "S"
    assert rows[goal[0]][goal[1]] == "G"
    text = "".join(rows)
    assert (text.count("S"), text.count("G")) == (1, 1)
    assert tuple(plan.centre(plan.start)) == (0, 0)
    assert tuple(plan.centre(plan.goal)) == metres


# --- the ant --------------------------------------------------------------------------


def test_an_action_of_one_is_a_torque_of_30(made: Made) -> None:
    env, ant = made
    env.step(np.array([1, -1, 0.5, 0, 2, -3, 0.1, -0.1], np.float32))
    expected = [30, -30, 15, 0, 30, -30, 3, -3]
    np.testing.assert_allclose(ant.data.actuator_force, expected, rtol=1e-6)
    moved = ant.data.qfrc_actuator[6:]  # the joints, in the order of qvel
    order = [ant.model.actuator_trnid[i, 0] for i in range(8)]
    np.testing.assert_allclose([moved[joint - 1] for joint in order], expected, rtol=1e-6)


def test_the_observation_is_positions_then_velocities(made: Made) -> None:
    """Each velocity is the change of what its place says, in 0.1 s of free fall."""
    env, ant = made
    put(ant, 1.0, 2.0, velocity=3.0)
    ant.data.qvel[1:6] = -2, 0, 0.5, 1, 1.5
    push = np.array([0.3, -0.2, 0.1, 0.2, -0.3, -0.1, -0.2, 0.1], np.float32)
    before, *_ = env.step(push)
    time = ant.data.time
    after, *_ = env.step(push)
    assert ant.data.time - time == pytest.approx(0.1)
    np.testing.assert_array_equal(after, np.concatenate([ant.data.qpos, ant.data.qvel]))
    change, velocity = (after - before) / 0.1, (after[15:] + before[15:]) / 2
    np.testing.assert_allclose(change[:3], velocity[:3], atol=0.02)  # x, y, z
    np.testing.assert_allclose(velocity[:2], [3, -2], atol=0.1)
    np.testing.assert_allclose(change[7:15], velocity[6:], atol=0.02)  # joints
    assert np.abs(velocity[6:]).min() > 0.2
    spin = np.zeros(3)
    mujoco.mju_subQuat(spin, after[3:7], before[3:7])
    np.testing.assert_allclose(spin / 0.1, velocity[3:6], atol=0.1)  # in the body's frame
    np.testing.assert_allclose(velocity[3:6], [0.5, 1, 1.5], atol=0.5)


def test_starts_spread_as_in_d4rl() -> None:
    env, ant = make()
    starts = np.array([env.reset(seed=seed)[0] for seed in range(500)])
    env.close()
    away = starts[:, :15] - ant.model.qpos0
    noise = np.delete(away, range(3, 7), axis=1)  # without the rotation
    assert np.abs(noise).max() <= 0.1
    assert np.abs(noise).max() > 0.099
    assert noise.std() == pytest.approx(0.2 / np.sqrt(12), rel=0.03)
    np.testing.assert_allclose(np.linalg.norm(starts[:, 3:7], axis=1), 1.0)
    assert starts[:, 15:].std() == pytest.approx(0.1, rel=0.03)
    assert starts[:, 15:].mean() == pytest.approx(0, abs=0.005)
    assert starts[:, 2].mean() == pytest.approx(0.75, abs=0.01)


# --- reward and ends ------------------------------------------------------------------


@pytest.mark.parametrize("maze", MAPS)
@pytest.mark.parametrize(("distance", "reached"), [(0.499, True), (0.501, False)])
def test_reward_and_end_at_the_goal(maze: str, distance: float, reached: bool) -> None:
    env, ant = make(maze)
    env.reset(seed=1)
    assert ant.goal is not None
    for angle in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        x, y = ant.goal + distance * np.array([np.cos(angle), np.sin(angle)])
        put(ant, x, y)
        observation, reward, terminated, truncated, _ = env.step(STILL)
        assert np.linalg.norm(observation[:2] - ant.goal) == pytest.approx(distance, abs=1e-4)
        assert (reward, terminated, truncated) == (float(reached), reached, False)
    env.close()


def test_falling_over_ends_nothing(made: Made) -> None:
    env, ant = made
    ant.data.qpos[3:7] = 0, 1, 0, 0  # on its back
    for _ in range(20):
        _, reward, terminated, truncated, _ = env.step(STILL)
        assert (reward, terminated, truncated) == (0.0, False, False)


@pytest.mark.parametrize(("maze", "steps"), [("Umaze", 700), ("Medium", 1000), ("Large", 1000)])
@pytest.mark.parametrize("version", [0, 2])
def test_time_limits(maze: str, steps: int, version: int) -> None:
    env, _ = make(maze, version)
    assert env.spec is not None
    assert env.spec.max_episode_steps == steps
    env.close()


def test_a_wall_holds(made: Made) -> None:
    env, ant = made
    put(ant, -0.5, 0.0, height=0.6, velocity=-5.0)
    nearest = min(env.step(STILL)[0][0] for _ in range(50))
    assert -2.0 < nearest < -0.7  # the wall begins at -2, the body's radius is 0.25


# --- goals ----------------------------------------------------------------------------


def goals(maze: str, version: int, resets: list[tuple[int, int | None]]) -> np.ndarray:
    """The goal after each reset, given by its seed and its goal's."""
    env, ant = make(maze, version)
    found = []
    for seed, goal_seed in resets:
        env.reset(seed=seed, options={"goal_seed": goal_seed})
        assert ant.goal is not None
        found.append(ant.goal)
    env.close()
    return np.array(found)


@pytest.mark.parametrize("maze", MAPS)
@pytest.mark.parametrize("version", [0, 2])
def test_goals_fill_their_box(maze: str, version: int) -> None:
    drawn = goals(maze, version, [(seed, seed) for seed in range(2000)])
    low, high = np.array(BOXES[maze], float)
    assert (drawn >= low).all()
    assert (drawn <= high).all()
    within = drawn - low
    assert within.min() < 0.1  # the density rises from 0 there,
    assert within.max() > 1.4  # and falls to 0 here
    # U(0, 1) + U(0, 0.5): mean and variance.
    np.testing.assert_allclose(within.mean(axis=0), 0.75, atol=0.03)
    np.testing.assert_allclose(within.var(axis=0), 1 / 12 + 0.25 / 12, rtol=0.1)
    assert np.corrcoef(within.T)[0, 1] == pytest.approx(0, abs=0.1)


def test_v0_keeps_the_goal_of_its_goal_seed() -> None:
    drawn = goals("Large", 0, [(0, 5), (1, 5), (2, 5), (3, 6), (4, 5)])
    assert len(np.unique(drawn[[0, 1, 2, 4]], axis=0)) == 1
    assert (drawn[3] != drawn[0]).all()
    np.testing.assert_array_equal(goals("Large", 0, [(9, 5)])[0], drawn[0])


def test_v0_without_a_goal_seed_keeps_its_first_goal() -> None:
    drawn = goals("Umaze", 0, [(0, None), (1, None), (0, None)])
    assert len(np.unique(drawn, axis=0)) == 1
    assert (goals("Umaze", 0, [(1, None)])[0] != drawn[0]).all()


def test_v2_draws_a_goal_every_reset_from_its_seed() -> None:
    drawn = goals("Umaze", 2, [(0, 5), (1, 5), (0, 5), (0, 6)])
    assert (drawn[0] != drawn[1]).all()
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(drawn[0], drawn[3])  # goal_seed says nothing here


def test_both_versions_start_alike() -> None:
    starts = [make(version=version)[0].reset(seed=7)[0] for version in (0, 2)]
    np.testing.assert_array_equal(*starts)


@pytest.mark.parametrize(("version", "each"), [(0, 1), (2, 3)])
def test_an_evaluation_gives_a_training_seed_its_goal(version: int, each: int) -> None:
    evaluator = Evaluator(f"bench.antmaze:AntMazeUmaze-v{version}", seeds=2, episodes=3)
    ants: list[Any] = [env.unwrapped for env in evaluator.envs]
    scaler = ObservationScaler(torch.zeros(29), torch.ones(29))

    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        for ant in ants:  # ends every episode in this step
            ant.data.qpos[:2] = ant.goal
        return torch.zeros(2, 3, 8)

    def met(seeds: tuple[int, ...], step: int) -> np.ndarray:
        rows = evaluate(evaluator, act, scaler, seeds, step, 3, torch.device("cpu"))
        assert [(row.return_, row.length) for row in rows] == [(1.0, 1)] * 6
        return np.array([ant.goal for ant in ants]).reshape(2, 3, 2)

    first = met((4, 8), 0)
    for row in first:
        assert len(np.unique(row, axis=0)) == each
    assert not (first[0] == first[1]).any()
    later = met((8, 4), 500)
    assert (later[1, 0] == first[0, 0]).all() == (version == 0)
    np.testing.assert_array_equal(met((8, 4), 500), later)
    own, _ = make(version=version)
    own.reset(seed=reset_seeds(4, 0, 3)[1], options={"goal_seed": 4})
    np.testing.assert_array_equal(own.unwrapped.goal, first[0, 1])  # type: ignore[attr-defined]
    evaluator.close()


# --- many at once ---------------------------------------------------------------------


def test_one_model_serves_all_and_couples_none() -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (2, 15, 8)).astype(np.float32)
    (alone, ant), (other, another) = make("Medium"), make("Medium", 0)
    assert ant.model is another.model

    def rollout(env: gymnasium.Env, seed: int) -> list[np.ndarray]:
        first, _ = env.reset(seed=seed)
        return [first, *(env.step(action)[0] for action in actions[seed])]

    expected = [rollout(alone, 0), rollout(alone, 1)]
    turns = [[env.reset(seed=seed)[0]] for seed, env in enumerate((alone, other))]
    for step in range(15):
        for seed, env in enumerate((alone, other)):
            turns[seed].append(env.step(actions[seed, step])[0])
    np.testing.assert_array_equal(turns, expected)
    assert (turns[0][-1] != turns[1][-1]).any()


def test_an_observation_is_not_overwritten_by_the_next(made: Made) -> None:
    env, _ = made
    observation, *_ = env.step(STILL)
    kept = observation.copy()
    env.step(STILL)
    np.testing.assert_array_equal(observation, kept)


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    antmaze.model.cache_clear()
    make("Large")[0].close()
    assert not list(tmp_path.iterdir())

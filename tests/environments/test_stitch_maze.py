"""The stitching maze: map, environment and controller."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
import pytest

from bench.environments import stitch_maze
from bench.maze_plans import STITCH, Cell

PLAN = (
    "############",
    "#....#.....#",
    "#.##.#.#.#.#",
    "#......#...#",
    "#.####.###.#",
    "#..#.#.....#",
    "##.#.#.#.###",
    "#..#...#...#",
    "############",
)
FREE = [(i, j) for i, row in enumerate(PLAN) for j, sign in enumerate(row) if sign == "."]


@pytest.fixture
def env() -> Iterator[gymnasium.Env]:
    made = gymnasium.make(stitch_maze.STITCH_ID)
    yield made
    made.close()


def put(env: gymnasium.Env, x: float, y: float) -> None:
    """Move the ball to (x, y), at rest."""
    env.unwrapped.point_env.set_state(np.array([x, y]), np.zeros(2))


# --- the map --------------------------------------------------------------------------


def test_free_cells_are_those_of_the_plan() -> None:
    assert STITCH.free_cells() == FREE
    assert len(FREE) == 46


@pytest.mark.parametrize(
    ("cell", "steps"),
    [
        ((7, 10), 0),
        ((7, 9), 1),
        ((5, 8), 4),
        ((5, 10), 6),
        ((3, 6), 8),
        ((1, 10), 10),
        ((1, 6), 10),
        ((7, 4), 10),
        ((3, 8), 10),
        ((1, 8), 12),
        ((1, 1), 15),
        ((7, 1), 19),
    ],
)
def test_distances_to_the_goal_counted_by_hand(cell: Cell, steps: int) -> None:
    assert STITCH.distances(STITCH.goal)[cell] == steps


def test_distances_are_a_metric_on_the_corridors() -> None:
    table = {cell: STITCH.distances(cell) for cell in FREE}
    for a in FREE:
        assert table[a].keys() == set(FREE)  # connected
        for b in FREE:
            assert table[a][b] == table[b][a]
            adjacent = abs(a[0] - b[0]) + abs(a[1] - b[1]) == 1
            assert (table[a][b] == 1) == adjacent


def test_no_trip_can_join_start_and_goal() -> None:
    assert STITCH.distances(STITCH.goal)[STITCH.start] > 2 * stitch_maze.MAX_TRIP


@pytest.mark.parametrize(
    ("cell", "xy"), [((0, 0), (-5.5, 4.0)), ((4, 6), (0.5, 0.0)), ((8, 11), (5.5, -4.0))]
)
def test_centres_by_hand(cell: Cell, xy: tuple[float, float]) -> None:
    assert tuple(STITCH.centre(cell)) == xy


def test_a_cell_holds_its_square_and_no_more() -> None:
    for i in range(len(PLAN)):
        for j in range(len(PLAN[0])):
            centre = STITCH.centre((i, j))
            assert STITCH.cell_of(centre) == (i, j)
            for dx in (-0.49, 0.49):
                for dy in (-0.49, 0.49):
                    assert STITCH.cell_of(centre + np.array([dx, dy])) == (i, j)
            assert STITCH.cell_of(centre + np.array([0.51, 0])) == (i, j + 1)
            assert STITCH.cell_of(centre + np.array([0, 0.51])) == (i - 1, j)


def test_centres_are_the_environments_own(env: gymnasium.Env) -> None:
    for cell in FREE:
        np.testing.assert_allclose(
            STITCH.centre(cell), env.unwrapped.maze.cell_rowcol_to_xy(np.array(cell))
        )


# --- the environment ------------------------------------------------------------------


def test_every_episode_starts_in_the_start_cell_and_aims_at_the_goal_cell(
    env: gymnasium.Env,
) -> None:
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        assert observation.shape == (4,)
        assert env.observation_space.contains(observation)
        assert STITCH.cell_of(observation[:2]) == STITCH.start
        assert tuple(env.unwrapped.goal) == (4.5, -3.0)  # the same in every episode
    assert STITCH.distances(STITCH.goal)[STITCH.start] == 15


@pytest.mark.parametrize(("offset", "success"), [(0.40, True), (0.50, False)])
def test_reward_and_termination_at_the_goal(
    env: gymnasium.Env, offset: float, success: bool
) -> None:
    env.reset(seed=0)
    goal = env.unwrapped.goal
    put(env, goal[0] - offset, goal[1])
    observation, reward, terminated, truncated, _ = env.step(np.zeros(2, np.float32))
    assert np.linalg.norm(observation[:2] - goal) == pytest.approx(offset, abs=0.02)
    assert (reward, terminated, truncated) == (float(success), success, False)


def test_elsewhere_nothing_is_given(env: gymnasium.Env) -> None:
    for cell in FREE:
        if STITCH.distances(STITCH.goal)[cell] < 2:
            continue
        env.reset(seed=1)
        put(env, *STITCH.centre(cell))
        _, reward, terminated, _, _ = env.step(np.zeros(2, np.float32))
        assert (reward, terminated) == (0.0, False)


def test_an_episode_is_cut_after_600_steps(env: gymnasium.Env) -> None:
    env.reset(seed=0)
    for step in range(1, 601):
        _, reward, terminated, truncated, _ = env.step(np.zeros(2, np.float32))
        assert (reward, terminated) == (0.0, False)
        assert truncated == (step == 600)


# --- the controller -------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_one_long_trip_solves_the_maze_in_time(env: gymnasium.Env, seed: int) -> None:
    to_goal = STITCH.distances(STITCH.goal)
    observation, _ = env.reset(seed=seed)
    visited = [STITCH.cell_of(observation[:2])]
    total, terminated, truncated, steps = 0.0, False, False, 0
    while not (terminated or truncated):
        action = stitch_maze.controller(observation, to_goal, np.zeros(2)).astype(np.float32)
        observation, reward, terminated, truncated, _ = env.step(action)
        total, steps = total + float(reward), steps + 1
        cell = STITCH.cell_of(observation[:2])
        if cell != visited[-1]:
            visited.append(cell)
    print(f"start to goal in {steps} of 600 steps")
    assert terminated
    assert total == 1.0
    assert steps < 600
    # The way is a shortest one: it loses a step of distance with each new cell.
    assert [to_goal[cell] for cell in visited] == list(range(15, 15 - len(visited), -1))


def test_controller_by_hand() -> None:
    to_goal = STITCH.distances((1, 4))
    # In (1, 1) at rest, x = -4.5: the waypoint (1, 2) is 1 m to the right, so 10 is clipped.
    start = np.array([*STITCH.centre((1, 1)), 0.0, 0.0])
    np.testing.assert_allclose(
        stitch_maze.controller(start, to_goal, np.zeros(2)), [1, 0], atol=1e-12
    )
    # Near its centre and moving: 10 times the error, less the velocity.
    close = np.array([-1.52, 3.03, 0.05, -0.1])  # the centre is (-1.5, 3)
    np.testing.assert_allclose(stitch_maze.controller(close, to_goal, np.zeros(2)), [0.15, -0.2])
    # Noise comes after the step's own limit, so that it shows where the step saturates.
    slowed = stitch_maze.controller(start, to_goal, np.array([-0.4, 0.3]))
    np.testing.assert_allclose(slowed, [0.6, 0.3], atol=1e-12)
    noisy = stitch_maze.controller(close, to_goal, np.array([0.1, -5.0]))
    np.testing.assert_allclose(noisy, [0.25, -1.0])


def test_controller_leaves_a_wall() -> None:
    # By rounding the ball may count as inside the wall (2, 2); it must still get an action.
    inside = np.array([-3.5, 2.45, 0.0, 0.0])  # the centre is (-3.5, 2)
    action = stitch_maze.controller(inside, STITCH.distances((1, 4)), np.zeros(2))
    assert np.isfinite(action).all()
    assert action[1] > 0  # up, to the corridor of row 1

"""The ant that collects the local AntMaze data: its routes, its task, and its trips."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from minari.data_collector import EpisodeBuffer
from safetensors.torch import save_file

from bench.collection import antmaze as collection_antmaze
from bench.environments import ant_walk, antmaze
from bench.environments.ant_walk import AntWalk, Route, heading, policy_input, uprightness
from bench.errors import BenchError
from bench.maze_plans import PLANS, ant_maze

UPRIGHT = np.array([1.0, 0, 0, 0])  # quaternions, the scalar first
HALF = np.sqrt(0.5)
ON_ITS_SIDE = np.array([HALF, HALF, 0, 0])  # turned by 90 degrees about x
TURNED_LEFT = np.array([HALF, 0, 0, HALF])  # about the vertical
UPSIDE_DOWN = np.array([0.0, 1, 0, 0])


def observation(x: float = 0, y: float = 0, quaternion: np.ndarray = UPRIGHT) -> np.ndarray:
    """Of an ant at (x, y); the rest counts up, so that each entry can be told."""
    return np.concatenate([[x, y, 0.5], quaternion, np.arange(22)])


# --- routes -----------------------------------------------------------------------------


def test_distances_follow_the_corridor_of_the_u() -> None:
    # S at (1, 1), east to (1, 3), down to (3, 3), west to G at (3, 1).
    assert ant_maze("Umaze").distances((3, 1)) == {
        **{(3, 1): 0, (3, 2): 1, (3, 3): 2, (2, 3): 3, (1, 3): 4, (1, 2): 5, (1, 1): 6}
    }


@pytest.mark.parametrize("maze", PLANS)
def test_cells_and_centres_are_each_others_inverse(maze: str) -> None:
    plan = ant_maze(maze)
    cells = plan.free_cells()
    assert [plan.cell_of(plan.centre(c) + np.array([1.9, -1.9])) for c in cells] == cells
    np.testing.assert_array_equal(plan.centre(plan.start), (0, 0))
    assert len(cells) == sum(row.count(".") for row in PLANS[maze]) + 2


def test_a_route_goes_from_centre_to_centre_and_then_to_its_target() -> None:
    target = np.array([0.75, 8.75])  # in the goal's cell
    route = Route(ant_maze("Umaze"), target)
    here = np.zeros(2)
    visited = [tuple(here)]
    for _ in range(100):
        waypoint = route.waypoint(here)
        if tuple(waypoint) != visited[-1]:
            visited.append(tuple(waypoint))
        here = here + 0.5 * (waypoint - here) / max(float(np.linalg.norm(waypoint - here)), 0.5)
    assert visited == [(0, 0), (4, 0), (8, 0), (8, 4), (8, 8), (4, 8), (0.75, 8.75)]


def test_a_waypoint_holds_until_it_is_reached() -> None:
    route = Route(ant_maze("Umaze"), np.array([0.75, 8.75]))
    assert tuple(route.waypoint(np.array([0.0, 0.0]))) == (4, 0)
    # Already in the next cell, but not at its centre: the corner is not cut.
    assert tuple(route.waypoint(np.array([2.9, 0.0]))) == (4, 0)
    assert tuple(route.waypoint(np.array([3.1, 0.0]))) == (8, 0)


def test_who_leaves_the_course_gets_a_new_one() -> None:
    route = Route(ant_maze("Umaze"), np.array([0.75, 8.75]))
    route.waypoint(np.zeros(2))
    assert tuple(route.waypoint(np.array([8.0, 8.0]))) == (4, 8)
    # In a wall, which rounding may say at its edge: as from the nearest free cell.
    route = Route(ant_maze("Umaze"), np.array([0.75, 8.75]))
    assert tuple(route.waypoint(np.array([8.0, -2.01]))) == (8, 4)


# --- what the policy sees ---------------------------------------------------------------


def test_the_policy_sees_a_direction_and_no_place() -> None:
    seen = policy_input(observation(x=1, y=2), np.array([4.0, 6.0]))
    np.testing.assert_array_equal(seen[:27], observation()[2:])
    np.testing.assert_allclose(seen[27:], [0.6, 0.8], rtol=1e-6)
    assert np.isfinite(policy_input(observation(), np.zeros(2))).all()


@pytest.mark.parametrize(
    ("quaternion", "up", "ahead"),
    [(UPRIGHT, 1, 1), (ON_ITS_SIDE, 0, 1), (TURNED_LEFT, 1, 0), (UPSIDE_DOWN, -1, 1)],
)
def test_uprightness_and_heading(quaternion: np.ndarray, up: float, ahead: float) -> None:
    seen = observation(quaternion=quaternion)
    assert uprightness(seen) == pytest.approx(up, abs=1e-12)
    assert heading(seen) == pytest.approx(ahead, abs=1e-12)


# --- the task that PPO learns -----------------------------------------------------------


def walk(seed: int = 0) -> AntWalk:
    env = gymnasium.make("AntWalk-v0").unwrapped
    assert isinstance(env, AntWalk)
    env.reset(seed=seed)
    return env


def test_the_reward_by_hand() -> None:
    env = walk()
    before = env.last
    waypoint = env.route.waypoint(before[:2])
    action = np.full(8, 0.25)
    _, reward, fallen, _, _ = env.step(action)
    after = env.last
    gain = np.linalg.norm(waypoint - before[:2]) - np.linalg.norm(waypoint - after[:2])
    tilt, turn = 1 - uprightness(after), 1 - heading(after)
    assert reward == pytest.approx(10 * gain + 0.3 - 0.02 * 0.5 - 0.3 * tilt - 0.5 * turn)
    assert not fallen


def test_an_ant_on_its_back_has_fallen() -> None:
    env = walk()
    env.ant.data.qpos[3:7] = UPSIDE_DOWN
    assert env.step(np.zeros(8))[2]


def test_a_trip_that_arrives_is_followed_by_another() -> None:
    env = walk()
    first = env.route
    env.ant.data.qpos[:2] = first.target
    env.step(np.zeros(8))
    assert env.route is not first
    assert env.route.goal != env.plan.cell_of(env.last[:2])


def test_starts_vary_with_the_seed_and_only_with_it() -> None:
    starts = [walk(seed).last for seed in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    cell_of = ant_maze("Large").cell_of
    assert cell_of(starts[0][:2]) != cell_of(starts[2][:2])


# --- trips ------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A policy of two snapshots: the first is at rest, the second strikes out."""
    tensors = {
        "trunk.weights.0": torch.zeros(2, 29, 8),
        "trunk.biases.0": torch.stack([torch.zeros(1, 8), torch.full((1, 8), 0.5)]),
        "log_std": torch.zeros(2, 1, 8),
        "observation.mean": torch.zeros(2, 1, 29),
        "observation.var": torch.ones(2, 1, 29),
    }
    save_file(tensors, tmp_path / "ladder.safetensors")
    return tmp_path


def walks(folder: Path, name: str = "medium-play", seed: int = 0) -> list[EpisodeBuffer]:
    return collection_antmaze.walks(name, folder, 100, seed, lambda _: None)[0]


def test_the_last_snapshot_walks_under_noise(folder: Path) -> None:
    actions = np.concatenate([e.actions for e in walks(folder)])
    assert actions.mean() == pytest.approx(0.5, abs=0.03)  # which the bound hardly moves
    assert actions.std() == pytest.approx(ant_walk.NOISE, abs=0.02)
    assert np.abs(actions).max() <= 1


def test_as_many_rows_as_asked_for_and_the_same_for_a_seed(folder: Path) -> None:
    first, again, other = walks(folder), walks(folder), walks(folder, seed=1)
    assert sum(len(e.rewards) for e in first) == 100
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.observations, two.observations)
    assert not np.array_equal(first[0].observations, other[0].observations)


def test_processes_do_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection_antmaze, "SHARD", 40)
    counted: list[int] = []
    shared = collection_antmaze.walks("umaze", folder, 100, 0, counted.append)[0]
    assert counted == [40, 40, 20]
    parts = enumerate(counted)
    alone = [e for p in parts for e in collection_antmaze.shard("Umaze", "", folder, 0, p)]
    for one, two in zip(shared, alone, strict=True):
        np.testing.assert_array_equal(one.observations, two.observations)
    assert not multiprocessing.active_children()


def begun(maze: str, kind: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The first place of a walk and its first destination."""
    walk = collection_antmaze.Walk(maze, kind, 1, seed)
    return walk.recorder.observations[0][:2], walk.route.target


def test_episodes_start_facing_anywhere() -> None:
    starts = [
        collection_antmaze.Walk("Umaze", "", 1, seed).recorder.observations[0] for seed in range(50)
    ]
    ahead = [heading(start) for start in starts]
    assert min(ahead) < -0.9
    assert max(ahead) > 0.9
    np.testing.assert_allclose([uprightness(start) for start in starts], 1)


def test_the_simplest_recipe_goes_from_the_start_to_the_goal() -> None:
    start, target = begun("Umaze", "", 0)
    assert np.abs(start).max() <= 0.1
    np.testing.assert_array_equal(target, antmaze.fixed_goal("Umaze"))


@pytest.mark.parametrize("kind", ["play", "diverse"])
def test_where_walks_begin_and_where_they_go(kind: str) -> None:
    goal = antmaze.fixed_goal("Medium")
    seen = [begun("Medium", kind, seed) for seed in range(150)]
    cells, cell_of = set(collection_antmaze.cells_of("Medium", kind)), ant_maze("Medium").cell_of
    assert {cell_of(start) for start, _ in seen} == cells
    assert {cell_of(target) for _, target in seen} == cells
    assert all(cell_of(s) != cell_of(t) for s, t in seen)
    bound_for_goal = [t for _, t in seen if cell_of(t) == (6, 6)]
    assert all(np.array_equal(t, goal) for t in bound_for_goal)


@pytest.mark.parametrize("maze", collection_antmaze.PLAY)
def test_play_has_the_start_the_goal_and_free_cells(maze: str) -> None:
    cells = collection_antmaze.PLAY[maze]
    assert set(cells) <= set(ant_maze(maze).free_cells())
    assert {ant_maze(maze).start, ant_maze(maze).goal} <= set(cells)


def test_a_row_that_ends_at_the_goal_is_terminal_and_the_ant_walks_on() -> None:
    walk = collection_antmaze.Walk("Medium", "diverse", 10, 0)
    bound_for = walk.route.goal
    assert bound_for != (6, 6)
    walk.env.data.qpos[:2] = antmaze.fixed_goal("Medium")
    walk.step(np.zeros(8))
    walk.step(np.zeros(8))
    assert [e.rewards.tolist() for e in walk.episodes] == [[1.0], [1.0]]
    assert [e.terminations.tolist() for e in walk.episodes] == [[True], [True]]
    first, second = walk.episodes
    np.testing.assert_array_equal(first.observations[1], second.observations[0])
    assert walk.route.goal == bound_for


def test_the_simplest_recipe_starts_again_at_the_goal() -> None:
    walk = collection_antmaze.Walk("Umaze", "", 10, 0)
    walk.env.data.qpos[:2] = antmaze.fixed_goal("Umaze")
    walk.step(np.zeros(8))
    assert len(walk.episodes) == 1
    assert np.abs(walk.recorder.observations[0][:2]).max() <= 0.1


def test_who_arrives_elsewhere_walks_on() -> None:
    walk = collection_antmaze.Walk("Medium", "play", 10, 3)
    first = walk.route
    assert first.goal != (6, 6)
    walk.env.data.qpos[:2] = first.target
    walk.step(np.zeros(8))
    assert not walk.episodes
    assert walk.route.goal != first.goal


def test_the_time_limit_cuts_an_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(antmaze.STEPS, "Medium", 3)
    walk = collection_antmaze.Walk("Medium", "play", 10, 3)
    for _ in range(3):
        walk.step(np.zeros(8))
    (episode,) = walk.episodes
    assert episode.truncations.tolist() == [False, False, True]
    assert not episode.terminations.any()


def test_an_unknown_recipe(folder: Path) -> None:
    with pytest.raises(BenchError, match=r"tasks.tsv, recipe: .*antmaze/medium-plya"):
        walks(folder, "medium-plya")

"""Trips in the maze: rows, lengths, rewards, starts, and the same data for a seed."""

from __future__ import annotations

import numpy as np
import pytest
from minari.data_collector import EpisodeBuffer

from bench.collection import collect
from bench.data import maze_coverage
from bench.data.minari_episodes import flatten
from bench.data.transitions import content_hash
from bench.environments.stitch_maze import MAX_TRIP
from bench.maze_plans import STITCH

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:minari")


@pytest.fixture(scope="module")
def trips() -> list[EpisodeBuffer]:
    return collect.short_trips(6000, 3, lambda _: None)[0]


def test_trips_have_exact_rows_and_bounded_length(trips: list[EpisodeBuffer]) -> None:
    lengths = [len(e.rewards) for e in trips]
    assert sum(lengths) == 6000
    assert max(lengths) <= collect.TRIP_STEPS
    for e in trips:
        assert e.observations.shape == (len(e.rewards) + 1, 4)


def test_reward_and_termination_are_given_at_the_goal_alone(trips: list[EpisodeBuffer]) -> None:
    goal = np.array([4.5, -3.0])  # the centre of cell (7, 10)
    wins = 0
    for e in trips:
        distance = np.linalg.norm(e.observations[1:, :2] - goal, axis=1)
        at_goal = distance <= 0.45
        assert (np.abs(distance - 0.45) > 1e-5).all()  # else rounding could decide
        np.testing.assert_array_equal(e.rewards, at_goal.astype(np.float32))
        np.testing.assert_array_equal(e.terminations, at_goal)
        assert e.truncations[-1] != e.terminations[-1]
        wins += int(at_goal[-1])
    assert 0 < wins < len(trips) / 2


def test_trips_are_short_on_the_map(trips: list[EpisodeBuffer]) -> None:
    table = {cell: STITCH.distances(cell) for cell in STITCH.free_cells()}
    for e in trips:
        cells = [STITCH.cell_of(p) for p in e.observations[:, :2]]
        apart = [table[cells[0]][cell] for cell in cells if cell in table]
        # The noise may push the ball one cell off its way.
        assert max(apart) <= MAX_TRIP + 1
    counted = maze_coverage.proof(flatten(trips, "collected", 4, 2), STITCH)
    assert min(counted["from_start"], counted["reach_goal"]) > 0
    assert counted["from_start_to_goal"] == 0


def test_trips_start_all_over_the_map(trips: list[EpisodeBuffer]) -> None:
    starts = {STITCH.cell_of(e.observations[0, :2]) for e in trips}
    assert starts <= set(STITCH.free_cells())
    assert len(starts) > 30  # of 46


def test_the_same_seed_makes_the_same_trips() -> None:
    hashes = [
        content_hash(flatten(collect.short_trips(200, s, lambda _: None)[0], "collected", 4, 2))
        for s in (0, 0, 1)
    ]
    assert hashes[0] == hashes[1] != hashes[2]

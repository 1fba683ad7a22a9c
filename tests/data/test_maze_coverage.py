"""What a dataset has seen of its maze, counted by hand on made-up trajectories."""

from __future__ import annotations

import pytest
from helpers.maze_walks import ELSEWHERE, GOAL, START, Place, trajectories

from bench.data.maze_coverage import cells_visited, proof, visits
from bench.data.transitions import Transitions
from bench.maze_plans import MAZES, STITCH


def counts(data: Transitions) -> tuple[int, int, int]:
    result = proof(data, STITCH)
    return result["from_start"], result["reach_goal"], result["from_start_to_goal"]


def test_counts_by_hand() -> None:
    data = trajectories(
        [START, ELSEWHERE, START, ELSEWHERE],  # start, twice: counts once
        [ELSEWHERE, START],  # start, in the last observation only
        [(3.5, -3.0), GOAL],  # goal, in the last observation only
        [ELSEWHERE, ELSEWHERE],
    )
    assert counts(data) == (2, 1, 0)
    assert proof(data, STITCH)["statement"] == (
        "Of 4 trajectories, 2 visit the start cell, 1 reach the goal from 1.0 m away in the median "
        "and 1.0 m at most, where the start is 11.2 m away, and 0 go from the start to the goal in "
        "one piece. They visit 3 of 46 free cells."
    )
    nowhere = proof(trajectories([ELSEWHERE, ELSEWHERE]), STITCH)
    assert nowhere["statement"].startswith("Of 1 trajectories, 0 visit the start cell, 0 reach the")
    assert "goal_reached_from" not in nowhere


def test_in_one_piece_means_first_the_start_and_then_the_goal() -> None:
    both = [START, ELSEWHERE, GOAL]
    assert counts(trajectories(both, [ELSEWHERE, ELSEWHERE], both)) == (2, 2, 2)
    assert counts(trajectories([GOAL, ELSEWHERE, START])) == (1, 1, 0)
    assert counts(trajectories([GOAL, START, ELSEWHERE, GOAL, START])) == (1, 1, 1)
    assert counts(trajectories([START, ELSEWHERE], [ELSEWHERE, GOAL])) == (1, 1, 0)
    seen = visits(trajectories([START, ELSEWHERE], both, [ELSEWHERE, GOAL]), STITCH)
    assert seen.at_start.tolist() == [True, True, False]
    assert seen.at_goal.tolist() == [False, True, True]
    assert seen.crosses.tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ((-4.05, 2.55), (1, 0, 0)),  # in the cell's corner
        ((-3.95, 3.0), (0, 0, 0)),
        ((4.5, -2.56), (0, 1, 0)),  # 0.44 from the goal
        ((4.5, -2.54), (0, 0, 0)),
        ((4.9, -2.6), (0, 0, 0)),  # in the goal's cell, yet 0.57 away
    ],
)
def test_borders(position: Place, expected: tuple[int, int, int]) -> None:
    assert counts(trajectories([ELSEWHERE, position])) == expected


def test_where_those_that_arrive_began() -> None:
    """At the ends of the straight corridor before the goal, and at the goal itself."""
    paths = [[(x, -3.0), GOAL] for x in (2.5, 3.5, 4.5)] + [[(1.5, 1.0), ELSEWHERE]]
    assert proof(trajectories(*paths), STITCH)["goal_reached_from"] == {"median": 1.0, "max": 2.0}


def test_cells_are_counted_once_and_walls_not() -> None:
    maze = MAZES["AntMazeUmaze"]
    inside_a_wall = (4.0, 4.0)
    path = [(0.0, 0.0), (1.0, -1.0), (4.0, 0.0), inside_a_wall, (8.0, 8.0)]
    assert cells_visited(trajectories(path), maze) == 2  # the last position starts no row
    assert cells_visited(trajectories([*path, (8.0, 8.0)]), maze) == 3

"""Floor plans: which environments have one, and lengths of ways that were worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from bench import maze_plans
from bench.environments import antmaze
from bench.maze_plans import MAZES, STITCH, Cell, Maze, maze_of

UMAZE = MAZES["AntMazeUmaze"]


# --- which maze -----------------------------------------------------------------------


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize("name", ["Umaze", "Medium", "Large"])
def test_the_ants_mazes_by_their_ids(name: str, version: int) -> None:
    assert maze_of(f"bench.antmaze:AntMaze{name}-v{version}") is MAZES[f"AntMaze{name}"]


@pytest.mark.parametrize("name", ["Umaze", "Medium", "Large"])
def test_the_goal_that_stays_is_the_mean_of_those_that_are_drawn(name: str) -> None:
    maze = maze_of(f"bench.antmaze:AntMaze{name}Fixed-v0")
    assert maze is not None
    np.testing.assert_array_equal(maze.goal_xy, MAZES[f"AntMaze{name}"].goal_xy)
    np.testing.assert_array_equal(maze.goal_xy, antmaze.fixed_goal(name))
    aside = maze.goal_xy + np.array([[0.0, 0.49], [0.0, 0.51]])
    assert maze.reached(aside).tolist() == [True, False]


def test_the_points_maze_and_none() -> None:
    assert maze_of("bench.maze:PointMazeStitch-v0") is maze_of("PointMazeStitch-v0") is STITCH
    assert maze_of("Hopper-v4") is None


@pytest.mark.parametrize(
    ("name", "start", "goal"),
    [
        ("AntMazeUmaze", (0, 0), (0.75, 8.75)),
        ("AntMazeMedium", (0, 0), (20.75, 20.75)),
        ("AntMazeLarge", (0, 0), (32.75, 24.75)),
        ("PointMazeStitch", (-4.5, 3), (4.5, -3)),
    ],
)
def test_starts_and_goals(name: str, start: tuple[float, float], goal: tuple[float, float]) -> None:
    assert tuple(MAZES[name].start_xy) == start
    assert tuple(MAZES[name].goal_xy) == goal


# --- cells ----------------------------------------------------------------------------


@pytest.mark.parametrize("maze", MAZES.values(), ids=list(MAZES))
def test_every_cell_is_free_or_wall_and_holds_its_square(maze: Maze) -> None:
    free, walls = maze.free_cells(), maze.walls()
    assert len(free) + len(walls) == len(maze.plan) * len(maze.plan[0])
    assert maze.distances(maze.goal).keys() == set(free)  # connected
    for cell in [*free, *walls]:
        for dx, dy in ((0, 0), (0.49, 0.49), (-0.49, 0.49), (0.49, -0.49)):
            assert maze.cell_of(maze.centre(cell) + maze.cell * np.array([dx, dy])) == cell


@pytest.mark.parametrize(("maze", "y"), [(UMAZE, 8.0), (STITCH, 1.0)])
def test_rows_run_up_for_the_ant_and_down_for_the_point(maze: Maze, y: float) -> None:
    assert maze.centre((3, 1))[1] == y


# --- the goal -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("maze", "position", "expected"),
    [
        (STITCH, (4.5, -3.44), True),
        (STITCH, (4.5, -3.46), False),
        (STITCH, (4.8, -2.7), True),  # 0.42 away
        (STITCH, (4.9, -2.6), False),  # 0.57 away
        (UMAZE, (0.75, 8.75), True),
        (UMAZE, (-0.49, 8.0), True),  # goals lie from (0, 8) to (1.5, 9.5)
        (UMAZE, (-0.51, 8.0), False),
        (UMAZE, (1.8, 9.8), True),  # 0.42 from the last corner
        (UMAZE, (1.9, 9.9), False),  # 0.57 from it
    ],
)
def test_reached(maze: Maze, position: tuple[float, float], expected: bool) -> None:
    assert bool(maze.reached(np.array([position]))[0]) is expected


# --- the way --------------------------------------------------------------------------


def length(*stops: tuple[float, float]) -> float:
    """Of the line through some points."""
    return sum(map(math.dist, stops, stops[1:]))


# Corners of the inner wall of the U: (6, 2) and (6, 6).
@pytest.mark.parametrize(
    ("position", "stops"),
    [
        ((0.75, 8.75), []),
        ((8, 8), []),  # straight along the last corridor
        ((8, 4), [(6, 6)]),
        ((5.9, 0), [(6, 2), (6, 6)]),
        ((0, 0), [(6, 2), (6, 6)]),
        ((-1.5, 1.5), [(6, 2), (6, 6)]),  # the far end of the first corridor
    ],
)
def test_the_way_through_the_u(
    position: tuple[float, float], stops: list[tuple[float, float]]
) -> None:
    expected = length(position, *stops, (0.75, 8.75))
    assert UMAZE.path_distance(np.array([position]))[0] == pytest.approx(expected, abs=1e-4)


# In the point's maze, cells of 1 m; the goal is the centre of (7, 10), at (4.5, -3).
@pytest.mark.parametrize(
    ("position", "stops"),
    [
        ((3.5, -3.0), []),
        ((2.5, -3.4), []),
        ((2.5, -2.0), [(3, -2.5)]),  # above (7, 8), round the corner of the wall (6, 9)
        # From (5, 10) by the corridor of row 5 and down at column 8: the wall (6, 9) spans
        # x from 3 to 4 and y from -2.5 to -1.5.
        ((4.5, -1.0), [(3, -1.5), (3, -2.5)]),
    ],
)
def test_the_way_round_corners(
    position: tuple[float, float], stops: list[tuple[float, float]]
) -> None:
    expected = length(position, *stops, (4.5, -3.0))
    assert STITCH.path_distance(np.array([position]))[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("maze", MAZES.values(), ids=list(MAZES))
def test_a_way_is_no_longer_than_by_cells_and_no_shorter_than_straight(maze: Maze) -> None:
    """It cuts corners: of each of the cells' steps it saves at most what a diagonal saves."""
    steps = maze.distances(maze.goal)
    cells = list(steps)
    centres = np.array([maze.centre(cell) for cell in cells])
    ways = maze.path_distance(centres)
    by_cells = maze.cell * np.array([steps[cell] for cell in cells])
    to_centre = np.linalg.norm(maze.goal_xy - maze.centre(maze.goal))
    straight = np.linalg.norm(centres - maze.goal_xy, axis=1)
    assert (ways <= by_cells + to_centre + 1e-4).all()
    assert (ways >= straight - 1e-4).all()
    assert (ways >= by_cells / math.sqrt(2) - maze.cell - to_centre).all()


@pytest.mark.parametrize("maze", MAZES.values(), ids=list(MAZES))
def test_the_length_changes_no_faster_than_the_position(maze: Maze) -> None:
    """Along a walk through all cells, that is in steps of a hundredth of a cell."""
    steps = maze.distances(maze.start)
    here, walk = maze.goal, [maze.goal]
    while steps[here]:
        i, j = here
        near = ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1))
        here = min((c for c in near if c in steps), key=lambda c: steps[c])
        walk.append(here)
    corners = np.array([maze.centre(cell) for cell in walk])
    offset = maze.cell * np.array([0.31, -0.17])  # off the middle of the corridor
    line = np.concatenate(
        [a + np.linspace(0, 1, 100, endpoint=False)[:, None] * (b - a)
         for a, b in itertools.pairwise(corners)]
    ) + offset  # fmt: skip
    ways = maze.path_distance(line)
    assert np.isfinite(ways).all()
    assert np.abs(np.diff(ways)).max() <= maze.cell / 100 + 1e-5
    assert ways[-1] > ways[0]


def test_nothing_passes_where_two_corners_meet() -> None:
    """Walls (4, 3) and (5, 2) of the medium maze touch; the free cells beside them do not."""
    maze = MAZES["AntMazeMedium"]
    assert [maze.plan[i][j] for i, j in ((4, 3), (5, 2), (4, 2), (5, 3))] == ["#", "#", ".", "."]
    meet = (maze.centre((4, 2)) + maze.centre((5, 3))) / 2
    below, above = meet - 0.01, meet + 0.01
    apart = maze.path_distance(np.array([below, above]))
    assert abs(apart[0] - apart[1]) > 2.0


def test_a_position_in_a_wall_counts_as_at_its_edge() -> None:
    inside, edge = np.array([[5.0, 2.3]]), np.array([[5.0, 2.0]])  # the wall begins at y = 2
    assert UMAZE.path_distance(inside) == pytest.approx(UMAZE.path_distance(edge), abs=1e-4)


def test_many_positions_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    positions = np.random.default_rng(0).uniform(-4, 4, (50, 2))
    whole = STITCH.path_distance(positions)
    monkeypatch.setattr(maze_plans, "CHUNK", 7)
    np.testing.assert_array_equal(STITCH.path_distance(positions), whole)
    assert STITCH.path_distance(positions[:1]).shape == (1,)


@pytest.mark.parametrize(("cell", "steps"), [((3, 1), 0), ((3, 3), 2), ((2, 3), 3), ((1, 1), 6)])
def test_steps_through_the_u(cell: Cell, steps: int) -> None:
    assert UMAZE.distances(UMAZE.goal)[cell] == steps

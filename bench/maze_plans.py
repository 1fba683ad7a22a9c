"""The floor plans of all mazes: walls, start, goal, and the way from anywhere to the goal.

The environments are built from these plans, and what looks at mazes (probes of a value, dataset
cards, maps) asks them. NumPy alone, so that the report can ask too.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass

import numpy as np

Cell = tuple[int, int]  # row, column

# D4RL's plans for AntMaze: S is the start, G the goal.
PLANS = {
    "Umaze": (
        "#####",
        "#S..#",
        "###.#",
        "#G..#",
        "#####",
    ),
    "Medium": (
        "########",
        "#S.##..#",
        "#..#...#",
        "##...###",
        "#..#...#",
        "#.#..#.#",
        "#...#.G#",
        "########",
    ),
    "Large": (
        "############",
        "#S...#.....#",
        "#.##.#.#.#.#",
        "#......#...#",
        "#.####.###.#",
        "#..#.#.....#",
        "##.#.#.#.###",
        "#..#...#.G.#",
        "############",
    ),
}
ANT_CELL = 4.0  # metres
ANT_GOAL_RADIUS = 0.5
ANT_GOALS = (0.0, 1.5)  # see bench.environments.antmaze
ANT_FIXED_GOAL = (0.75, 0.75)
SEAM = 1e-6  # metres by which walls are thicker here, so that nothing passes where two corners meet
CHUNK = 4096  # positions whose lines of sight are computed at once


@dataclass(frozen=True)
class Maze:
    """A plan of cells and where it lies; y changes by `down` cells from one row to the next."""

    plan: tuple[str, ...]  # "#" is a wall
    start: Cell
    goal: Cell
    cell: float  # width of a cell
    origin: tuple[float, float]  # (x, y) of the centre of cell (0, 0)
    down: int  # 1 or -1
    goal_radius: float  # an episode ends this close to the goal
    goals: tuple[float, float]  # how far above the goal cell's centre goals lie, on each axis

    def free_cells(self) -> list[Cell]:
        """All cells without a wall, row by row."""
        return [(i, j) for i, row in enumerate(self.plan) for j, s in enumerate(row) if s != "#"]

    def walls(self) -> list[Cell]:
        """All cells with a wall, row by row."""
        return [(i, j) for i, row in enumerate(self.plan) for j, s in enumerate(row) if s == "#"]

    def centre(self, cell: Cell) -> np.ndarray:
        """The (x, y) of a cell's centre."""
        row, column = cell
        return np.array(self.origin) + self.cell * np.array([column, self.down * row])

    def cells_of(self, positions: np.ndarray) -> np.ndarray:
        """Row and column of the cell that holds each (x, y): (N, 2) -> (N, 2) of int."""
        column, row = ((positions - self.origin) / (self.cell, self.down * self.cell)).T
        return np.floor(np.stack([row, column], axis=1) + 0.5).astype(int)

    def cell_of(self, position: np.ndarray) -> Cell:
        """The cell that holds one (x, y)."""
        row, column = self.cells_of(np.asarray(position)[None])[0]
        return int(row), int(column)

    def distances(self, goal: Cell) -> dict[Cell, int]:
        """Steps from every free cell to `goal` along the corridors (breadth-first)."""
        result = {goal: 0}
        queue = deque([goal])
        while queue:
            i, j = queue.popleft()
            for cell in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if cell not in result and self.plan[cell[0]][cell[1]] != "#":
                    result[cell] = result[i, j] + 1
                    queue.append(cell)
        return result

    @property
    def start_xy(self) -> np.ndarray:
        """The (x, y) around which episodes start."""
        return self.centre(self.start)

    @property
    def goal_xy(self) -> np.ndarray:
        """The (x, y) in the middle of where the goal may lie."""
        return self.centre(self.goal) + np.mean(self.goals)

    def reached(self, positions: np.ndarray) -> np.ndarray:
        """Whether each (x, y) is as close as an episode's end to some possible goal: (N,)."""
        nearest, farthest = self.goals
        away = np.abs(positions - self.goal_xy) - (farthest - nearest) / 2
        return np.hypot(*away.clip(min=0).T) <= self.goal_radius

    def path_distance(self, positions: np.ndarray) -> np.ndarray:
        """Length of the shortest way from each (x, y) to `goal_xy` in metres: (N, 2) -> (N,).

        That way is straight from corner to corner, so that the length changes smoothly with the
        position. A position inside a wall counts as at the wall's edge.
        """
        stops, left = self._stops
        parts = []
        for part in np.split(positions, range(CHUNK, len(positions), CHUNK)):
            inside = self._out_of_walls(part.astype(float))
            parts.append((self._lengths(inside, stops) + left).min(axis=1))
        return np.concatenate(parts)

    @functools.cached_property
    def _stops(self) -> tuple[np.ndarray, np.ndarray]:
        """The goal and the corners that a shortest way may turn at, and how far is left there."""
        corners = []
        for i in range(1, len(self.plan)):
            for j in range(1, len(self.plan[0])):
                around = [(i - 1, j - 1), (i - 1, j), (i, j - 1), (i, j)]
                solid = [c for c in around if self.plan[c[0]][c[1]] == "#"]
                if len(solid) == 1:
                    corner = np.mean([self.centre(c) for c in around], axis=0)
                    corners.append(corner + 2 * SEAM * np.sign(corner - self.centre(solid[0])))
        stops = np.array([self.goal_xy, *corners])
        lengths = self._lengths(stops, stops)
        left = np.where(np.arange(len(stops)) == 0, 0.0, np.inf)
        for _ in stops:  # Bellman-Ford
            left = (lengths + left).min(axis=1)
        return stops, left

    def _lengths(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Straight distances, infinite where a wall is between: (N, 2), (M, 2) -> (N, M)."""
        step = b - a[:, None]
        step[step == 0] = 1e-300  # parallel to an axis
        blocked = np.zeros(step.shape[:2], bool)
        for wall in self.walls():
            half = self.cell / 2 + SEAM
            # The shares of the line at which it enters and leaves the wall's span on each axis.
            ends = [(self.centre(wall) + side * half - a)[:, None] / step for side in (-1, 1)]
            enter, leave = np.minimum(*ends).max(axis=2), np.maximum(*ends).min(axis=2)
            blocked |= enter.clip(min=0) < leave.clip(max=1)
        return np.where(blocked, np.inf, np.hypot(step[..., 0], step[..., 1]))

    def _out_of_walls(self, positions: np.ndarray) -> np.ndarray:
        """Each (x, y), or the nearest one in a free cell."""
        centres = np.array([self.centre(cell) for cell in self.free_cells()])
        half = self.cell / 2 - 2 * SEAM
        outside = (np.abs(positions[:, None] - centres) - half).clip(min=0).sum(axis=2)
        nearest = centres[outside.argmin(axis=1)]
        return np.clip(positions, nearest - half, nearest + half)


def _ant(name: str, goals: tuple[float, float]) -> Maze:
    plan = PLANS[name]
    start, goal = (
        next((i, row.index(sign)) for i, row in enumerate(plan) if sign in row) for sign in "SG"
    )
    origin = (-ANT_CELL, -ANT_CELL)
    return Maze(plan, start, goal, ANT_CELL, origin, 1, ANT_GOAL_RADIUS, goals)


# The point's cells are 1 m wide, its maze is centred on 0 and y points up.
STITCH = Maze(PLANS["Large"], (1, 1), (7, 10), 1.0, (-5.5, 4.0), -1, 0.45, (0.0, 0.0))
MAZES = {"PointMazeStitch": STITCH}
MAZES |= {f"AntMaze{name}": _ant(name, ANT_GOALS) for name in PLANS}
MAZES |= {f"AntMaze{name}Fixed": _ant(name, ANT_FIXED_GOAL) for name in PLANS}


def ant_maze(name: str, goals: str = "") -> Maze:
    """Return D4RL's maze `name` (Umaze, Medium or Large); `goals` may be `Fixed`."""
    return MAZES[f"AntMaze{name}{goals}"]


def maze_of(env_id: str) -> Maze | None:
    """The maze of a Gymnasium id, such as bench.antmaze:AntMazeUmaze-v2, if it has one."""
    return MAZES.get(env_id.rpartition(":")[2].rpartition("-v")[0])

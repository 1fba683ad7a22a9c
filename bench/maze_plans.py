"""Floor plans of all mazes: walls, start, goal, and shortest paths to the goal.

The environments are built from these plans; value probes, dataset cards and maps query them.
Only NumPy is imported, so that the report can use them too.
"""

from __future__ import annotations

import functools
from collections import deque
from dataclasses import dataclass

import numpy as np

Cell = tuple[int, int]  # row, column


def length(step: np.ndarray) -> float:
    """Return the length of a step (x, y).

    np.linalg.norm calls a library that rounds by processor, and data must not depend on it.
    """
    return float(np.sqrt(step[0] * step[0] + step[1] * step[1]))


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
SEAM = 1e-6  # metres added to walls here, so that no path slips between two touching corners
CHUNK = 4096  # positions per batch of line-of-sight tests


@dataclass(frozen=True)
class Maze:
    """A grid of cells placed in the plane; y changes by `down` cells per row."""

    plan: tuple[str, ...]  # "#" is a wall
    start: Cell
    goal: Cell
    cell: float  # width of a cell
    origin: tuple[float, float]  # (x, y) of the centre of cell (0, 0)
    down: int  # 1 or -1
    goal_radius: float  # an episode ends this close to the goal
    goals: tuple[float, float]  # range of goal offsets from the goal cell's centre, on each axis

    def free_cells(self) -> list[Cell]:
        """Return all cells without a wall, row by row."""
        return [(i, j) for i, row in enumerate(self.plan) for j, s in enumerate(row) if s != "#"]

    def walls(self) -> list[Cell]:
        """Return all cells with a wall, row by row."""
        return [(i, j) for i, row in enumerate(self.plan) for j, s in enumerate(row) if s == "#"]

    def centre(self, cell: Cell) -> np.ndarray:
        """Return the (x, y) of a cell's centre."""
        row, column = cell
        return np.array(self.origin) + self.cell * np.array([column, self.down * row])

    def cells_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the row and column of the cell containing each (x, y): (N, 2) -> (N, 2) int."""
        column, row = ((positions - self.origin) / (self.cell, self.down * self.cell)).T
        return np.floor(np.stack([row, column], axis=1) + 0.5).astype(int)

    def cell_of(self, position: np.ndarray) -> Cell:
        """Return the cell containing one (x, y)."""
        row, column = self.cells_of(np.asarray(position)[None])[0]
        return int(row), int(column)

    def distances(self, goal: Cell) -> dict[Cell, int]:
        """Return the number of cells from every free cell to `goal` (breadth-first search)."""
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
        """The (x, y) at the centre of the region where goals are sampled."""
        return self.centre(self.goal) + np.mean(self.goals)

    def reached(self, positions: np.ndarray) -> np.ndarray:
        """Return whether each (x, y) is within `goal_radius` of some possible goal: (N,) bool."""
        nearest, farthest = self.goals
        away = np.abs(positions - self.goal_xy) - (farthest - nearest) / 2
        return np.hypot(*away.clip(min=0).T) <= self.goal_radius

    def path_distance(self, positions: np.ndarray) -> np.ndarray:
        """Return the length in metres of the shortest path from each (x, y) to `goal_xy`.

        (N, 2) -> (N,). The path runs straight from corner to corner, so its length changes
        smoothly with the position. A position inside a wall is first moved to the wall's edge.
        """
        stops, left = self._stops
        parts = []
        for part in np.split(positions, range(CHUNK, len(positions), CHUNK)):
            inside = self._out_of_walls(part.astype(float))
            parts.append((self._lengths(inside, stops) + left).min(axis=1))
        return np.concatenate(parts)

    @functools.cached_property
    def _stops(self) -> tuple[np.ndarray, np.ndarray]:
        """The goal and the corners where a shortest path may turn, with their path lengths."""
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
        """Return straight-line distances, infinite through walls: (N, 2), (M, 2) -> (N, M)."""
        step = b - a[:, None]
        step[step == 0] = 1e-300  # parallel to an axis
        blocked = np.zeros(step.shape[:2], bool)
        for wall in self.walls():
            half = self.cell / 2 + SEAM
            # Fractions of the line at which it enters and leaves the wall's extent on each axis.
            ends = [(self.centre(wall) + side * half - a)[:, None] / step for side in (-1, 1)]
            enter, leave = np.minimum(*ends).max(axis=2), np.maximum(*ends).min(axis=2)
            blocked |= enter.clip(min=0) < leave.clip(max=1)
        return np.where(blocked, np.inf, np.hypot(step[..., 0], step[..., 1]))

    def _out_of_walls(self, positions: np.ndarray) -> np.ndarray:
        """Return each (x, y), moved to the nearest free cell if it lies inside a wall."""
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


# The point maze has cells 1 m wide, is centred on the origin, and its y axis points up.
STITCH = Maze(PLANS["Large"], (1, 1), (7, 10), 1.0, (-5.5, 4.0), -1, 0.45, (0.0, 0.0))
MAZES = {"PointMazeStitch": STITCH}
MAZES |= {f"AntMaze{name}": _ant(name, ANT_GOALS) for name in PLANS}
MAZES |= {f"AntMaze{name}Fixed": _ant(name, ANT_FIXED_GOAL) for name in PLANS}


def ant_maze(name: str, goals: str = "") -> Maze:
    """Return D4RL's maze `name` (Umaze, Medium or Large); `goals` may be `Fixed`."""
    return MAZES[f"AntMaze{name}{goals}"]


def maze_of(env_id: str) -> Maze | None:
    """Return the maze of a Gymnasium id such as bench.antmaze:AntMazeUmaze-v2, or None."""
    return MAZES.get(env_id.rpartition(":")[2].rpartition("-v")[0])

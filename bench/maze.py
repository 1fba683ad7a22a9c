"""The stitching maze: PointMaze Large with one start cell, one goal cell, and a scripted
waypoint controller that only ever makes short trips.

The data hold no trajectory from the start to the goal, so that a policy can reach the
goal only by combining pieces of several trajectories.
"""

from __future__ import annotations

from collections import deque
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from bench.physics import SharedModel
from bench.transitions import Transitions

with redirect_stderr(StringIO()):  # prints a notice on environments that nobody uses here
    from gymnasium_robotics.envs.maze import point_maze
    from gymnasium_robotics.envs.maze.maps import LARGE_MAZE
    from gymnasium_robotics.envs.maze.point_maze import PointMazeEnv

Cell = tuple[int, int]

START: Cell = (1, 1)
GOAL: Cell = (7, 10)
GOAL_RADIUS = 0.45  # of the environment's own success test
MAX_TRIP = 3  # cells between start and goal of a collected trajectory
STITCH_ID = "PointMazeStitch-v0"


class SharedModelPoint(SharedModel, point_maze.PointEnv):
    """The maze's ball. The goal's marker is in the model too: it is the same in all mazes."""


point_maze.PointEnv = SharedModelPoint  # where PointMazeEnv looks it up


class StitchMaze(gymnasium.ObservationWrapper):
    """The episode starts in one corner and ends, with reward 1, at the goal in the other.

    The observation is position and velocity (4,); the goal, the centre of its cell, is not
    observed, as in D4RL's AntMaze. The start varies by 0.25 on each axis.
    """

    def __init__(self, **kwargs: Any):
        maze: list[list[int | str]] = [list(row) for row in LARGE_MAZE]
        maze[START[0]][START[1]] = "r"
        maze[GOAL[0]][GOAL[1]] = "g"
        env = PointMazeEnv(maze_map=maze, continuing_task=False, **kwargs)
        Path(env.tmp_xml_file_path).unlink(missing_ok=True)  # which it leaves in /tmp
        super().__init__(env)
        low, high = np.full(4, -np.inf), np.full(4, np.inf)
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float64)

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        observation, info = super().reset(**kwargs)
        maze = self.unwrapped
        assert isinstance(maze, PointMazeEnv)
        maze.goal = centre(GOAL)  # drawn with noise by the environment
        maze.update_target_site_pos()
        return observation, info

    def observation(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        return observation["observation"]


gymnasium.register(STITCH_ID, entry_point="bench.maze:StitchMaze", max_episode_steps=600)


def free_cells() -> list[Cell]:
    """All cells without a wall, row by row."""
    return [(i, j) for i, row in enumerate(LARGE_MAZE) for j, wall in enumerate(row) if wall == 0]


def distances(goal: Cell) -> dict[Cell, int]:
    """Steps from every free cell to `goal` along the corridors (breadth-first)."""
    result = {goal: 0}
    queue = deque([goal])
    while queue:
        i, j = queue.popleft()
        for cell in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
            if cell not in result and LARGE_MAZE[cell[0]][cell[1]] == 0:
                result[cell] = result[i, j] + 1
                queue.append(cell)
    return result


def centre(cell: Cell) -> np.ndarray:
    """The (x, y) of a cell's centre; cells are 1 m wide and the maze is centred on 0."""
    rows, columns = len(LARGE_MAZE), len(LARGE_MAZE[0])
    return np.array([cell[1] + 0.5 - columns / 2, rows / 2 - cell[0] - 0.5])


def cell_of(position: np.ndarray) -> Cell:
    """The cell that holds (x, y)."""
    rows, columns = len(LARGE_MAZE), len(LARGE_MAZE[0])
    return int(np.floor(rows / 2 - position[1])), int(np.floor(position[0] + columns / 2))


def controller(observation: np.ndarray, to_goal: dict[Cell, int], noise: np.ndarray) -> np.ndarray:
    """A PD step towards the next cell on the shortest path, plus noise, within +-1.

    The noise comes after the step's own limit: before it, it would be lost wherever the
    step saturates.
    """
    here = cell_of(observation[:2])
    if here not in to_goal:  # a wall's edge, by rounding: stay on course for the goal
        here = min(to_goal, key=lambda c: float(np.sum((centre(c) - observation[:2]) ** 2)))
    i, j = here
    options = [c for c in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1), here) if c in to_goal]
    waypoint = centre(min(options, key=lambda c: to_goal[c]))
    action = np.clip(10.0 * (waypoint - observation[:2]) - observation[2:], -1.0, 1.0)
    return np.clip(action + noise, -1.0, 1.0)


def proof(data: Transitions) -> dict[str, Any]:
    """How many trajectories visit the start cell, reach the goal, or do both."""
    positions = np.concatenate([data.observations[:, :2], data.next_observations[:, :2]])
    owner = np.concatenate([data.episodes, data.episodes])
    at_start = np.unique(owner[(np.abs(positions - centre(START)) <= 0.5).all(axis=1)])
    at_goal = np.unique(owner[np.linalg.norm(positions - centre(GOAL), axis=1) <= GOAL_RADIUS])
    both = np.intersect1d(at_start, at_goal)
    return {
        "statement": (
            f"Of {len(data.starts()):,} trajectories, {len(at_start)} visit the start cell, "
            f"{len(at_goal)} reach the goal, and {len(both)} do both."
        ),
        "from_start": len(at_start),
        "reach_goal": len(at_goal),
        "from_start_to_goal": len(both),
    }

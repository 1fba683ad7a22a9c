"""The stitching maze: PointMaze Large with one start cell, one goal cell, and a scripted
waypoint controller that makes short trips only.

No trajectory in the data leads from the start to the goal, so a policy can reach the goal
only by combining parts of several trajectories.
"""

from __future__ import annotations

from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from bench.environments.mujoco_models import SharedModel
from bench.maze_plans import STITCH, Cell

with redirect_stderr(StringIO()):  # prints a notice about environments not used here
    from gymnasium_robotics.envs.maze import point_maze
    from gymnasium_robotics.envs.maze.point_maze import PointMazeEnv

MAX_TRIP = 3  # cells between start and goal of a collected trajectory
STITCH_ID = "PointMazeStitch-v0"


class SharedModelPoint(SharedModel, point_maze.PointEnv):
    """The maze's ball. Its model includes the goal marker, which is the same in all mazes."""


point_maze.PointEnv = SharedModelPoint  # where PointMazeEnv looks it up


class StitchMaze(gymnasium.ObservationWrapper):
    """Point maze: an episode starts in one corner and ends, with reward 1, at the goal in another.

    The observation (4,) is position and velocity. The goal, the centre of its cell, is not
    observed, as in D4RL's AntMaze. The start varies by 0.25 on each axis.
    """

    def __init__(self, **kwargs: Any):
        maze: list[list[int | str]] = [[int(sign == "#") for sign in row] for row in STITCH.plan]
        for sign, (row, column) in (("r", STITCH.start), ("g", STITCH.goal)):
            maze[row][column] = sign
        env = PointMazeEnv(maze_map=maze, continuing_task=False, **kwargs)
        Path(env.tmp_xml_file_path).unlink(missing_ok=True)  # otherwise left in /tmp
        super().__init__(env)
        low, high = np.full(4, -np.inf), np.full(4, np.inf)
        self.observation_space = gymnasium.spaces.Box(low, high, dtype=np.float64)

    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        observation, info = super().reset(**kwargs)
        maze = self.unwrapped
        assert isinstance(maze, PointMazeEnv)
        maze.goal = STITCH.goal_xy  # the environment draws it with noise
        maze.update_target_site_pos()
        return observation, info

    def observation(self, observation: dict[str, np.ndarray]) -> np.ndarray:
        return observation["observation"]


gymnasium.register(
    STITCH_ID, entry_point="bench.environments.stitch_maze:StitchMaze", max_episode_steps=600
)


def controller(observation: np.ndarray, to_goal: dict[Cell, int], noise: np.ndarray) -> np.ndarray:
    """Return a PD step towards the next cell on the shortest path, plus noise, within +-1: (2,).

    Noise is added after the step is clipped: before, it would be lost wherever the step
    saturates.
    """
    here = STITCH.cell_of(observation[:2])
    if here not in to_goal:  # rounding put it on the edge of a wall: stay on course
        here = min(to_goal, key=lambda c: float(np.sum((STITCH.centre(c) - observation[:2]) ** 2)))
    i, j = here
    options = [c for c in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1), here) if c in to_goal]
    waypoint = STITCH.centre(min(options, key=lambda c: to_goal[c]))
    action = np.clip(10.0 * (waypoint - observation[:2]) - observation[2:], -1.0, 1.0)
    return np.clip(action + noise, -1.0, 1.0)

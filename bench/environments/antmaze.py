"""D4RL's AntMaze: its ant in its three mazes, from one start cell to one goal cell.

An episode ends with reward 1 within GOAL_RADIUS of the goal, or at its time limit; falling
over does not end it. The observation does not contain the goal. `-v0` keeps one goal per run, which
`reset` draws from `options["goal_seed"]`; `-v2` draws one per episode; `Fixed-v0`, for data
collected locally, uses the mean of D4RL's goals.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Literal

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco import mujoco_env

from bench.environments.mujoco_models import as_mujoco_2
from bench.maze_plans import ANT_GOAL_RADIUS as GOAL_RADIUS
from bench.maze_plans import ant_maze, length
from bench.seeds import derive

ANT = Path(mujoco_env.__file__).parent / "assets/ant.xml"  # as in gymnasium-robotics' AntMaze

STEPS = {"Umaze": 700, "Medium": 1000, "Large": 1000}
WALL_HEIGHT = 2.0
TORQUE = 30.0  # at an action of 1
FRAME_SKIP = 5


def fixed_goal(maze: str) -> np.ndarray:
    """Return the goal (x, y) of `Fixed-v0`."""
    return ant_maze(maze, "Fixed").goal_xy


@functools.cache
def model(maze: str) -> mujoco.MjModel:
    """Return Gymnasium's ant with D4RL's changes, placed in a maze; compiled once per process."""
    spec = mujoco.MjSpec.from_file(str(ANT))
    spec.option.timestep = 0.02
    for motor in spec.actuators:
        motor.gear[0] = 1.0
        motor.ctrlrange = (-TORQUE, TORQUE)
    box = mujoco.mjtGeom.mjGEOM_BOX
    plan = ant_maze(maze)
    size = (plan.cell / 2, plan.cell / 2, WALL_HEIGHT / 2)
    for wall in plan.walls():
        place = (*plan.centre(wall), WALL_HEIGHT / 2)
        spec.worldbody.add_geom(type=box, size=size, pos=place, conaffinity=1)
    for geom in spec.geoms:
        geom.solimp[:3] = (0.8, 0.8, 0.01)
    return as_mujoco_2(spec)


def facing(angle: float) -> np.ndarray:
    """Return the quaternion (4,) of an upright ant at `angle` (radians) from the maze's x axis."""
    return np.array([np.cos(angle / 2), 0.0, 0.0, np.sin(angle / 2)])


class AntMaze(gymnasium.Env):
    """AntMaze, stepped by MuJoCo directly. Observation (29,): 15 positions, x and y first, then 14
    velocities."""

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (29,), np.float64)
    action_space = gymnasium.spaces.Box(-1.0, 1.0, (8,), np.float32)

    def __init__(self, maze: str, goals: Literal["a run", "an episode", "fixed"]):
        self.model = model(maze)
        self.data = mujoco.MjData(self.model)
        plan = ant_maze(maze)
        self.goal_cell = plan.centre(plan.goal)
        self.goals = goals
        self.goal: np.ndarray | None = fixed_goal(maze) if goals == "fixed" else None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode.

        `options`: `goal_seed` as above; for data collection, `start` (x, y) and `facing`, an angle
        in radians from the maze's x axis.
        """
        super().reset(seed=seed)
        options = options or {}
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos += self.np_random.uniform(-0.1, 0.1, self.model.nq)
        self.data.qvel[:] = 0.1 * self.np_random.standard_normal(self.model.nv)
        mujoco.mj_normalizeQuat(self.model, self.data.qpos)  # MuJoCo 2 did this by itself
        self.data.qpos[:2] += options.get("start", 0.0)
        if "facing" in options:
            self.data.qpos[3:7] = facing(options["facing"])
        self._set_goal(options.get("goal_seed"))
        return self._observation(), {}

    def _set_goal(self, goal_seed: int | None) -> None:
        """Set the goal; called after the start is drawn, so that all versions start alike."""
        rng = self.np_random
        if self.goals == "a run" and goal_seed is not None:
            rng = np.random.default_rng(derive(goal_seed, "goal"))
        elif self.goals != "an episode" and self.goal is not None:
            return
        self.goal = self.goal_cell + rng.uniform(0, 1, 2) + rng.uniform(0, 0.5, 2)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.data.ctrl[:] = TORQUE * np.clip(action, -1.0, 1.0)
        mujoco.mj_step(self.model, self.data, FRAME_SKIP)
        observation = self._observation()
        reached = bool(length(observation[:2] - self.goal) <= GOAL_RADIUS)
        return observation, float(reached), reached, False, {}

    def _observation(self) -> np.ndarray:
        return np.concatenate([self.data.qpos, self.data.qvel])


for _maze, _steps in STEPS.items():
    for _version, _goals in (("-v0", "a run"), ("-v2", "an episode"), ("Fixed-v0", "fixed")):
        gymnasium.register(
            f"AntMaze{_maze}{_version}",
            entry_point="bench.environments.antmaze:AntMaze",
            max_episode_steps=_steps,
            kwargs={"maze": _maze, "goals": _goals},
        )

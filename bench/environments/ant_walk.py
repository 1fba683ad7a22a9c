"""The training task of the ant's behaviour policy: walk through D4RL's mazes along waypoints.

The trained policy collects the local AntMaze data (D4RL: a goal-reaching policy under a waypoint
controller, Fu et al. 2020, appendix). It observes the ant without its (x, y) position, and the
direction of the next waypoint.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np

from bench.environments.antmaze import AntMaze, facing
from bench.maze_plans import Cell, Maze, ant_maze, length

NOISE = 0.2  # standard deviation of D4RL's action noise; the policy is trained with it
ARRIVED = 1.0  # metres from a waypoint at which the next one takes over
UPRIGHT = 0.2  # minimum vertical component of the torso's up axis; below it the ant has fallen
HEIGHTS = (0.2, 1.2)  # torso heights (m); outside this range the ant has fallen or was thrown
STEPS = 300


class Route:
    """Waypoints from the ant to `target` (x, y): cell centres, then the target itself."""

    def __init__(self, plan: Maze, target: np.ndarray):
        self.plan, self.target = plan, target
        self.goal = plan.cell_of(target)
        self.to_goal = plan.distances(self.goal)
        self.next: Cell | None = None

    def waypoint(self, position: np.ndarray) -> np.ndarray:
        """Return the waypoint (2,) to walk to from `position` (2,)."""
        centre = self.plan.centre
        here = self.plan.cell_of(position)
        if here not in self.to_goal:  # rounding put it on the edge of a wall
            here = min(self.to_goal, key=lambda c: float(np.sum((centre(c) - position) ** 2)))
        ahead = self.next
        if ahead is None or sum(abs(a - b) for a, b in zip(ahead, here, strict=True)) > 1:
            ahead = self._after(here)
        elif length(centre(ahead) - position) < ARRIVED:
            ahead = self._after(ahead)
        self.next = ahead
        return self.target if ahead == self.goal else centre(ahead)

    def _after(self, cell: Cell) -> Cell:
        i, j = cell
        around = ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1), cell)
        return min((c for c in around if c in self.to_goal), key=self.to_goal.__getitem__)


def policy_input(observation: np.ndarray, waypoint: np.ndarray) -> np.ndarray:
    """Return the observation (29,) without x and y, plus the waypoint's direction: (29,)."""
    gap = waypoint - observation[:2]
    return np.concatenate([observation[2:], gap / (length(gap) + 1e-6)])


def uprightness(observation: np.ndarray) -> float:
    """Return the vertical component of the torso's up axis, computed from its quaternion."""
    _, x, y, _ = observation[3:7]
    return float(1 - 2 * (x * x + y * y))


def heading(observation: np.ndarray) -> float:
    """Return the component of the torso's x axis along the maze's x axis."""
    _, _, y, z = observation[3:7]
    return float(1 - 2 * (y * y + z * z))


class AntWalk(gymnasium.Env):
    """Walks between random cells of a maze, from a random heading; ends when the ant falls.

    Reward: 10 per metre towards the waypoint, plus a small bonus for staying alive, minus penalties
    for torque, tilt and turning away from the maze's x axis. An ant that always returns to the same
    heading makes simpler data.
    """

    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (29,), np.float64)
    action_space = AntMaze.action_space

    def __init__(self, maze: str = "Large"):
        self.ant = AntMaze(maze, "fixed")
        self.plan = ant_maze(maze)
        self.cells = self.plan.free_cells()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        self.ant.reset(seed=seed)
        self.rng = self.ant.np_random
        start = self.plan.centre(self.cells[self.rng.integers(len(self.cells))])
        data = self.ant.data
        data.qpos[:2] += start + self.rng.uniform(-1, 1, 2)
        data.qpos[3:7] = facing(self.rng.uniform(-np.pi, np.pi))
        self.last = np.concatenate([data.qpos, data.qvel])
        self._new_route()
        return policy_input(self.last, self.route.waypoint(self.last[:2])), {}

    def _new_route(self) -> None:
        here = self.plan.cell_of(self.last[:2])
        target = here
        while target == here:
            target = self.cells[self.rng.integers(len(self.cells))]
        self.route = Route(self.plan, self.plan.centre(target))

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        waypoint = self.route.waypoint(self.last[:2])
        noisy = np.clip(action + self.rng.normal(0.0, NOISE, 8), -1, 1)
        observation, _, _, _, _ = self.ant.step(noisy)
        before, after = (length(waypoint - o[:2]) for o in (self.last, observation))
        upright = uprightness(observation)
        reward = (
            10.0 * float(before - after)
            + 0.3
            - 0.02 * float(np.square(action).sum())
            - 0.3 * (1 - upright)
            - 0.5 * (1 - heading(observation))
        )
        self.last = observation
        fallen = upright < UPRIGHT or not HEIGHTS[0] < observation[2] < HEIGHTS[1]
        if length(self.route.target - observation[:2]) < ARRIVED:
            self._new_route()
        seen = policy_input(observation, self.route.waypoint(observation[:2]))
        return seen, reward, bool(fallen), False, {}


gymnasium.register(
    "AntWalk-v0", entry_point="bench.environments.ant_walk:AntWalk", max_episode_steps=STEPS
)

"""Local AntMaze datasets by D4RL's recipe: a noisy ant walks from cell to cell of its maze.

In D4RL (Fu et al. 2020, arXiv:2004.07219, section 5) a goal-reaching policy follows waypoints on
the shortest path, and rows are labelled afterwards for the goal of the evaluation: a row that ends
within its radius has reward 1 and is terminal, and the ant walks on. Here the ant's policy is the
last snapshot in behaviors/antmaze, and it gets a new destination whenever it arrives. Walks start
at a random heading. Otherwise the data would show almost nothing about turning back, and a policy
learned from it would turn away by small errors and get stuck.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from minari.data_collector import EpisodeBuffer

from bench.collection.episode_recorder import Recorder
from bench.collection.ladder import Ladder, load
from bench.environments.ant_walk import NOISE, Route, policy_input
from bench.environments.antmaze import GOAL_RADIUS, STEPS, AntMaze, fixed_goal
from bench.errors import unknown
from bench.maze_plans import Cell, ant_maze, length
from bench.seeds import derive

SHARD = 50_000  # rows per unit of work of one process
ANTS = 8  # ants that walk in parallel in a shard
START_SPREAD = 1.0  # metres to each side of the centre of a walk's first cell

# Cells (row, column) between which "play" datasets walk.
PLAY: dict[str, tuple[Cell, ...]] = {
    "Medium": ((1, 1), (6, 6), (1, 6), (6, 1), (4, 5)),
    "Large": ((1, 1), (7, 9), (1, 10), (7, 1), (1, 6), (5, 4)),
}
RECIPES = ("umaze", "umaze-diverse", "medium-play", "medium-diverse", "large-play", "large-diverse")


def cells_of(maze: str, kind: str) -> tuple[Cell, ...]:
    """Return the cells in which a walk may start or end."""
    plan = ant_maze(maze)
    if kind == "":
        return plan.start, plan.goal
    return PLAY[maze] if kind == "play" else tuple(plan.free_cells())


class Walk:
    """One ant that starts walk after walk until it has collected `rows` transitions.

    An episode of the data ends at a terminal row; the next one may continue from there.
    """

    def __init__(self, maze: str, kind: str, rows: int, seed: int):
        self.maze, self.kind, self.left = maze, kind, rows
        self.plan = ant_maze(maze)
        self.cells = cells_of(maze, kind)
        self.env = AntMaze(maze, "fixed")
        self.rng = np.random.default_rng(seed)
        self.episodes: list[EpisodeBuffer] = []
        self._begin()

    def _begin(self) -> None:
        first, start = self.cells[0], np.zeros(2)
        if self.kind:
            first = self.cells[self.rng.integers(len(self.cells))]
            start = self.plan.centre(first) + self.rng.uniform(-START_SPREAD, START_SPREAD, 2)
        seed = int(self.rng.integers(2**31))
        options = {"start": start, "facing": self.rng.uniform(-np.pi, np.pi)}
        observation, _ = self.env.reset(seed=seed, options=options)
        self.recorder, self.steps = Recorder(observation), 0
        self._set_out(first)

    def _set_out(self, here: Cell) -> None:
        """Choose a destination other than `here`; within the goal's cell, the goal itself."""
        others = [cell for cell in self.cells if cell != here]
        cell = others[self.rng.integers(len(others))]
        goal = fixed_goal(self.maze)
        target = goal if cell == self.plan.cell_of(goal) else self.plan.centre(cell)
        self.route = Route(self.plan, target)

    def policy_input(self) -> np.ndarray:
        here = self.recorder.observations[-1]
        return policy_input(here, self.route.waypoint(here[:2]))

    def step(self, action: np.ndarray) -> None:
        noisy = np.clip(action + self.rng.normal(0.0, NOISE, action.shape), -1, 1)
        noisy = noisy.astype(np.float32)
        observation, reward, reached, _, _ = self.env.step(noisy)
        self.recorder.add(noisy, reward, observation)
        self.left -= 1
        self.steps += 1
        over = self.steps == STEPS[self.maze] or (reached and not self.kind)
        if reached or over or not self.left:
            self.episodes.append(self.recorder.finish(reached))
            self.recorder = Recorder(observation)
        if over:
            self._begin()
        elif length(observation[:2] - self.route.target) <= GOAL_RADIUS:
            self._set_out(self.route.goal)


def walker(folder: Path) -> Ladder:
    """Return the walking policy: the last snapshot of a ladder."""
    ladder = load(folder)
    return ladder.pick([len(ladder) - 1])


def advance(walks: list[Walk], policy: Ladder) -> None:
    """Take one step with every ant."""
    seen = np.array([walk.policy_input() for walk in walks], dtype=np.float32)
    for walk, action in zip(walks, policy.mean_action(seen), strict=True):
        walk.step(action)


def shard(
    maze: str, kind: str, folder: Path, seed: int, part: tuple[int, int]
) -> list[EpisodeBuffer]:
    """Collect the episodes of one part, given as (number, rows)."""
    policy = walker(folder)
    number, rows = part
    walks = [
        Walk(maze, kind, share, derive(seed, f"part {number}, ant {ant}"))
        for ant, share in enumerate(shares(rows, -(-rows // ANTS)))
    ]
    while active := [walk for walk in walks if walk.left]:
        advance(active, policy)
    return [episode for walk in walks for episode in walk.episodes]


def shares(rows: int, most: int) -> list[int]:
    """Split `rows` into parts of `most`; the last may be smaller."""
    return [min(most, rows - done) for done in range(0, rows, most)]


def walks(
    name: str, folder: Path, rows: int, seed: int, progress: Callable[[int], None]
) -> tuple[list[EpisodeBuffer], dict[str, Any]]:
    """Collect `rows` transitions by the recipe `name`; the number of processes does not matter."""
    if name not in RECIPES:
        raise unknown("config/tasks.tsv, recipe", "recipe", f"antmaze/{name}", RECIPES)
    maze, _, kind = name.partition("-")
    parts = list(enumerate(shares(rows, SHARD)))
    work = functools.partial(shard, maze.capitalize(), kind, folder, seed)
    episodes: list[EpisodeBuffer] = []
    with contextlib.ExitStack() as stack:
        results: Iterator[list[EpisodeBuffer]] = map(work, parts)
        if len(parts) > 1:
            processes = min(len(os.sched_getaffinity(0)), len(parts))
            pool = stack.enter_context(multiprocessing.get_context("spawn").Pool(processes))
            results = pool.imap(work, parts)
        for (_, size), found in zip(parts, results, strict=True):
            episodes += found
            progress(size)
    between = {"": "from the start to the goal", "play": "from one to another of a few cells"}
    trips = between.get(kind, "from one random cell to another")
    policy = f"goal-reaching PPO policy of behaviors/antmaze, action noise {NOISE}"
    return episodes, {"policies": f"{policy}, along waypoints {trips}"}

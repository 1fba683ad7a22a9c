"""Made-up scores through an offline and an online phase. No number is a result."""

from __future__ import annotations

import pandas as pd

from bench.config.types import Online, Suite
from bench.statistics.scores import EPISODE_COLUMNS, SCORE_COLUMNS
from helpers.suite_results import MAZES, TASKS, catalogue, make_suite

MAZE, ROBOT = MAZES[0], TASKS[0]
CATALOGUE = catalogue()
SEEDS = (0, 1, 2)


def suite(tasks: tuple[str, ...] = (MAZE, ROBOT)) -> Suite:
    online = Online(steps=300, every=100, episodes=4)
    return make_suite(tasks, ("iql", "cql"), seeds=3).model_copy(update={"online": online})


def scores(task: str, method: str, curves: dict[int, list[float]]) -> pd.DataFrame:
    """Scores by seed: at offline steps 1500 and 2000 and at online steps 100, 200, 300."""
    points = [("offline", 1500), ("offline", 2000), *(("online", n) for n in (100, 200, 300))]
    rows = [
        ("fixture", task, method, seed, phase, step, score, 0.0, score, 4)
        for seed, values in curves.items()
        for (phase, step), score in zip(points, values, strict=False)
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def episodes(task: str, method: str, returns: dict[int, list[float]]) -> pd.DataFrame:
    rows = [
        (task, method, "online", 10 * e, seed, e, value, 10)
        for seed, values in returns.items()
        for e, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["task", "method", *EPISODE_COLUMNS])


SCORES = pd.concat(
    [
        scores(MAZE, "iql", {
            0: [99, 10, 50, 95, 100], 1: [99, 20, 91, 20, 90], 2: [99, 30, 0, 0, 20]}),
        scores(MAZE, "cql", {0: [0, 92, 0, 0, 0], 1: [0, 0, 0, 0, 10], 2: [0, 0, 0, 0]}),
        scores(ROBOT, "iql", {0: [0, 1, 2, 3, 5], 1: [0, 2, 2, 3, 8], 2: [0, 3, 2, 3, 2]}),
    ]
)  # fmt: skip
EPISODES = pd.concat(
    [
        episodes(MAZE, "iql", {0: [0, 1, 1, 1], 1: [1, 0], 2: [0, 0]}),
        episodes(MAZE, "cql", {0: [0], 1: [0, 0, 1, 0]}),
        episodes(ROBOT, "iql", {0: [500.0]}),
    ]
)

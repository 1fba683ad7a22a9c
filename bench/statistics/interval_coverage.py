"""How often a nominal 95 % interval of ours holds the truth, by simulation.

The intervals are those that the reports print: Student's t over seeds, and rliable's stratified
percentile bootstrap, vectorised here. The truth is known because the scores are made up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from bench.errors import BenchError
from bench.paths import COVERAGE
from bench.statistics import intervals
from bench.statistics.aggregates import PERFECT
from bench.statistics.frames import read_csv
from bench.statistics.intervals import t_interval

COLUMNS = ["interval", "scores", "seeds", "tasks", "simulations", "coverage", "error", "width"]
TASKS = 9  # as many as the paper has of locomotion
EPISODES = 100
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Scores whose seeds scatter evenly around 60."""
    return rng.normal(60, 10, shape)


def failing(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Most seeds near 90, one in five near 40: a method that sometimes does not learn."""
    return np.where(rng.uniform(size=shape) < 0.2, 40, 90) + rng.normal(0, 4, shape)


def success(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Success of 100 episodes in a maze; each seed's own chance is near 0.9 (beta(9, 1))."""
    return 100 * rng.binomial(EPISODES, rng.beta(9, 1, shape)) / EPISODES


SCORES: dict[str, Draw] = {"normal": normal, "one in five fails": failing, "maze success": success}


def simulate(simulations: int, bootstrap: int, seeds: Sequence[int]) -> pd.DataFrame:
    """Simulate how often each interval holds the truth; return a row an interval, kind of scores
    and count of `seeds`, with COLUMNS.

    `simulations` is the number of made-up experiments of a row, `bootstrap` the repetitions in
    each. Raises BenchError where a count of seeds is too small for an interval.
    """
    if min(seeds) < intervals.MIN_SEEDS:
        raise BenchError(f"--seeds: below {intervals.MIN_SEEDS} there is no interval; give more.")
    rows = []
    for name, draw in SCORES.items():
        for count in seeds:
            rows += [t_coverage(name, draw, count, simulations)]
            rows += bootstrap_coverage(name, draw, count, simulations, bootstrap)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = ["interval", "scores", "seeds"]
    return frame.sort_values(order, key=lambda c: c if c.name == "seeds" else c.map(_place))


def _place(name: str) -> int:
    return [*SCORES, *BOOTSTRAPPED, STUDENT].index(name)


STUDENT = "t, mean of a task"
BOOTSTRAPPED = ("bootstrap, IQM", "bootstrap, median", "bootstrap, mean", "bootstrap, gap")


def t_coverage(name: str, draw: Draw, seeds: int, simulations: int) -> tuple[object, ...]:
    """Of the interval of one task's mean, as in summary.csv."""
    rng = np.random.default_rng(seeds)
    truth = draw(np.random.default_rng(0), (1_000_000,)).mean()
    ends = np.array(
        [t_interval(x, name == "maze success") for x in draw(rng, (simulations, seeds))]
    )
    return _row(STUDENT, name, seeds, 1, ends, truth)


def bootstrap_coverage(
    name: str, draw: Draw, seeds: int, simulations: int, repetitions: int
) -> list[tuple[object, ...]]:
    """Of the four aggregates over nine tasks, as in aggregate.csv."""
    rng = np.random.default_rng(seeds)
    # The truth: what the aggregate of endlessly many seeds would be.
    truth = metrics(draw(np.random.default_rng(0), (200_000, TASKS)))
    matrices = draw(rng, (simulations, seeds, TASKS))
    ends = np.array([bootstrap_ends(m, repetitions, rng.integers) for m in matrices])
    return [
        _row(kind, name, seeds, TASKS, ends[:, :, i], truth[i])
        for i, kind in enumerate(BOOTSTRAPPED)
    ]


def _row(
    kind: str, name: str, seeds: int, tasks: int, ends: np.ndarray, truth: float
) -> tuple[object, ...]:
    """`ends` (simulations, 2)."""
    held = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    error = np.sqrt(held * (1 - held) / len(ends))
    return kind, name, seeds, tasks, len(ends), held, error, (ends[:, 1] - ends[:, 0]).mean()


def bootstrap_ends(
    matrix: np.ndarray, repetitions: int, integers: Callable[..., np.ndarray]
) -> np.ndarray:
    """rliable's interval of each of the four metrics; (2, 4) of a matrix (seeds, tasks).

    `integers(n, size=...)` draws below n, such as numpy.random.randint, which gives rliable's own
    draws after the same numpy.random.seed.
    """
    seeds, tasks = matrix.shape
    chosen = integers(seeds, size=(repetitions, seeds, tasks))
    return np.percentile(metrics(matrix[chosen, np.arange(tasks)]), [2.5, 97.5], axis=0)


def metrics(matrices: np.ndarray) -> np.ndarray:
    """IQM, median, mean and optimality gap over the last two axes, (seeds, tasks): (..., 4)."""
    by_task = matrices.mean(axis=-2)
    ordered = np.sort(matrices.reshape(*matrices.shape[:-2], -1), axis=-1)
    cut = int(0.25 * ordered.shape[-1])
    iqm = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    gap = PERFECT - np.minimum(matrices, PERFECT).mean(axis=(-2, -1))
    return np.stack([iqm, np.median(by_task, axis=-1), by_task.mean(axis=-1), gap], axis=-1)


def sentences(path: Path = COVERAGE) -> list[str]:
    """What the measured coverage says of the reports' intervals; none where it was not measured."""
    if not path.exists():
        return []
    frame = read_csv(path, COLUMNS)

    def found(kind: str, name: str) -> str:
        rows = frame[(frame["interval"] == kind) & (frame["scores"] == name)]
        return ", ".join(
            f"{100 * share:.0f}% at {seeds}"
            for share, seeds in zip(rows["coverage"], rows["seeds"], strict=True)
        )

    usual, iqm = [found(kind, "normal") for kind in (STUDENT, BOOTSTRAPPED[0])]
    uneven = found(STUDENT, "one in five fails")
    return [
        "We measured the coverage of nominal 95% CIs on simulated scores. Student\u2019s t for one "
        f"task covers the true mean in {usual} seeds if scores are normal, but in {uneven} seeds "
        "if one seed in five fails, because three or five seeds may all succeed.",
        f"The bootstrap CI of an IQM over {TASKS} tasks covers it in {iqm} seeds: with few seeds "
        "it is too narrow, and two aggregates whose CIs barely separate may not differ.",
    ]

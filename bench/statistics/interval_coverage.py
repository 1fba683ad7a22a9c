"""How often our nominal 95% intervals contain the truth, by simulation.

The intervals are those that the reports print: Student's t over seeds, and rliable's stratified
percentile bootstrap, vectorised here. The truth is known because the scores are synthetic.
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
TASKS = 9  # the number of locomotion tasks in the paper
EPISODES = 100
Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw scores that are normal around 60 with deviation 10."""
    return rng.normal(60, 10, shape)


def failing(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw scores near 90, and near 40 for one seed in five: a method that sometimes fails."""
    return np.where(rng.uniform(size=shape) < 0.2, 40, 90) + rng.normal(0, 4, shape)


def success(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Draw the success rate of 100 maze episodes; each seed's probability is beta(9, 1)."""
    return 100 * rng.binomial(EPISODES, rng.beta(9, 1, shape)) / EPISODES


SCORES: dict[str, Draw] = {"normal": normal, "one in five fails": failing, "maze success": success}


def simulate(simulations: int, bootstrap: int, seeds: Sequence[int]) -> pd.DataFrame:
    """Simulate how often each interval contains the truth.

    Return COLUMNS with one row per interval, kind of scores and number of `seeds`. `simulations`
    is the number of synthetic experiments per row, `bootstrap` the resamples in each. Raise
    BenchError if a number of seeds is too small for an interval.
    """
    if min(seeds) < intervals.MIN_SEEDS:
        raise BenchError(f"--seeds: must be at least {intervals.MIN_SEEDS}; give more seeds.")
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
    """Return the coverage of the interval of one task's mean, as in summary.csv."""
    rng = np.random.default_rng(seeds)
    truth = draw(np.random.default_rng(0), (1_000_000,)).mean()
    ends = np.array(
        [t_interval(x, name == "maze success") for x in draw(rng, (simulations, seeds))]
    )
    return _row(STUDENT, name, seeds, 1, ends, truth)


def bootstrap_coverage(
    name: str, draw: Draw, seeds: int, simulations: int, repetitions: int
) -> list[tuple[object, ...]]:
    """Return the coverage of the four aggregates over nine tasks, as in aggregate.csv."""
    rng = np.random.default_rng(seeds)
    # The truth: the limit of the aggregate for many seeds.
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
    """Return a row of COLUMNS for the intervals `ends` (simulations, 2)."""
    held = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    error = np.sqrt(held * (1 - held) / len(ends))
    return kind, name, seeds, tasks, len(ends), held, error, (ends[:, 1] - ends[:, 0]).mean()


def bootstrap_ends(
    matrix: np.ndarray, repetitions: int, integers: Callable[..., np.ndarray]
) -> np.ndarray:
    """Return rliable's interval of each of the four metrics: (seeds, tasks) -> (2, 4).

    `integers(n, size=...)` draws integers below n. numpy.random.randint gives exactly rliable's
    draws after the same numpy.random.seed.
    """
    seeds, tasks = matrix.shape
    chosen = integers(seeds, size=(repetitions, seeds, tasks))
    return np.percentile(metrics(matrix[chosen, np.arange(tasks)]), [2.5, 97.5], axis=0)


def metrics(matrices: np.ndarray) -> np.ndarray:
    """Return IQM, median, mean and optimality gap: (..., seeds, tasks) -> (..., 4)."""
    by_task = matrices.mean(axis=-2)
    ordered = np.sort(matrices.reshape(*matrices.shape[:-2], -1), axis=-1)
    cut = int(0.25 * ordered.shape[-1])
    iqm = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    gap = PERFECT - np.minimum(matrices, PERFECT).mean(axis=(-2, -1))
    return np.stack([iqm, np.median(by_task, axis=-1), by_task.mean(axis=-1), gap], axis=-1)


def sentences(path: Path = COVERAGE) -> list[str]:
    """Return the report's sentences on measured coverage; none if it was not measured."""
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

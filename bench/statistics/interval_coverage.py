"""How often a nominal 95 % interval of ours holds the truth, by simulation.

The intervals are those that the reports print: Student's t over seeds, and rliable's stratified
percentile bootstrap, vectorised here. The truth is known because the scores are made up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.errors import BenchError

COLUMNS = ["interval", "scores", "seeds", "tasks", "simulations", "coverage", "error", "width"]
FILE = Path("results/published/coverage/coverage.csv")
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


def coverage(
    simulations: int = 2000, bootstrap: int = 2000, seeds: tuple[int, ...] = (3, 5, 10)
) -> None:
    """Simulate how often the reports' 95 % intervals hold the truth; prints and writes a table.

    Args:
        simulations: made-up experiments of each row.
        bootstrap: repetitions of the bootstrap in each.
        seeds: how many seeds an experiment has.
    """
    import pandas as pd

    from bench.statistics import intervals
    from bench.statistics.frames import write_csv

    if min(seeds) < intervals.MIN_SEEDS:
        raise BenchError(f"--seeds: below {intervals.MIN_SEEDS} there is no interval; give more.")
    rows = []
    for name, draw in SCORES.items():
        for count in seeds:
            rows += [t_coverage(name, draw, count, simulations)]
            rows += bootstrap_coverage(name, draw, count, simulations, bootstrap)
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = ["interval", "scores", "seeds"]
    frame = frame.sort_values(order, key=lambda c: c if c.name == "seeds" else c.map(_place))
    write_csv(frame, FILE)
    print(frame.round(3).to_string(index=False))
    print(f"{FILE}: error is the simulation's own, one standard deviation")


def _place(name: str) -> int:
    return [*SCORES, *BOOTSTRAPPED, STUDENT].index(name)


STUDENT = "t, mean of a task"
BOOTSTRAPPED = ("bootstrap, IQM", "bootstrap, median", "bootstrap, mean", "bootstrap, gap")


def t_coverage(name: str, draw: Draw, seeds: int, simulations: int) -> tuple[object, ...]:
    """Of the interval of one task's mean, as in summary.csv."""
    from bench.statistics.intervals import t_interval

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
    from bench.statistics.aggregates import PERFECT

    by_task = matrices.mean(axis=-2)
    ordered = np.sort(matrices.reshape(*matrices.shape[:-2], -1), axis=-1)
    cut = int(0.25 * ordered.shape[-1])
    iqm = ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1)
    gap = PERFECT - np.minimum(matrices, PERFECT).mean(axis=(-2, -1))
    return np.stack([iqm, np.median(by_task, axis=-1), by_task.mean(axis=-1), gap], axis=-1)


def sentences(path: Path = FILE) -> list[str]:
    """What the measured coverage says of the reports' intervals; none where it was not measured."""
    if not path.exists():
        return []

    from bench.statistics.frames import read_csv

    frame = read_csv(path, COLUMNS)

    def found(kind: str, name: str) -> str:
        rows = frame[(frame["interval"] == kind) & (frame["scores"] == name)]
        return ", ".join(
            f"{100 * share:.0f} % at {seeds}"
            for share, seeds in zip(rows["coverage"], rows["seeds"], strict=True)
        )

    usual, iqm = [found(kind, "normal") for kind in (STUDENT, BOOTSTRAPPED[0])]
    uneven = found(STUDENT, "one in five fails")
    return [
        "Nominal 95 % intervals were simulated with made-up scores of known mean. Student\u2019s t "
        f"of a task held it in {usual} seeds where seeds scatter normally, but in {uneven} seeds "
        "where one seed in five fails: three or five seeds may all have succeeded.",
        f"The bootstrap of an IQM over {TASKS} tasks held it in {iqm} seeds: with few seeds it is "
        "too narrow, and two aggregates whose intervals just part may not differ.",
    ]

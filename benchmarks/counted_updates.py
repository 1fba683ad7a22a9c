"""Show by how much `python -m bench benchmark` overstated rates until 29 November 2026.

It divided the updates that it had asked for by the seconds that they took. `Run.advance` goes to
the next multiple of `log_every` only, so where a round began between two multiples, fewer were
made. This repeats that rule, with its warm-up, and counts the steps of Adam beside it.

    python benchmarks/counted_updates.py > results/published/benchmark/overcounted.csv
"""

from __future__ import annotations

import csv
import statistics
import sys
from dataclasses import dataclass, field

from bench.speed.worker import prepared_run, synthetic
from bench.training.engine import prepare_process
from bench.training.recording.tracer import learners
from bench.training.run import Run

SIZES = ((64, 1), (64, 5), (256, 1), (256, 5))  # width, seeds
CELLS = tuple((m, *s, e) for m, e in (("iql", "compiled"), ("bc", "recorded")) for s in SIZES)
ROUNDS, SECONDS, CHUNK = 5, 0.5, 500  # by default, and updates at most between two logs


@dataclass
class Rounds:
    """Seed-updates per second of each round, by the updates asked for and by those made."""

    asked: list[float] = field(default_factory=list)
    made: list[float] = field(default_factory=list)


def spend(run: Run, count: int) -> float:
    """Return the seconds of what was taken for `count` updates."""
    before = run.seconds
    for done in range(0, count, CHUNK):
        every = min(CHUNK, count - done)
        run.settings = run.settings.model_copy(update={"log_every": every})
        run.advance()
    return run.seconds - before


def measure(method: str, width: int, seeds: int, executor: str) -> Rounds:
    """Measure one cell as the benchmark did."""
    run = prepared_run(synthetic(100_000), method, width, seeds, executor, updates=1)
    spend(run, 1)
    count = 1
    while (each := spend(run, count) / count) * count < 0.2 * SECONDS:
        count *= 2
    count = max(round(SECONDS / each), 1)
    found, adam = Rounds(), learners(run.state)[0]
    for _ in range(ROUNDS):
        before = adam.updates
        seconds = spend(run, count)
        found.asked.append(seeds * count / seconds)
        found.made.append(seeds * (adam.updates - before) / seconds)
    return found


def main() -> None:
    """Print one row per cell: medians over rounds, their ratio, and the largest of a round."""
    prepare_process(1)
    table = csv.writer(sys.stdout, lineterminator="\n")
    head = ("method", "width", "seeds", "executor", "reported", "made", "ratio", "largest_ratio")
    table.writerow(head)
    for cell in CELLS:
        rounds = measure(*cell)
        reported, made = (statistics.median(rates) for rates in (rounds.asked, rounds.made))
        largest = max(a / m for a, m in zip(rounds.asked, rounds.made, strict=True))
        shown = f"{reported:.0f}", f"{made:.0f}", f"{reported / made:.2f}", f"{largest:.2f}"
        table.writerow((*cell, *shown))


if __name__ == "__main__":
    main()

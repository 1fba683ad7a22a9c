"""Measure what an online phase costs beyond its updates and its environments.

The same run does some updates alone, then steps its environments alone with random actions, then
does both as the phase does, in whole rollouts where an update needs one. The ratio compares the
last with the sum of the first two. Times are processor time per environment step, so other jobs on
the machine matter little.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.config.types import Settings
from bench.data.transitions import Transitions
from bench.environments.vector import action_space
from bench.training.engine import prepare_process
from bench.training.run import Run


def measure(cell: Settings, data: Path, steps: int, rounds: int) -> tuple[float, float, float]:
    """Return processor seconds per environment step: of its updates, of itself, and of both.

    Each is the best of `rounds` measurements over at least `steps` steps.
    """
    prepare_process(1, cell.precision)
    assert cell.online is not None
    room = cell.online.model_copy(update={"steps": steps * (rounds + 1) + cell.online.steps})
    cell = cell.model_copy(update={"online": room})
    run = Run(cell, Transitions.load(data), torch.device("cpu"))
    run.go_online()
    phase = run.online
    assert phase is not None
    every = phase.interval
    steps = whole(steps, every)
    phase.advance(whole(phase.warm_up + 50, every))  # recorded by now
    rng = np.random.default_rng(0)
    shape = (len(cell.seeds), action_space(phase.worlds.envs[0]).shape[0])

    def step() -> None:
        outcome = phase.worlds.step(rng.uniform(-1, 1, shape).astype(np.float32))
        for i in np.flatnonzero(outcome.ended):
            phase.worlds.begin(int(i))

    measured: Sequence[tuple[Callable[[], Any], int]] = (
        (phase.learn, steps // every), (step, steps), (lambda: phase.advance(steps), 1),
    )  # fmt: skip
    best = [float("inf")] * len(measured)
    for _ in range(rounds):  # interleaved, so that a busy machine affects all of them
        for number, (what, times) in enumerate(measured):
            began = time.thread_time()
            for _ in range(times):
                what()
            best[number] = min(best[number], time.thread_time() - began)
    updates, environments, both = (seconds / steps for seconds in best)
    return updates, environments, both


def whole(steps: int, every: int) -> int:
    """Round `steps` up to a multiple of `every`."""
    return -(-steps // every) * every

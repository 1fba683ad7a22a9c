"""Measure what calling compiled updates directly gains over calling them through torch.compile.

    python benchmarks/compiled_calls.py

Seed-updates per second of IQL on one core, as training makes them, in interleaved rounds of both
ways (bench.training.recording.compiled says what is left out).
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.speed.worker import prepared_run, synthetic
from bench.training import engine
from bench.training.recording.compiled import OPTIONS, Compiled
from bench.training.run import Run

CELLS = ((64, 1), (64, 5), (128, 1), (128, 5), (256, 1), (256, 5))  # width, seeds
ROUNDS, SECONDS, CHUNK = 7, 1.0, 50


def through_torch(module: fx.GraphModule, inputs: tuple[Tensor, ...]) -> Callable[..., Any]:
    """Compile as torch.compile does, without its checks whether anything has changed."""
    module.recompile()
    options: dict[str, Any] = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe, **OPTIONS}
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)


def rate(run: Run, seeds: int) -> float:
    """Return seed-updates per second of a round."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        done += run.advance()
    return seeds * done / (time.perf_counter() - began)


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engine.prepare_process(1)
    rows = synthetic(100_000)
    print("| width | seeds | through torch.compile | directly | gain |\n|---|---|---|---|---|")
    for width, seeds in CELLS:
        runs: list[Run] = []
        for way in (through_torch, Compiled):
            engine._compile = way
            runs.append(prepared_run(rows, "iql", width, seeds, "compiled", CHUNK))
            for _ in range(2):
                runs[-1].advance()
        rounds = [[rate(run, seeds) for run in runs] for _ in range(ROUNDS)]
        before, after = (statistics.median(rates) for rates in zip(*rounds, strict=True))
        gain = statistics.median(b / a for a, b in rounds)
        print(f"| {width} | {seeds} | {before:,.0f} | {after:,.0f} | {gain:.2f} × |", flush=True)


if __name__ == "__main__":
    main()

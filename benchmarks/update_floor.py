"""Measure how much of a compiled update is matrix products, and how much is Python around it.

    python benchmarks/update_floor.py [METHOD ...]

Milliseconds of one update of a block on one core: of a run, of its compiled code alone, and of its
matrix products alone, with the same shapes and libraries. Interleaved rounds, the fastest of each:
what the products take bounds every way to execute the update, and what a run takes beyond its
compiled code bounds what several updates in one call could save.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, fx

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.records.machine import machine
from bench.speed.worker import prepared_run, synthetic
from bench.training import engine
from bench.training.products.choice import PRODUCTS
from bench.training.recording.compiled import Compiled

CELLS = ((64, 1), (64, 5), (128, 1), (128, 5), (256, 1), (256, 5))  # width, seeds
ROUNDS, SECONDS, CHUNK = 7, 0.5, 50
Product = tuple[Any, Tensor, Tensor]  # operator, factors


class Products(fx.Interpreter):
    """Executes a graph once and keeps its matrix products."""

    def __init__(self, module: fx.GraphModule):
        super().__init__(module)
        self.found: list[Product] = []

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Execute an operation of the graph."""
        if target in PRODUCTS:
            self.found.append((target, *args))
        return super().call_function(target, args, kwargs)


class Kept(Compiled):
    """Compiled code that keeps its inputs and products."""

    def __init__(self, module: fx.GraphModule, inputs: tuple[Tensor, ...]):
        interpreter = Products(module)
        with torch.no_grad():
            interpreter.run(*inputs)
        self.products, self.inputs = interpreter.found, inputs
        super().__init__(module, inputs)
        made.append(self)


made: list[Kept] = []


def milliseconds(call: Callable[[], int]) -> float:
    """Return milliseconds an update, in a round of calls that return how many they made."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        done += call()
    return 1e3 * (time.perf_counter() - began) / done


def repeated(call: Callable[[], Any]) -> Callable[[], int]:
    @torch.no_grad()
    def calls() -> int:
        for _ in range(CHUNK):
            call()
        return CHUNK

    return calls


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engine.prepare_process(1)
    engine._compile = Kept
    rows = synthetic(100_000)
    print(f"{machine()['cpu']}, torch {torch.__version__}, {time.strftime('%Y-%m-%d')}\n")
    print(
        "| method | width | seeds | of a run, ms | compiled code | products | products of a run |"
    )
    print("|---|---|---|---|---|---|---|")
    for method, (width, seeds) in itertools.product(sys.argv[1:] or ["iql"], CELLS):
        run = prepared_run(rows, method, width, seeds, "compiled", CHUNK)
        for _ in range(2):
            run.advance()
        compiled = made[-1]

        def products(found: list[Product] = compiled.products) -> None:
            for multiply, a, b in found:
                multiply(a, b)

        code = repeated(lambda compiled=compiled: compiled(*compiled.inputs))  # type: ignore[misc]
        calls = (run.advance, code, repeated(products))
        rounds = [[milliseconds(call) for call in calls] for _ in range(ROUNDS)]
        whole, alone, floor = (min(times) for times in zip(*rounds, strict=True))
        times = " | ".join(f"{ms:.3f}" for ms in (whole, alone, floor))
        print(f"| {method} | {width} | {seeds} | {times} | {floor / whole:.0%} |", flush=True)


if __name__ == "__main__":
    main()

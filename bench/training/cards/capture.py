"""Capture a recorded update as a CUDA graph, and choose the fastest way to execute it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, fx

from bench.training.cards.graph_rules import broken_rules

Run = Callable[..., tuple[Tensor, ...]]
WARM_UP = 3  # executions before the capture, in which libraries allocate their work space
TIMED = 20  # executions in a measurement
ROUNDS = 3


def captured(
    graph: fx.GraphModule, run: Run, inputs: tuple[Tensor, ...], device: torch.device
) -> Run:
    """Return `run`, which executes `graph`, as a CUDA graph; `inputs` are rows and draws.

    Applies the update to the state a few times. Where the graph breaks a rule, `run` is returned
    as it is, with a printed sentence.
    """
    broken = broken_rules(graph, inputs, device)
    if broken:
        print(f"the update {broken[0]}; it is executed without a CUDA graph", flush=True)
        return run
    held = tuple(tensor.clone() for tensor in inputs)  # the addresses that the graph reads
    with torch.no_grad():
        return _capture(run, held)


def _capture(run: Run, held: tuple[Tensor, ...]) -> Run:
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(WARM_UP):
            run(*held)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = run(*held)

    def replay(*given: Tensor) -> tuple[Tensor, ...]:
        """Apply the update; the metrics are overwritten by the next one."""
        for place, value in zip(held, given, strict=True):
            place.copy_(value)
        graph.replay()
        return outputs

    return replay


def fastest(
    candidates: Mapping[str, Callable[[], object]], wait: Callable[[], None] | None = None
) -> str:
    """Return the name of the fastest candidate: the best of a few rounds, taken in turns.

    `wait` returns when the device has done all that it was given.
    """
    wait = wait or torch.cuda.synchronize
    best = dict.fromkeys(candidates, float("inf"))
    for _ in range(ROUNDS):
        for name, apply in candidates.items():
            wait()
            began = time.perf_counter()
            for _ in range(TIMED):
                apply()
            wait()
            best[name] = min(best[name], time.perf_counter() - began)
    return min(best, key=lambda name: best[name])

"""Measure the rate of each library at the matrix products of an update, on one core.

    python benchmarks/product_libraries.py

The products are those of a layer: forward, the gradient of its input, and that of its weight. Rates
are the best of interleaved rounds, in GFLOP/s. oneDNN's product is that of torch's linear layer, of
one matrix.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.records import machine
from bench.training.engine import prepare_process
from bench.training.products import openblas

BATCH, OBSERVATION, ACTION = 256, 17, 6
ROUNDS, SECONDS = 5, 0.01  # of each round


def onednn(a: Tensor, b: Tensor) -> Tensor:
    """Multiply by torch's oneDNN layer, whose weight is transposed."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(a[0], b[0].mT, None, "none", [], "")
    return product


def factors(seeds: int, width_in: int, width_out: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the factors of a layer's three products, laid out as autograd does."""
    x, weight = torch.randn(seeds, BATCH, width_in), torch.randn(seeds, width_in, width_out)
    gradient = torch.randn(seeds, BATCH, width_out)
    return {"forward": (x, weight), "input": (gradient, weight.mT), "weight": (x.mT, gradient)}


def seconds(product: Callable[[Tensor, Tensor], Tensor], a: Tensor, b: Tensor) -> float:
    """Return the mean seconds of a product over a round."""
    began, done = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS:
        product(a, b)
        done += 1
    return (time.perf_counter() - began) / done


def main() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    prepare_process(1)
    print(machine.machine()["cpu"], f"torch {torch.__version__}", f"OpenBLAS {openblas.load()}")
    print("| layer | seeds | product | torch | OpenBLAS | oneDNN |\n|---|---|---|---|---|---|")
    for width in (64, 256):
        for width_in, width_out in ((OBSERVATION, width), (width, width), (width, ACTION)):
            for seeds in (1, 5):
                for name, (a, b) in factors(seeds, width_in, width_out).items():
                    libraries: dict[str, Any] = {
                        "torch": torch.bmm,
                        "OpenBLAS": torch.ops.openblas.bmm,
                    }
                    if seeds == 1:
                        libraries["oneDNN"] = onednn
                    best = dict.fromkeys(libraries, float("inf"))
                    for _ in range(ROUNDS):
                        for library, product in libraries.items():
                            best[library] = min(best[library], seconds(product, a, b))
                    work = 2e-9 * seeds * BATCH * width_in * width_out
                    rates = [f"{work / s:.0f}" for s in best.values()] + [""] * (seeds > 1)
                    print(
                        f"| {width_in} × {width_out} | {seeds} | {name}",
                        *rates,
                        sep=" | ",
                        end=" |\n",
                    )


if __name__ == "__main__":
    main()

"""The part `xla`: our updates beside those of a JAX reference on one core, round by round."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.speed.cells import SCALED, Cell
from bench.speed.prediction import RATE
from bench.speed.products import LIBRARIES

SCRIPT = Path("benchmarks/jax_iql.py")
WIDTHS, BLOCKS = (64, 128, 256), (1, 5)
EXECUTORS = ("recorded", "compiled")
XLA = "xla"
GFLOPS = "gflops_per_second"
Record = dict[str, Any]
Commands = Mapping[str, Sequence[str]]


def reference_cells() -> list[Cell]:
    """Return our cells of this part: one process, all executors but the eager one."""
    return [
        Cell(SCALED, width, seeds, executor, 1)
        for width in WIDTHS
        for seeds in BLOCKS
        for executor in EXECUTORS
    ]


def measure(
    ours: Callable[[Cell], Sequence[str]],
    multiply: Callable[[str], Sequence[str]],
    xla: Callable[..., Sequence[str]],
    in_turn: Callable[[Commands, str], dict[str, Record]],
) -> Record:
    """Measure every library's products, then each cell beside XLA's, all on one core.

    The first three return the command of a measuring process: of one of our cells, of a library,
    and of the reference. `in_turn` runs processes with a unit.
    """
    libraries = {name: multiply(name) for name in LIBRARIES} | {XLA: xla(kind="gemm", size=256)}
    products, cells = in_turn(libraries, GFLOPS), []
    for width in WIDTHS:
        for seeds in BLOCKS:
            mine = {e: ours(Cell(SCALED, width, seeds, e, 1)) for e in EXECUTORS}
            theirs = {XLA: xla(kind="updates", width=width, seeds=seeds)}
            found = in_turn(mine | theirs, RATE)
            cells.append({"method": SCALED, "width": width, "seeds": seeds, **found})
    return {"products": products, "cells": cells}


def best_library(products: Mapping[str, Record]) -> tuple[str, float] | None:
    """Return name and GFLOP/s of the fastest library that was measured, or None."""
    rates = {name: record[GFLOPS] for name, record in products.items() if GFLOPS in record}
    return max(rates.items(), key=lambda pair: pair[1], default=None)


def derive(part: Record, flops: Mapping[str, float]) -> None:
    """Add to each cell ours over XLA's, and the shares of the fastest library's rate.

    The ratio is the median over rounds, each of which has both; `flops` is the work of a
    seed-update by width.
    """
    library = best_library(part["products"])
    for cell in part["cells"]:
        mine = [e for e in EXECUTORS if RATE in cell[e]]
        if not mine:
            continue
        cell["best"] = best = max(mine, key=lambda e: float(cell[e][RATE]))
        if RATE in cell[XLA]:
            pairs = zip(*(cell[k][f"{RATE}_rounds"][0] for k in (best, XLA)), strict=True)
            cell["over_xla"] = statistics.median(a / b for a, b in pairs)
        work = flops.get(str(cell["width"]))
        if library and work:
            bound = library[1] * 1e9 / work
            cell["share_of_fastest_library"] = cell[best][RATE] / bound
            if RATE in cell[XLA]:
                cell["xla_share_of_fastest_library"] = cell[XLA][RATE] / bound

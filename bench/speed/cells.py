"""The cells of the benchmark's parts `updates` and `scale`: which updates it measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.config.executors import EXECUTORS

PARTS = ("gemm", "updates", "peer", "xla", "around", "scale")
WIDTHS = (64, 256)  # of both hidden layers
BLOCKS = (1, 5, 10)  # seeds that one job trains together
EAGER_BLOCKS = (1, 5)
ROWS = 100_000
SCALED = "iql"  # the method of the peer, of the eager cells and of the scale part
SCALE_SEEDS = (1, 2, 5, 10, 20)
SCALE_WIDTHS = (64, 128, 256, 512)
SCALE_ROWS = (10_000, 100_000, 1_000_000, 2_000_000)


@dataclass(frozen=True)
class Cell:
    """One configuration of updates, run by `jobs` processes at the same time."""

    method: str
    width: int
    seeds: int
    executor: str
    jobs: int
    rows: int = ROWS

    def __str__(self) -> str:
        rows = "" if self.rows == ROWS else f", {self.rows:,} rows"
        return (
            f"{self.method}, width {self.width}, seeds {self.seeds}, {self.executor}{rows}, "
            f"processes {self.jobs}"
        )


def update_cells(methods: Sequence[str], cores: int) -> list[Cell]:
    """Return the cells of the part `updates`; eager, a comparison, is measured for one method."""
    return [
        Cell(method, width, seeds, executor, cores)
        for method in methods
        for width in WIDTHS
        for seeds in BLOCKS
        for executor in EXECUTORS
        if executor != "eager" or (method == SCALED and seeds in EAGER_BLOCKS)
    ]


def scale_cells(cores: int) -> dict[str, list[Cell]]:
    """Return the cells of the part `scale`, by what varies."""

    def cell(width: int, seeds: int, jobs: int = cores, rows: int = ROWS) -> Cell:
        return Cell(SCALED, width, seeds, "compiled", jobs, rows)

    jobs = sorted({2**k for k in range(cores.bit_length())} | {cores})
    return {
        "seeds": [cell(width, seeds) for width in WIDTHS for seeds in SCALE_SEEDS],
        "width": [cell(width, 5) for width in SCALE_WIDTHS],
        "rows": [cell(64, 10, rows=rows) for rows in SCALE_ROWS],
        "jobs": [cell(width, 5, jobs=count) for width in WIDTHS for count in jobs],
    }

"""Which updates the benchmark measures: the cells of `updates`, `sources` and `scale`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.executors import EXECUTORS
from bench.config.registry import METHODS, entry_of
from bench.config.samples import is_measured, of_source, sizes

PARTS = ("gemm", "updates", "sources", "peer", "xla", "around", "scale")
WIDTHS = (64, 256)  # of both hidden layers
BLOCKS = (1, 5, 10)  # seeds that one job trains together
EAGER_BLOCKS = (1, 5)
ROWS = 100_000
SCALED = "iql"  # the method of the peer, of the eager cells and of the scale part
SCALE_SEEDS = (1, 2, 5, 10, 20)
SCALE_WIDTHS = (64, 128, 256, 512)
SOURCE_FAMILIES = ("locomotion", "antmaze")
SOURCE_SEEDS = 5
SCALE_ROWS = (10_000, 100_000, 1_000_000, 2_000_000)


@dataclass(frozen=True)
class Cell:
    """One configuration of updates, run by `jobs` processes at the same time.

    With a `family`, layers and batch are those of the method's source on its tasks, and `width` is
    the most units of a layer; else all layers are `width` wide.
    """

    method: str
    width: int
    seeds: int
    executor: str
    jobs: int
    rows: int = ROWS
    family: str | None = None

    def __str__(self) -> str:
        rows = "" if self.rows == ROWS else f", {self.rows:,} rows"
        source = f", source on {self.family}" if self.family else ""
        return (
            f"{self.method}{source}, width {self.width}, seeds {self.seeds}, "
            f"{self.executor}{rows}, processes {self.jobs}"
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


def source_cells(methods: Sequence[str], cores: int) -> list[Cell]:
    """Return the cells of the part `sources`: sizes of sources that no cell of `updates` has.

    A method's other name counts as well: CQL has `cql_antmaze`'s layers in mazes.
    """
    catalogue = Catalogue()
    found: dict[str, Cell] = {}
    for method in methods:
        alike = [name for name, e in METHODS.items() if e.module == entry_of(method).module]
        for family in SOURCE_FAMILIES:
            source = of_source(catalogue, method, family)
            if source is None or any(
                is_measured(catalogue, name, *source, width) for name in alike for width in WIDTHS
            ):
                continue
            layers = sizes(catalogue, method, source[0])
            units = [u for v in layers.values() for u in (v if isinstance(v, list) else [v])]
            cell = Cell(method, max(units), SOURCE_SEEDS, "compiled", cores, family=family)
            found.setdefault(f"{method} {layers} {source[1]}", cell)
    return list(found.values())


def source_sizes(cell: Cell) -> dict[str, Any]:
    """Return the layers and the batch of a cell of `source_cells`, for its record."""
    catalogue = Catalogue()
    assert cell.family is not None
    source = of_source(catalogue, cell.method, cell.family)
    assert source is not None
    config, batch = source
    return {"sizes": sizes(catalogue, cell.method, config), "batch_size": batch}


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

"""Which library multiplies the matrices of an update: torch's own, or OpenBLAS.

In "auto" each kind of product, by the shape and layout of one of its matrices, is timed when it
first occurs on a machine, and the answer is kept there: a choice decides the last bits of a
product, and all runs on a machine must make the same. The number of matrices does not matter, so
that a seed alone and the same seed in a block use the same library.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from bench import files
from bench.config.executors import Library
from bench.config.types import Settings
from bench.errors import BenchError
from bench.records import machine
from bench.training.products import machine_cache, openblas

aten, ours = torch.ops.aten, torch.ops.openblas
OPENBLAS = {aten.bmm.default: ours.bmm.default, aten.mm.default: ours.mm.default}
PRODUCTS = {*OPENBLAS, *OPENBLAS.values()}
# OpenBLAS must be this much faster than torch: what lies closer would be decided by noise.
MARGIN = 1.2
MATRICES, MOST = 2, 1024  # of a timed product: how many, and rows or columns of each
ROUNDS, SECONDS = 5, 0.002  # of timing a kind, at least
KEPT = "products.json"
MISSING = "OpenBLAS is not installed (pip install scipy-openblas32)"


class Products:
    """Chooses the operator for each product of an update.

    `setting` is "torch", "openblas" or "auto". With `vectors` False, products with a single row
    or column keep torch's operator: torch's compiler makes loops of them, fused with others.
    """

    def __init__(self, setting: Library = "torch", vectors: bool = True):
        self.setting, self.vectors = setting, vectors
        self.chosen: dict[str, str] = {}  # kind of product -> library
        self.openblas: str | None = None  # its version and kernels, once it is used

    @classmethod
    def of(cls, settings: Settings, device: str, executor: str) -> Products:
        """Return the choices of a run, by its `products`, which a GPU does not read.

        Raises BenchError if OpenBLAS, which multiplies float32 only, is asked for other products.
        """
        if device != "cpu":
            return cls("torch")
        single = settings.precision == "float32"
        if settings.products == "openblas" and not single:
            raise BenchError(
                f"products: 'openblas' multiplies float32, not {settings.precision}; use 'auto'."
            )
        return cls(settings.products if single else "torch", vectors=executor != "compiled")

    def __call__(self, func: Any, args: tuple[Any, ...]) -> Any:
        """Return the operator to execute in place of `func(*args)`.

        Raises BenchError if OpenBLAS is asked for and not installed.
        """
        if self.setting == "torch" or func not in OPENBLAS:
            return func
        a, b = args
        sizes = (*a.shape[-2:], b.shape[-1])
        if a.dtype != torch.float32 or a.device.type != "cpu" or not a.numel() or not b.numel():
            return func
        kind = f"{sizes[0]}x{sizes[1]}x{sizes[2]} {_layout(a)}{_layout(b)}"
        if kind not in self.chosen:
            vector = 1 in sizes and not self.vectors
            self.chosen[kind] = "torch" if vector else self._choose(kind)
        if self.chosen[kind] == "torch":
            return func
        return OPENBLAS[func]

    def restore(self, chosen: Mapping[str, str]) -> None:
        """Repeat the choices of an interrupted run, or say that OpenBLAS is not there any more."""
        if "openblas" in chosen.values() and self._load() is None:
            print(f"{MISSING}: from here on this run multiplies with torch's library", flush=True)
            chosen = {}
        self.chosen = dict(chosen)

    def record(self) -> dict[str, Any]:
        """Return what run.json keeps: which OpenBLAS is installed, and the choices."""
        return {"openblas": self.openblas, "chosen": self.chosen}

    def _load(self) -> str | None:
        self.openblas = openblas.load()
        return self.openblas

    def _choose(self, kind: str) -> str:
        if self._load() is None:
            if self.setting == "openblas":
                raise BenchError(f"products: 'openblas' is not possible: {MISSING}; use 'auto'.")
            return "torch"
        if self.setting == "openblas":
            return "openblas"
        place = machine_cache.folder()
        if place is None:
            return fastest(kind)
        parts = (machine.machine()["cpu"], f"torch {torch.__version__}")
        here = f"{', '.join(parts)}, OpenBLAS {self.openblas}, threads {torch.get_num_threads()}"
        with machine_cache.locked(place):
            kept = _read(place / KEPT)
            mine = kept.setdefault(here, {})
            if mine.get(kind) not in ("torch", "openblas"):
                mine[kind] = fastest(kind)
                files.write_json(place / KEPT, kept)
            return str(mine[kind])


def fastest(kind: str) -> str:
    """Time both libraries; return "openblas" if it is faster by MARGIN, else "torch"."""
    shape, layouts = kind.split()
    m, k, n = (min(int(size), MOST) for size in shape.split("x"))
    a, b = _ones(m, k, layouts[0]), _ones(k, n, layouts[1])
    operators: tuple[Any, Any] = (torch.bmm, ours.bmm)
    best, began, rounds = [float("inf")] * 2, time.perf_counter(), 0
    while rounds < ROUNDS or time.perf_counter() - began < SECONDS:
        for number, operator in enumerate(operators):
            before = time.perf_counter()
            operator(a, b)
            best[number] = min(best[number], time.perf_counter() - before)
        rounds += 1
    return "openblas" if best[0] > MARGIN * best[1] else "torch"


def _layout(matrix: Tensor) -> str:
    """Return "n" for contiguous rows, "t" for contiguous columns."""
    return "n" if matrix.stride(-1) == 1 else "t"


def _ones(rows: int, columns: int, layout: str) -> Tensor:
    if layout == "n":
        return torch.ones(MATRICES, rows, columns)
    return torch.ones(MATRICES, columns, rows).mT


def _read(path: Any) -> dict[str, Any]:
    """Return the choices by machine; none if the file is not there or damaged."""
    try:
        kept = files.read_json(path)
    except (BenchError, OSError):
        return {}
    return kept if all(isinstance(part, dict) for part in kept.values()) else {}

"""The libraries whose matrix products bound the rate of an update on a processor."""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.errors import BenchError

Multiply = Callable[[Tensor, Tensor, Tensor], object]  # of two square matrices, into the third
OPENBLAS = "scipy-openblas32"
ROW_MAJOR, AS_IS = 101, 111  # of cblas.h


def _torch() -> Multiply:
    return lambda left, right, out: torch.mm(left, right, out=out)


def _numpy() -> Multiply:
    return lambda left, right, out: np.matmul(left.numpy(), right.numpy(), out=out.numpy())


def _openblas() -> Multiply:
    """Return the product of the wheel of that name; raise BenchError without it."""
    try:
        package = importlib.import_module("scipy_openblas32")
    except ImportError:
        raise BenchError(f"{OPENBLAS} is not installed; pip install {OPENBLAS}.") from None
    folder = Path(package.get_lib_dir())
    sgemm = ctypes.CDLL(str(next(folder.glob("libscipy_openblas*.so")))).scipy_cblas_sgemm
    sgemm.restype = None
    integer, real, matrix = ctypes.c_int, ctypes.c_float, ctypes.c_void_p
    sgemm.argtypes = [*[integer] * 6, real, matrix, integer, matrix, integer, real, matrix, integer]

    def multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
        n = len(left)
        factors = (left.data_ptr(), n, right.data_ptr(), n)
        sgemm(ROW_MAJOR, AS_IS, AS_IS, n, n, n, 1.0, *factors, 0.0, out.data_ptr(), n)

    return multiply


LIBRARIES: dict[str, Callable[[], Multiply]] = {
    "torch": _torch,
    "numpy": _numpy,
    OPENBLAS: _openblas,
}

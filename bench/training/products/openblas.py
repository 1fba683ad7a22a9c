"""OpenBLAS's matrix products as the operators `torch.ops.openblas.bmm` and `.mm`.

torch's wheels multiply with Intel's MKL, which leaves half of an AMD processor unused. OpenBLAS is
the shared library of the wheel `scipy-openblas32`, which NumPy's and SciPy's maintainers keep; it
chooses its kernel for the processor itself. The operators are compiled from openblas.cpp once a
machine. Where that is impossible they call the library through ctypes: the same function with the
same arguments, so the same bits, but some 10 us more for each matrix.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.training.products import machine_cache

try:
    import scipy_openblas32 as wheel
except ImportError:  # there is no wheel for this platform
    wheel = None

NAMES = ("bmm", "mm")
SOURCE = Path(__file__).with_name("openblas.cpp")
ROW_MAJOR, PLAIN, TRANSPOSED = 101, 111, 112  # of cblas.h
INT, FLOAT, ADDRESS = ctypes.c_int, ctypes.c_float, ctypes.c_void_p


def _empty(a: Tensor, b: Tensor) -> Tensor:
    return a.new_empty(*a.shape[:-1], b.shape[-1])


OPERATORS = torch.library.Library("openblas", "DEF")
for name in NAMES:
    # By the tag torch's compiler hands factors over as they are, not copied to another layout.
    exact = (torch.Tag.needs_exact_strides, torch.Tag.pt2_compliant_tag)
    OPERATORS.define(f"{name}(Tensor a, Tensor b) -> Tensor", tags=exact)
    torch.library.register_fake(f"openblas::{name}", _empty, lib=OPERATORS)


@cache
def load() -> str | None:
    """Make the operators usable; return which OpenBLAS they call, or None if there is none.

    Such as "0.3.34 SkylakeX": its version, and the processor whose kernels it chose.
    """
    library = _library()
    if library is None:
        return None
    library.scipy_openblas_set_num_threads(torch.get_num_threads())
    library.scipy_openblas_get_corename.restype = ctypes.c_char_p
    kernels = library.scipy_openblas_get_corename().decode()
    built = _build()
    if built is None:
        for name in NAMES:
            OPERATORS.impl(name, through_ctypes(), "CPU")
    else:
        torch.ops.load_library(built)
        ctypes.CDLL(str(built)).use(ctypes.cast(library.scipy_cblas_sgemm, ADDRESS))
    version = importlib.metadata.version("scipy-openblas32")
    return f"{version} {kernels}" + ("" if built else ", through ctypes")


def through_ctypes() -> Callable[[Tensor, Tensor], Tensor]:
    """Return the product of the operators, (S, m, k) by (S, k, n) or without S, in Python."""
    sgemm = _library().scipy_cblas_sgemm
    sgemm.restype = None
    sgemm.argtypes = (*[INT] * 6, FLOAT, ADDRESS, INT, ADDRESS, INT, FLOAT, ADDRESS, INT)

    def multiply(a: Tensor, b: Tensor) -> Tensor:
        (a, *left), (b, *right), out = _factor(a), _factor(b), _empty(a, b)
        (m, k), n = a.shape[-2:], b.shape[-1]
        parts = ([a], [b], [out]) if a.dim() == 2 else (a, b, out)
        for one, two, to in zip(*parts, strict=True):
            sgemm(
                ROW_MAJOR, left[0], right[0], m, n, k, 1.0, one.data_ptr(), left[1],
                two.data_ptr(), right[1], 0.0, to.data_ptr(), max(n, 1),
            )  # fmt: skip
        return out

    return multiply


def _factor(matrix: Tensor) -> tuple[Tensor, int, int]:
    """Return a factor as BLAS takes it, copied if need be: transposition and leading dimension."""
    (rows, columns), (down, along) = matrix.shape[-2:], matrix.stride()[-2:]
    if (along == 1 or columns == 1) and (down >= columns or rows == 1):
        return matrix, PLAIN, max(columns if rows == 1 else down, 1)
    if (down == 1 or rows == 1) and (along >= rows or columns == 1):
        return matrix, TRANSPOSED, max(rows if columns == 1 else along, 1)
    return _factor(matrix.contiguous())


@cache
def _library() -> Any:
    if wheel is None:
        return None
    try:
        return ctypes.CDLL(str(Path(wheel.get_lib_dir(), wheel.get_library(fullname=True))))
    except OSError:  # not for this system
        return None


def _build() -> Path | None:
    """Return the compiled operators of this machine, made if need be; None if that fails."""
    compiler, place = shutil.which(os.environ.get("CXX", "g++")), machine_cache.folder()
    if compiler is None or place is None:
        return None
    torch_ = Path(torch.__file__).parent
    text, processor = SOURCE.read_text(encoding="utf-8"), platform.machine()
    decides = (text, torch.__version__, str(torch_), compiler, processor)
    name = hashlib.sha256("\n".join(decides).encode()).hexdigest()[:16]
    target = place / f"openblas-{name}.so"
    with machine_cache.locked(place):
        if not target.exists():
            scratch = target.with_suffix(f".{os.getpid()}")
            command = [
                *(compiler, "-O2", "-std=c++20", "-shared", "-fPIC", str(SOURCE)),
                *(f"-I{torch_ / 'include'}", f"-L{torch_ / 'lib'}", "-ltorch_cpu"),
                *("-o", str(scratch)),
            ]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                print(f"{SOURCE.name}: not compiled, used through ctypes ({done.stderr[:500]})")
                return None
            os.replace(scratch, target)
    return target

"""Lines of a method's code: which one is being executed, and what is wrong with it."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

Line = tuple[str, int]  # file and number

# Our own package, Python's and installed ones; the rest is code of methods.
LIBRARIES = (
    str(Path(__file__).parents[2]) + os.sep,
    *(sysconfig.get_path(name) + os.sep for name in ("stdlib", "purelib", "platlib")),
    "<",  # generated code, such as that of dataclasses
)


class Finding(NamedTuple):
    """What keeps an update from being recorded, and the line of the method that does it."""

    place: str  # file:line
    what: str
    draws: bool = False  # random numbers outside `streams`: eager runs are not repeatable either


@cache
def is_method_code(file: str) -> bool:
    """Return whether a file holds code of methods, not of this package or another library."""
    return not file.startswith(LIBRARIES)


def place_of(line: Line) -> str:
    """Return file:line, relative to the current folder if the file is in it."""
    path, here = Path(line[0]), Path.cwd()
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line[1]}"


def definition(function: Callable[..., Any]) -> Line:
    """Return the line where a function is defined."""
    code = function.__code__
    return code.co_filename, code.co_firstlineno


def current_line() -> Line | None:
    """Return the innermost line of a method that is being executed, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if is_method_code(frame.f_code.co_filename):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back
    return None

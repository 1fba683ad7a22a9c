"""The ways to execute updates, and the run length from which compiling pays off."""

from __future__ import annotations

from typing import Literal, get_args

Executor = Literal["eager", "recorded", "compiled"]
Choice = Literal["auto", "eager", "recorded", "compiled"]  # of a suite
EXECUTORS: tuple[Executor, ...] = get_args(Executor)
# Compiling takes about 10 to 30 s and saves 1 to 2 ms per update (`python -m bench benchmark`).
COMPILE_FROM = 50_000  # updates

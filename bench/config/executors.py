"""The ways in which updates are executed, and how long a run must be for compiling to pay."""

from __future__ import annotations

from typing import Literal, get_args

Executor = Literal["eager", "recorded", "compiled"]
EXECUTORS: tuple[Executor, ...] = get_args(Executor)
# Compiling takes some 10 to 30 s and then saves 1 to 2 ms an update (`python -m bench benchmark`).
COMPILE_FROM = 50_000  # updates

"""The ways to execute updates, and the run length from which compiling pays off."""

from __future__ import annotations

from typing import Any, Literal, get_args

Executor = Literal["eager", "recorded", "compiled"]
Choice = Literal["auto", "eager", "recorded", "compiled"]  # of a suite
EXECUTORS: tuple[Executor, ...] = get_args(Executor)
# Which library multiplies matrices; auto measures it (bench.training.products).
Library = Literal["auto", "torch", "openblas"]
# Compiling takes about 10 to 30 s and saves 1 to 2 ms per update (`python -m bench benchmark`).
COMPILE_FROM = 50_000  # updates


def without_auto(content: dict[str, Any]) -> dict[str, Any]:
    """Omit these choices where they are "auto", as in what was stored before there were any."""
    names = "executor", "products"
    return {k: v for k, v in content.items() if k not in names or v not in (None, "auto")}

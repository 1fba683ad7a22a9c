"""Ranges of numbers given on the command line."""

from __future__ import annotations

import math

from bench.errors import BenchError


def at_least(least: float, **options: float) -> None:
    """Raise BenchError naming the first option that is not a finite number from `least` up."""
    for name, value in options.items():
        if not least <= value < math.inf:
            raise BenchError(f"--{name.replace('_', '-')}: {value}; give {least:g} or more.")

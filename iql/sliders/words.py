"""Words that follow from numbers."""

from __future__ import annotations

from bench.report.table import number


def apart(one: float, other: float, decimals: int = 2) -> str:
    """Return how far `one` is from `other`, such as "0.31 above", as far as decimals show it."""
    size = f"{abs(one - other):.{decimals}f}"
    if not size.strip("0."):
        return "equal to"
    return f"{size} {'above' if one > other else 'below'}"


def span(values: list[float], decimals: int = 1) -> str:
    """Return the lowest and highest value, such as "9.7 to 16.4"."""
    return f"{number(min(values), decimals)} to {number(max(values), decimals)}"

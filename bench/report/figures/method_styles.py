"""The visual style of each method, the same in every figure of every suite.

Colour, line and marker vary together, so that figures are legible in greyscale and with any
colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import seaborn as sns

from bench.config.registry import METHODS
from bench.report.figures.style import SERIES


@dataclass(frozen=True)
class Look:
    """The colour, line and marker of one method; `series` is the gid of what is drawn of it."""

    color: Any
    line: Any
    marker: Any
    series: str = ""


BRIGHT, DARK = sns.color_palette("colorblind", 10), sns.color_palette("dark", 10)
BRIGHT[8] = (0.64, 0.58, 0.0)  # its yellow, darkened, because it is hardly visible on white paper
BRIGHT[6] = (0.54, 0.17, 0.89)  # violet instead of its second pink
DARK[3] = (0.33, 0.07, 0.24)  # wine instead of its red, which is its green to many colour-blind
COLORS = [*BRIGHT, *(DARK[i] for i in (0, 2, 3, 4, 5, 9, 6, 1, 7, 8))]
LINES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2, 1, 1, 1, 1)))
# All are filled, because some figures draw no edges; the last are stars with so many points.
MARKERS = (*"osD^vPXd<>*ph8H.", *((points, 1, 0) for points in (4, 3, 6, 8)))
COUNT = len(COLORS) * len(LINES)  # number of different styles
KNOWN = {name: entry.style for name, entry in METHODS.items() if entry.style is not None}
FREE = max(KNOWN.values()) + 1  # first number available to names without one


def look(method: str, methods: Sequence[str] = ()) -> Look:
    """Return the look of `method`; names without a registered style share the remaining numbers.

    `methods` are all names in the figure. Unregistered names are distinguished only among them.
    """
    others = sorted({*methods, method} - KNOWN.keys())
    free = FREE + others.index(method) % (COUNT - FREE) if method in others else 0
    return replace(numbered(KNOWN.get(method, free)), series=series(method))


def series(method: str) -> str:
    """Return the gid that marks what is drawn of a method, for links between figures."""
    return f"{SERIES}{method}"


def numbered(style: int) -> Look:
    """Return one of COUNT looks; every 20 numbers, colours repeat with other lines and markers."""
    turn, color = divmod(style, len(COLORS))
    return Look(
        COLORS[color],
        LINES[(color + turn) % len(LINES)],
        MARKERS[(color + 7 * turn) % len(MARKERS)],
    )

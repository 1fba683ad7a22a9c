"""How each method is drawn, wherever it is drawn.

A method has the same colour, line and marker in every figure of every suite, and the three
differ together, so that the figures read in greyscale and with any colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import seaborn as sns

from bench.config.registry import METHODS


@dataclass(frozen=True)
class Look:
    """How one method is drawn."""

    color: Any
    line: Any
    marker: Any


BRIGHT, DARK = sns.color_palette("colorblind", 10), sns.color_palette("dark", 10)
BRIGHT[8] = (0.64, 0.58, 0.0)  # its yellow, darkened: on white paper it is hardly seen
COLORS = [*BRIGHT, *(DARK[i] for i in (0, 2, 3, 4, 5, 9, 6, 1, 7, 8))]
LINES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2, 1, 1, 1, 1)))
# All have a face, because some figures draw no edges; the last are stars of so many points.
MARKERS = (*"osD^vPXd<>*ph8H.", *((points, 1, 0) for points in (4, 3, 6, 8)))
COUNT = len(COLORS) * len(LINES)  # of different looks
KNOWN = {name: entry.style for name, entry in METHODS.items() if entry.style is not None}
FREE = max(KNOWN.values()) + 1  # the first number for names without one


def look(method: str, methods: Sequence[str] = ()) -> Look:
    """The look of `method`; names without a style of their own take the numbers after those.

    `methods` are all names of the figure: unnumbered ones are told apart only where it has both.
    """
    if method in KNOWN:
        return numbered(KNOWN[method])
    others = sorted({*methods, method} - KNOWN.keys())
    return numbered(FREE + others.index(method) % (COUNT - FREE))


def numbered(style: int) -> Look:
    """One of COUNT looks, which differ in colour or, every 20 numbers, in line and marker."""
    turn, color = divmod(style, len(COLORS))
    return Look(
        COLORS[color],
        LINES[(color + turn) % len(LINES)],
        MARKERS[(color + 7 * turn) % len(MARKERS)],
    )

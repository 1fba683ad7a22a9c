"""How each method is drawn, wherever it is drawn.

A method has the same colour, line and marker in every figure of every suite, and the three
differ together, so that the figures read in greyscale and with any colour vision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import seaborn as sns


@dataclass(frozen=True)
class Look:
    """How one method is drawn."""

    color: Any
    line: Any
    marker: Any


# The order gives the looks: new methods go at the end, so that old figures stay comparable.
KNOWN = (
    *("iql", "bc", "bc10", "td3_bc", "cql", "awac", "onestep", "dt", "cal_ql", "ppo"),
    *("bcq", "bear", "awr", "cql_antmaze", "sac", "sac_iql", "ppo_iql"),
)
BRIGHT, DARK = sns.color_palette("colorblind", 10), sns.color_palette("dark", 10)
BRIGHT[8] = (0.64, 0.58, 0.0)  # its yellow, darkened: on white paper it is hardly seen
COLORS = [*BRIGHT, *(DARK[i] for i in (0, 2, 3, 4, 5, 9, 6, 1, 7, 8))]
LINES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2, 1, 1, 1, 1)))
# All have a face, because some figures draw no edges; the last are stars of so many points.
MARKERS = (*"osD^vPXd<>*ph8H.", *((points, 1, 0) for points in (4, 3, 6, 8)))


def look(method: str, methods: Sequence[str] = ()) -> Look:
    """The look of `method`; a name that is not in KNOWN takes a place after those."""
    others = sorted({*methods, method} - set(KNOWN))
    index = [*KNOWN, *others].index(method)
    return Look(
        COLORS[index % len(COLORS)],
        LINES[index % len(LINES)],
        MARKERS[index % len(MARKERS)],
    )

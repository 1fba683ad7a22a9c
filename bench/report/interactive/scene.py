"""What a figure with sliders consists of; every position of the sliders is complete in itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, Literal

import numpy as np

DIGITS = 4  # significant, of what is drawn; sentences are made from the numbers themselves

Kind = Literal["line", "points", "bars", "band", "cells"]
# Who a mark belongs to; the style sheet gives each a colour, a line and a marker.
Look = Literal["iql", "rival", "data", "best", "mean", "here"]


@dataclass(frozen=True)
class Mark:
    """Something drawn in a panel.

    A line or points join (x, y). Bars stand at `x` and are `y` high, as wide as their distance.
    A band covers the range `x` of two numbers. Cells are squares at (x, y), coloured by `value`
    in [-1, 1] and lettered with `text`. Marks with a `label` are in the legend.
    """

    kind: Kind
    look: Look
    x: Sequence[float]
    y: Sequence[float] = ()
    label: str = ""
    value: Sequence[float | None] = ()
    text: Sequence[str] = ()


@dataclass(frozen=True)
class Axis:
    """An axis with its range; `names`, if given, stand at 0, 1, ... in place of numbers."""

    label: str
    low: float
    high: float
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Panel:
    """A part of the figure; `fixed` are the marks that do not depend on the sliders.

    A map has square cells and no axes.
    """

    title: str
    x: Axis
    y: Axis
    fixed: tuple[Mark, ...] = ()
    map: bool = False


@dataclass(frozen=True)
class Control:
    """A slider: its label, a text for each position, and where it stands at first."""

    label: str
    values: tuple[str, ...]
    start: int = 0


@dataclass(frozen=True)
class Position:
    """What is drawn in each panel, and what there is to say about it."""

    marks: tuple[tuple[Mark, ...], ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Scene:
    """A figure with sliders; `positions` run through the last control first."""

    title: str
    question: str
    setting: str  # the problem and the data, in two or three sentences
    controls: tuple[Control, ...]
    panels: tuple[Panel, ...]
    positions: tuple[Position, ...]

    def __post_init__(self) -> None:
        wanted = prod(len(control.values) for control in self.controls)
        if len(self.positions) != wanted:
            raise ValueError(f"{self.title}: {len(self.positions)} positions, not {wanted}")
        if any(len(position.marks) != len(self.panels) for position in self.positions):
            raise ValueError(f"{self.title}: a position without marks for each panel")

    @property
    def first(self) -> Position:
        """The position that is shown at first."""
        index = 0
        for control in self.controls:
            index = index * len(control.values) + control.start
        return self.positions[index]

    def plain(self) -> dict[str, Any]:
        """Return the scene as JSON values, with what is drawn rounded to DIGITS."""
        found: dict[str, Any] = _short(asdict(self))
        return found


def _short(value: Any) -> Any:
    """Round numbers, and leave out the fields of a mark that are empty."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(f"{value:.{DIGITS}g}")
    if isinstance(value, Mapping):
        return {k: _short(v) for k, v in value.items() if not (v is False or _empty(v))}
    if isinstance(value, list | tuple | np.ndarray):
        return [_short(v) for v in value]
    return value


def _empty(value: Any) -> bool:
    return isinstance(value, str | list | tuple) and len(value) == 0

"""Flat observations and actions in [-1, 1], for any box and for dictionaries of boxes.

A dictionary is flattened in the order of its keys, sorted by name, and a nested one part by part:
achieved_goal, desired_goal, observation for a goal-conditioned task. This is the order of
`gymnasium.wrappers.FlattenObservation`, which the environments get, and of the stored data alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space

from bench.errors import BenchError

DISCRETE = (Discrete, MultiBinary, MultiDiscrete)
Parts = dict[str, int]  # name of each part of an observation, and how many numbers it has


def parts_of(space: Space[Any], where: str) -> Parts:
    """Return the parts of a flat observation, in order; a lone box has the name "".

    Raises BenchError where a part is not a box with one axis.
    """
    if isinstance(space, Dict):
        return {
            f"{key}/{name}".rstrip("/"): size
            for key, part in space.spaces.items()
            for name, size in parts_of(part, f"{where}, {key}").items()
        }
    if not isinstance(space, Box) or len(space.shape) != 1:
        raise BenchError(
            f"{where}: {space} is neither a box with one axis nor a dictionary of such boxes, "
            "which is all that the methods' networks take; wrap the environment or store features."
        )
    return {"": int(space.shape[0])}


def goals_of(parts: Parts) -> list[str]:
    """Return the parts that a goal-conditioned task names as its goal, such as desired_goal."""
    return [name for name in parts if name.partition("/")[0].endswith("_goal")]


def flattened(values: Any, space: Space[Any], where: str) -> np.ndarray:
    """Return observations (T, ...) of `space` as rows (T, obs); raise BenchError at a missing part.

    Values of a box are returned as they are.
    """
    if not isinstance(space, Dict):
        return np.asarray(values)
    if not isinstance(values, Mapping):
        raise BenchError(f"{where}: an array where {space} is expected; fix the data.")
    for key in space.spaces:
        if key not in values:
            raise BenchError(f"{where}: the part '{key}' is missing; fix the data.")
    rows = [flattened(values[key], part, f"{where}, {key}") for key, part in space.spaces.items()]
    if len({len(part) for part in rows}) > 1:
        raise BenchError(f"{where}: its parts differ in length; fix the data.")
    return np.concatenate([part.reshape(len(part), -1) for part in rows], axis=1)


def action_box(space: Space[Any], where: str) -> Box:
    """Return the action space if methods can act in it; else raise BenchError saying what can."""
    if isinstance(space, DISCRETE):
        raise BenchError(
            f"{where}: actions are discrete ({space}), but the methods here act in a continuous "
            "box; use a library for discrete actions, such as d3rlpy's DiscreteCQL."
        )
    if not isinstance(space, Box) or len(space.shape) != 1:
        raise BenchError(f"{where}: actions must be a box with one axis, not {space}; wrap it.")
    return space


def is_unit(box: Box) -> bool:
    """Return whether actions are in [-1, 1] already."""
    return bool(np.all(box.low == -1) and np.all(box.high == 1))


def check_bounded(box: Box, where: str) -> None:
    """Raise BenchError unless every action has a lower and a higher bound, which differ."""
    if not box.is_bounded() or not np.all(box.low < box.high):
        raise BenchError(
            f"{where}: actions must have finite bounds to be rescaled to [-1, 1], not {box}; wrap "
            "the environment with gymnasium.wrappers.ClipAction or give the bounds."
        )


def to_unit(actions: np.ndarray, box: Box) -> np.ndarray:
    """Rescale actions (N, act) from a bounded box to [-1, 1]: float32."""
    low, high = box.low.astype(np.float64), box.high.astype(np.float64)
    return (2 * (actions - low) / (high - low) - 1).astype(np.float32)

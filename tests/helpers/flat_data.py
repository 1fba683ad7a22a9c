"""Two short Minari episodes with numbers that can be told apart, and their transitions."""

from __future__ import annotations

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.data.minari_episodes import flatten
from bench.data.transitions import Transitions

ARRAYS = [f.name for f in fields(Transitions) if f.name != "next_actions"]


def episode(
    observations: Any, actions: Any, rewards: Any, terminated: bool = False
) -> SimpleNamespace:
    """As Minari hands it out."""
    flags = np.zeros((2, len(rewards)), dtype=bool)
    flags[0 if terminated else 1, -1] = True
    return SimpleNamespace(
        observations=np.array(observations, dtype=np.float64),
        actions=np.array(actions, dtype=np.float32),
        rewards=np.array(rewards, dtype=np.float64),
        terminations=flags[0],
        truncations=flags[1],
    )


def two_episodes() -> list[SimpleNamespace]:
    """Three steps that terminate, then two that are truncated."""
    return [
        episode([[0, 1], [2, 3], [4, 5], [6, 7]], [[0.1], [0.2], [0.3]], [1, 2, 3], True),
        episode([[10, 11], [12, 13], [14, 15]], [[-0.4], [-0.5]], [-4, 0.5]),
    ]


def flat(episodes: list[Any] | None = None) -> Transitions:
    return flatten(two_episodes() if episodes is None else episodes, "here", 2, 1)

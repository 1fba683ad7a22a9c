"""Small Minari datasets with the spaces of the hub's, and with other actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Space
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer

POINT_MAZE = Dict(
    {
        "achieved_goal": Box(-np.inf, np.inf, (2,), np.float64),
        "desired_goal": Box(-np.inf, np.inf, (2,), np.float64),
        "observation": Box(-np.inf, np.inf, (4,), np.float64),
    }
)
ANT_MAZE = Dict({**POINT_MAZE.spaces, "observation": Box(-np.inf, np.inf, (27,), np.float64)})
KITCHEN = Dict(
    {
        "achieved_goal": Dict({"microwave": Box(-9, 9, (1,)), "kettle": Box(-9, 9, (7,))}),
        "desired_goal": Dict({"microwave": Box(-9, 9, (1,)), "kettle": Box(-9, 9, (7,))}),
        "observation": Box(-9, 9, (59,)),
    }
)


def store(
    root: Path,
    dataset: str,
    observations: Space[Any],
    actions: Space[Any],
    lengths: tuple[int, ...] = (4, 3),
    seed: int = 0,
) -> list[EpisodeBuffer]:
    """Store episodes of random samples of the two spaces; return them."""
    observations.seed(seed)
    actions.seed(seed)
    rng = np.random.default_rng(seed)
    episodes = []
    for steps in lengths:
        flags = np.zeros((2, steps), dtype=bool)
        flags[1, -1] = True
        episodes.append(
            EpisodeBuffer(
                observations=stacked([observations.sample() for _ in range(steps + 1)]),
                actions=np.stack([actions.sample() for _ in range(steps)]),
                rewards=rng.normal(size=steps),
                terminations=flags[0],
                truncations=flags[1],
            )
        )
    root.mkdir(parents=True, exist_ok=True)
    spaces = {"observation_space": observations, "action_space": actions}
    about = dict.fromkeys(("algorithm_name", "author", "author_email", "description"), "a test")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINARI_DATASETS_PATH", str(root.resolve()))
        create_dataset_from_buffers(dataset, episodes, **spaces, **about)
    return episodes


def stacked(samples: list[Any]) -> Any:
    """Stack samples of a space (T, ...), part by part for a dictionary."""
    if isinstance(samples[0], dict):
        return {key: stacked([sample[key] for sample in samples]) for key in samples[0]}
    return np.stack(samples)

"""Write episodes as a Minari dataset."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer
from minari.dataset.minari_dataset import parse_dataset_id

from bench.config.task import NONE
from bench.environments import vector
from bench.errors import BenchError
from bench.files import replace_folder


def check_id(dataset: str, place: str) -> None:
    """Raise BenchError, beginning with `place`, unless Minari can store a dataset of this name."""
    try:
        version = parse_dataset_id(dataset)[2]
    except (ValueError, TypeError):
        version = None
    if version is None:
        raise BenchError(
            f"{place} '{dataset}': not a name that Minari accepts; write it like "
            "mine/hopper/first-v0."
        )


def store(
    episodes: Iterable[EpisodeBuffer],
    dataset: str,
    env_id: str,
    metadata: dict[str, Any],
    root: Path,
    description: str,
    spaces: tuple[int, Box] | None = None,
) -> None:
    """Write a Minari dataset under `root` atomically, replacing one of the same name.

    `spaces` is the length of an observation and the box of actions, where `env_id` is 'none'.
    """
    root = root.resolve()
    root.mkdir(parents=True, exist_ok=True)
    env = None if env_id == NONE else vector.make(env_id)
    if env is not None:
        spaces = vector.observation_dim(env), vector.action_space(env)
    assert spaces is not None
    with tempfile.TemporaryDirectory(dir=root, prefix=".collecting-") as scratch:
        os.environ["MINARI_DATASETS_PATH"] = scratch
        stored = create_dataset_from_buffers(
            dataset,
            episodes,
            eval_env=None if env is None else vector.written_spec(env),
            observation_space=Box(-np.inf, np.inf, (spaces[0],)),
            action_space=spaces[1],
            description=description,
            author="iql-reproduction",
        )
        stored.storage.update_metadata(metadata)
        replace_folder(Path(scratch) / dataset, root / dataset)
    if env is not None:
        env.close()

"""Read the episodes of a Minari dataset, checked, as flat transitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium.spaces import Box, Space
from gymnasium.spaces.utils import flatten_space

from bench.data.agreement import LIMIT
from bench.data.fetch_minari import DATA, METADATA, episode_lengths
from bench.data.hdf5_gate import check_all, names, opened
from bench.data.hdf5_gate import dataset as dataset_at
from bench.data.transitions import Transitions, finding
from bench.environments import spaces
from bench.errors import BenchError
from bench.files import read_json

# Keys of the metadata that are read here, and their types; Minari checks its own.
KINDS = {"total_episodes": int, "total_steps": int, "audit": list, LIMIT: int}


@dataclass(frozen=True)
class Stored:
    """A Minari dataset: its episodes, spaces and metadata; `where` is its folder, for errors."""

    where: str
    episodes: list[Any]
    observations: Space[Any]
    parts: spaces.Parts  # of an observation
    actions: Box
    metadata: dict[str, Any]

    @property
    def flat(self) -> Box:
        """The space of the flattened observations, with the bounds that the dataset states."""
        space = flatten_space(self.observations)
        assert isinstance(space, Box)
        return space

    def transitions(self) -> Transitions:
        """Return the rows of all episodes; raise BenchError naming the first malformed one."""
        size, width = sum(self.parts.values()), self.actions.shape[0]
        return flatten(self.episodes, self.where, size, width, self.observations)


def load(dataset: str, root: Path) -> Stored:
    """Read the dataset below `root`, where MINARI_DATASETS_PATH points.

    Raises BenchError where it is missing, damaged, or has spaces that no method takes.
    """
    where = str(root / dataset)
    if not (root / dataset / "data").is_dir():
        raise BenchError(
            f"{where}: no Minari dataset there; collect it, or `minari download {dataset}` with "
            f"MINARI_DATASETS_PATH={root}."
        )
    check_stored(root / dataset)
    try:
        found = minari.load_dataset(dataset)
        episodes = list(found.iterate_episodes())
    except Exception as error:  # minari meets a bad file with errors of every kind
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BenchError(
            f"{where}: cannot be read ({reason}); delete and fetch it again."
        ) from None
    observations = found.observation_space
    return Stored(
        where,
        episodes,
        observations,
        spaces.parts_of(observations, f"{where}, observations"),
        spaces.action_box(found.action_space, f"{where}, actions"),
        found.storage.metadata,
    )


def flatten(
    episodes: Iterable[Any],
    where: str,
    obs_dim: int,
    action_dim: int,
    space: Space[Any] | None = None,
) -> Transitions:
    """Concatenate Minari episodes; raise BenchError naming the first malformed one.

    `space` is that of the observations, where they are dictionaries.
    """
    names = [field.name for field in fields(Transitions) if field.default is MISSING]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for number, episode in enumerate(episodes):
        name = f"{where}, episode {number}"
        steps = len(episode.rewards)
        if steps == 0:
            raise BenchError(f"{name}: no steps; remove the episode.")
        observations = episode.observations
        if space is not None:
            observations = spaces.flattened(observations, space, f"{name}, observations")
        observations = _array(observations, f"{name}, observations", (steps + 1, obs_dim))
        actions = _array(episode.actions, f"{name}, actions", (steps, action_dim))
        rewards = _array(episode.rewards, f"{name}, rewards", (steps,))
        terminations = np.asarray(episode.terminations, dtype=bool)
        if terminations.shape != (steps,):
            raise BenchError(
                f"{name}, terminations: shape {terminations.shape} but {(steps,)} is expected; "
                "fix the data."
            )
        if terminations[:-1].any():
            raise BenchError(
                f"{name}, terminations: set before the last step; split the episode there."
            )
        parts["observations"].append(observations[:-1])
        parts["next_observations"].append(observations[1:])
        parts["actions"].append(actions)
        parts["rewards"].append(rewards)
        parts["masks"].append(1.0 - terminations.astype(np.float32))
        parts["episodes"].append(np.full(steps, number, dtype=np.int32))
    if not parts["rewards"]:
        raise BenchError(f"{where}: the dataset holds no episode; collect or download it again.")
    return Transitions(**{k: np.concatenate(v) for k, v in parts.items()})


def _array(values: Any, where: str, shape: tuple[int, ...]) -> np.ndarray:
    if isinstance(values, dict):
        raise BenchError(
            f"{where}: a dict of arrays; flatten the observations before storing them."
        )
    with np.errstate(over="ignore"):  # too large for float32 is refused below as non-finite
        array = np.asarray(values, dtype=np.float32)
    if array.shape != shape:
        hint = " (an episode of T steps has T + 1 observations)" if "observations" in where else ""
        raise BenchError(
            f"{where}: shape {array.shape} but {shape} is expected{hint}; fix the data."
        )
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(1))[0])
        raise BenchError(f"{where}: a non-finite value at step {row}; remove the episode.")
    return array


def check_stored(folder: Path) -> None:
    """Raise BenchError unless a Minari folder's files hold plain arrays and plain metadata."""
    metadata, path = read_json(folder / METADATA), folder / DATA
    for key, kind in KINDS.items():
        if not isinstance(metadata.get(key, kind()), kind):
            raise BenchError(
                f"{folder / METADATA}, {key}: {metadata[key]!r} is not {kind.__name__}; fetch the "
                "dataset again."
            )
    for entry in metadata.get("audit", []):
        if not isinstance(entry, dict) or set(entry) != set(finding("", "", True)):
            raise BenchError(
                f"{folder / METADATA}, audit: {entry!r} is not a finding; convert the data again."
            )
    with opened(path, "delete it and fetch it again") as file:
        for name in names(file):
            if name.startswith("episode_"):
                check_all(file, name, path)
                for key in ("actions", "rewards", "terminations", "truncations"):
                    if dataset_at(file, f"{name}/{key}", path) is None:
                        raise BenchError(f"{path}, {name}: {key} is missing; fetch it again.")
    count, expected = len(episode_lengths(path)), metadata.get("total_episodes")
    if expected is not None and count != expected:
        raise BenchError(
            f"{path}: holds {count} episodes but {METADATA.name} says {expected}; fetch the data "
            "again."
        )

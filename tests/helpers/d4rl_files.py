"""Small files in D4RL's layout, and D4RL's reading of them as a plain loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from bench.config.task import Task

Arrays = dict[str, np.ndarray]
OBS, ACT = 11, 3  # Hopper
FLAGS = ([0, 0, 1, 0, 0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 1, 0, 0, 0, 0, 0])  # and a trailing part


def arrays(
    terminals: list[int], timeouts: list[int], successors: bool = True, dtype: str = "float32"
) -> Arrays:
    """Rows of random numbers; `next_observations` are the next row's where no flag is set."""
    rng = np.random.default_rng(len(terminals))
    n = len(terminals)
    made: Arrays = {
        "observations": rng.normal(size=(n, OBS)).astype(dtype),
        "actions": rng.uniform(-0.9, 0.9, (n, ACT)).astype(dtype),
        "rewards": rng.normal(size=n).astype(dtype),
        "terminals": np.array(terminals, dtype=bool),
        "timeouts": np.array(timeouts, dtype=bool),
    }
    if successors:
        following = np.roll(made["observations"], -1, axis=0)
        ends = made["terminals"] | made["timeouts"]
        ends[-1] = True
        following[ends] = rng.normal(size=(ends.sum(), OBS))
        made["next_observations"] = following
    return made


def write(path: Path, content: Arrays, **changes: Any) -> Path:
    """Store them; a change of None leaves a key out, "infos/qpos" and the like make groups."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, value in (content | changes).items():
            if value is not None:
                file.create_dataset(key.replace("__", "/"), data=value)
    return path


def qlearning_dataset(content: Arrays) -> list[tuple[Any, ...]]:
    """(s, a, r, s', mask) as D4RL reads them: facts/d4rl_data.md, section 4."""
    rows = []
    for i in range(len(content["rewards"]) - 1):  # the last row is always lost
        if content["timeouts"][i]:
            continue  # there is no next row of the episode
        rows.append(
            (
                content["observations"][i].astype(np.float32),
                content["actions"][i].astype(np.float32),
                np.float32(content["rewards"][i]),
                content["observations"][i + 1].astype(np.float32),  # whatever next_observations is
                0.0 if content["terminals"][i] else 1.0,
            )
        )
    return rows


def next_actions(content: Arrays) -> list[np.ndarray]:
    """The action of the file's next row, for each row of `qlearning_dataset`."""
    kept = np.flatnonzero(~content["timeouts"][:-1])
    return [content["actions"][i + 1].astype(np.float32) for i in kept]


def all_rows(content: Arrays) -> list[tuple[Any, ...]]:
    """(s, a, r, s', mask) of every row whose true next observation is in the file, or whose
    next observation is masked."""
    rows = []
    n = len(content["rewards"])
    for i in range(n):
        terminal, timeout = content["terminals"][i], content["timeouts"][i]
        ends = terminal or timeout or i == n - 1
        if "next_observations" in content:
            following = content["next_observations"][i] if ends else content["observations"][i + 1]
        elif not ends:
            following = content["observations"][i + 1]
        elif terminal and not timeout:
            following = content["observations"][min(i + 1, n - 1)]
        else:
            continue
        rows.append(
            (
                content["observations"][i].astype(np.float32),
                content["actions"][i].astype(np.float32),
                np.float32(content["rewards"][i]),
                following.astype(np.float32),
                0.0 if terminal else 1.0,
            )
        )
    return rows


def task(recipe: str = "hdf5:mine.hdf5", **changes: Any) -> Task:
    row = {
        "task": "mine",
        "family": "locomotion",
        "env_id": "Hopper-v4",
        "dataset": "mine/hopper/first-v0",
        "recipe": recipe,
        "ref_min_score": -20.0,
        "ref_max_score": 80.0,
        "bounded": False,
        "source": "a test",
    }
    return Task.model_validate(row | changes)

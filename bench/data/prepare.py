"""Flatten a Minari dataset into audited arrays with a dataset card."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import minari
import numpy as np
from gymnasium.spaces import Box

from bench.config.task import Task
from bench.data import agreement, maze_coverage
from bench.data.d4rl_reading import check_rewards, read_as_d4rl
from bench.data.fetch_minari import DATA, METADATA
from bench.data.hdf5_gate import dataset as dataset_at
from bench.data.hdf5_gate import group, names, opened
from bench.data.transitions import Transitions, content_hash, finding
from bench.environments import vector
from bench.errors import BenchError
from bench.files import read_json, replace_folder
from bench.maze_plans import maze_of
from bench.paths import CARD, TRANSITIONS

# Metadata of the dataset that its card repeats.
ORIGIN = (
    *("recipe", "policies", "collection_seed", "collection_env", "minari_version"),
    *("source", "source_sha256", "source_verified", "source_environment"),
)


def flatten(episodes: Iterable[Any], where: str, obs_dim: int, action_dim: int) -> Transitions:
    """Concatenate Minari episodes; raise BenchError naming the first malformed one."""
    names = [field.name for field in fields(Transitions) if field.default is MISSING]
    parts: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for number, episode in enumerate(episodes):
        name = f"{where}, episode {number}"
        steps = len(episode.rewards)
        if steps == 0:
            raise BenchError(f"{name}: no steps; remove the episode.")
        observations = _array(episode.observations, f"{name}, observations", (steps + 1, obs_dim))
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


def audit(data: Transitions, where: str, low: np.ndarray, high: np.ndarray) -> list[dict[str, str]]:
    """Return the audit's findings for the card.

    Raises BenchError at an action outside the environment's bounds.
    """
    outside = ((data.actions < low - 1e-6) | (data.actions > high + 1e-6)).any(axis=1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise BenchError(
            f"{where}, actions: row {row} lies outside the environment's bounds; rescale it."
        )
    on_bound = float(((data.actions <= low) | (data.actions >= high)).mean())
    inner = np.diff(data.episodes) == 0
    jumps = np.abs(data.observations[1:] - data.next_observations[:-1]).max(axis=1)[inner] > 1e-6
    starts = data.starts()
    heads = {data.observations[s].tobytes() + data.actions[s].tobytes() for s in starts}
    return [
        finding("T + 1 finite observations in every episode", "holds", True),
        finding("actions within the environment's bounds", "holds", True),
        finding("action components on a bound", f"{on_bound:.2%}", True),
        finding(
            "jumps between consecutive rows of an episode", str(int(jumps.sum())), not jumps.any()
        ),
        finding(
            "episodes that begin alike", str(len(starts) - len(heads)), len(heads) == len(starts)
        ),
    ]


def card(data: Transitions) -> dict[str, Any]:
    """Return the card: counts, statistics of the raw returns, and the data's hash."""
    returns, lengths = data.returns(), data.lengths()
    counts, edges = np.histogram(returns, bins=40)
    masks = np.asarray(data.masks)
    ends = data.starts() + lengths - 1
    terminations = int((masks[ends] == 0).sum())
    return {
        "rows": len(data),
        "episodes": len(returns),
        "observation_dim": data.observations.shape[1],
        "action_dim": data.actions.shape[1],
        "return": {
            "mean": float(returns.mean()),
            "std": float(returns.std()),
            "min": float(returns.min()),
            "median": float(np.median(returns)),
            "max": float(returns.max()),
        },
        "length": {
            "mean": float(lengths.mean()),
            "min": int(lengths.min()),
            "max": int(lengths.max()),
        },
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "reward_sum": float(data.rewards.astype(np.float64).sum()),
        "terminations": terminations,
        "truncations": len(returns) - terminations,
        "hash": content_hash(data),
    }


def write(data: Transitions, content: dict[str, Any], folder: Path) -> None:
    """Write arrays and card; the folder appears atomically."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
        staging = Path(scratch) / folder.name
        staging.mkdir()
        for name, array in data.arrays().items():
            np.save(staging / f"{name}.npy", array, allow_pickle=False)
        (staging / CARD).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        replace_folder(staging, folder)


def check_stored(folder: Path) -> None:
    """Raise BenchError unless a Minari folder's files hold plain arrays and plain metadata."""
    metadata = read_json(folder / METADATA)
    for key, kind in (("total_episodes", int), ("total_steps", int), ("audit", list)):
        if not isinstance(metadata.get(key, kind()), kind):
            raise BenchError(
                f"{folder / METADATA}, {key}: {metadata[key]!r} is not {kind.__name__}; fetch the "
                "dataset again."
            )
    path = folder / DATA
    with opened(path, "delete it and fetch it again") as file:
        for name in names(file):
            if name.startswith("episode_"):
                group(file, name, path)
                for key in ("actions", "rewards", "terminations", "truncations"):
                    if dataset_at(file, f"{name}/{key}", path) is None:
                        raise BenchError(f"{path}, {name}: {key} is missing; fetch it again.")


def prepare(task: Task, root: Path) -> Path:
    """Flatten and audit the Minari dataset of a task below `root`; return the folder written."""
    dataset, env_id = task.dataset, task.env_id
    os.environ["MINARI_DATASETS_PATH"] = str(root.resolve())
    where = str(root / dataset)
    if not (root / dataset / "data").is_dir():
        raise BenchError(
            f"{where}: no Minari dataset there; collect it, or `minari download {dataset}` with "
            f"MINARI_DATASETS_PATH={root}."
        )
    check_stored(root / dataset)
    env = vector.make(env_id)
    try:
        stored = minari.load_dataset(dataset)
        episodes = list(stored.iterate_episodes())
    except Exception as error:  # minari meets a bad file with errors of every kind
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise BenchError(
            f"{where}: cannot be read ({reason}); delete and fetch it again."
        ) from None
    bounds = vector.action_space(env)
    for what, space in (
        ("observations", stored.observation_space),
        ("actions", stored.action_space),
    ):
        if not isinstance(space, Box) or len(space.shape) != 1:
            raise BenchError(
                f"{where}, {what}: stored as {space}, but methods take a flat box; flatten them, "
                "or use a dataset with continuous actions."
            )
    shapes = (vector.observation_dim(env),), bounds.shape
    stored_shapes = stored.observation_space.shape, stored.action_space.shape
    if shapes != stored_shapes:
        raise BenchError(
            f"{where}: observations and actions of shape {stored_shapes} but {env_id} has "
            f"{shapes}; correct env_id of task '{task.task}' in config/tasks.tsv."
        )
    data = flatten(episodes, where, shapes[0][0], shapes[1][0])
    metadata = stored.storage.metadata
    findings = metadata.get("audit", []) + check_rewards(data, metadata, where)
    findings += agreement.compare(
        agreement.Comparison(
            where, metadata, stored.observation_space, stored.action_space, data, task, env
        )
    )
    if task.reading == "d4rl":
        data, dropped = read_as_d4rl(data, episodes, metadata, where)
        findings.append(dropped)
    findings += audit(data, where, bounds.low, bounds.high)
    env.close()
    content: dict[str, Any] = {"task": task.task, "dataset": dataset, "env_id": env_id}
    content |= {"reading": task.reading} | card(data) | {"audit": findings}
    content["collection"] = {k: metadata[k] for k in ORIGIN if k in metadata}
    maze = maze_of(env_id)
    if maze is not None:
        content["proof"] = maze_coverage.proof(data, maze)
    folder = TRANSITIONS / task.transitions
    write(data, content, folder)
    return folder

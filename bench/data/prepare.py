"""Flatten a Minari dataset into audited arrays with a dataset card."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

from bench.config.task import STAND_IN, Task
from bench.data import agreement, maze_coverage
from bench.data.d4rl_reading import check_rewards, read_as_d4rl
from bench.data.minari_episodes import Stored, load
from bench.data.transitions import Transitions, content_hash, finding, joined
from bench.environments import spaces, vector
from bench.errors import BenchError
from bench.files import replace_folder, sealed, write_json
from bench.maze_plans import maze_of
from bench.paths import CARD, TRANSITIONS

# Metadata of the dataset that its card repeats.
ORIGIN = (
    *("recipe", "policies", "collection_seed", "collection_env", "minari_version"),
    *("source", "source_sha256", "source_verified", "source_environment"),
)


def audit(data: Transitions, where: str, low: np.ndarray, high: np.ndarray) -> list[dict[str, str]]:
    """Return the audit's findings for the card.

    Raises BenchError at an action outside the bounds `low` and `high`, each (act,).
    """
    outside = ((data.actions < low - 1e-6) | (data.actions > high + 1e-6)).any(axis=1)
    if outside.any():
        row, part = np.argwhere((data.actions < low - 1e-6) | (data.actions > high + 1e-6))[0]
        raise BenchError(
            f"{where}, actions: row {row} has {data.actions[row, part]:g}, which lies outside the "
            f"bounds of actions, {low[part]:g} and {high[part]:g}; rescale it or, if the "
            "environment is another, correct that and store the data again."
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
    """Write arrays and the card, sealed; the folder appears atomically."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-") as scratch:
        staging = Path(scratch) / folder.name
        staging.mkdir()
        for name, array in data.arrays().items():
            np.save(staging / f"{name}.npy", array, allow_pickle=False)
        write_json(staging / CARD, sealed(content))
        replace_folder(staging, folder)


def limited(data: Transitions, most: int) -> Transitions:
    """Return at most `most` rows: whole episodes in a random order, equal for equal data.

    A single episode with more rows is cut.
    """
    starts, lengths = data.starts(), data.lengths()
    order = np.random.default_rng(0).permutation(len(starts))
    fitting = order[: max(int((np.cumsum(lengths[order]) <= most).sum()), 1)]
    keep = np.zeros(len(data), dtype=bool)
    for start, length in zip(starts[fitting], lengths[fitting], strict=True):
        keep[start : start + min(length, most)] = True
    return data.select(keep)


def rescaled(data: Transitions, box: Box) -> Transitions:
    """Return the transitions with actions rescaled from `box` to [-1, 1]."""
    following = data.next_actions
    return replace(
        data,
        actions=spaces.to_unit(data.actions, box),
        next_actions=None if following is None else spaces.to_unit(following, box),
    )


def prepare(task: Task, root: Path) -> Path:
    """Flatten and audit the Minari datasets of a task, whose name is resolved; return the folder.

    The parts of a task are joined, its actions rescaled to [-1, 1], and its rows limited. Raises
    BenchError where the data do not fit the environment or fail the audit.
    """
    os.environ["MINARI_DATASETS_PATH"] = str(root.resolve())
    stored = [load(part, root) for part in task.parts]
    env = vector.make(task.env_id) if task.scored else None
    bounds = _action_bounds(task, stored, env)
    read, findings = [], []
    for part in stored:
        data = part.transitions()
        findings += part.metadata.get("audit", []) + check_rewards(data, part.metadata, part.where)
        if env is not None:
            held = part.where, part.metadata, part.flat, part.actions
            findings += agreement.compare(agreement.Comparison(*held, data, task, env))
        if task.reading == "d4rl":
            data, dropped = read_as_d4rl(data, part.episodes, part.metadata, part.where)
            findings.append(dropped)
        read.append(data)
    data = joined(read)
    further: dict[str, Any] = {}
    if not spaces.is_unit(bounds) and bounds.is_bounded():
        data = rescaled(data, bounds)
        further["actions"] = {"low": bounds.low.tolist(), "high": bounds.high.tolist()}
        findings.append(finding("actions rescaled to [-1, 1]", f"from {bounds}", True))
    if "" not in stored[0].parts:
        further["observations"] = stored[0].parts
        findings.append(finding("observations flattened", _order(stored[0].parts), True))
    if task.max_rows is not None:
        before, data = len(data), limited(data, task.max_rows)
        findings.append(
            finding("rows kept, of episodes at random", f"{len(data)} of {before}", True)
        )
    unit = np.ones(bounds.shape, dtype=np.float32)
    findings += audit(data, str(root / task.dataset), -unit, unit)
    if env is not None:
        env.close()
    content: dict[str, Any] = {"task": task.task, "dataset": task.dataset, "env_id": task.env_id}
    content |= {"reading": task.reading} | card(data) | further | {"audit": findings}
    content["collection"] = _origin(stored)
    if any(part.metadata.get("origin") == STAND_IN for part in stored):
        content["origin"] = STAND_IN
    maze = maze_of(task.env_id)
    if maze is not None:
        content["proof"] = maze_coverage.proof(data, maze)
    folder = TRANSITIONS / task.transitions
    write(data, content, folder)
    return folder


def _action_bounds(task: Task, stored: Sequence[Stored], env: gymnasium.Env | None) -> Box:
    """Return the box that actions come from: the environment's, or without one the data's.

    Raises BenchError where a part of the data has other sizes than the environment or the rest.
    """
    parts, bounds, whose = stored[0].parts, stored[0].actions, stored[0].where
    if env is not None:
        parts = vector.observation_parts(env, task.env_id)
        bounds, whose = vector.action_space(env), task.env_id
    wanted = (sum(parts.values()),), bounds.shape
    for part in stored:
        shapes = (sum(part.parts.values()),), part.actions.shape
        if shapes != wanted:
            raise BenchError(
                f"{part.where}: observations and actions of shape {shapes} but {whose} has "
                f"{wanted}; correct env_id of task '{task.task}' in config/tasks.tsv."
            )
        if "" not in part.parts | parts and part.parts != parts:
            raise BenchError(
                f"{part.where}: observations have the parts {_order(part.parts)} but {whose} has "
                f"{_order(parts)}; correct env_id of task '{task.task}' in config/tasks.tsv."
            )
        if not task.scored and part.actions != bounds:
            raise BenchError(
                f"{part.where}: actions in {part.actions} but {whose} has {bounds}; join datasets "
                "with the same actions."
            )
    return bounds


def _order(parts: spaces.Parts) -> str:
    """Return the parts of an observation in words, in order, and which of them are the goal."""
    text = ", ".join(f"{name} ({size})" for name, size in parts.items())
    goals = spaces.goals_of(parts)
    return f"{text}; the goal: {', '.join(goals)}" if goals else text


def _origin(stored: Sequence[Stored]) -> dict[str, Any]:
    """Return where the data come from: of several parts, the facts of each under its folder."""
    facts = [{k: part.metadata[k] for k in ORIGIN if k in part.metadata} for part in stored]
    if len(stored) == 1:
        return facts[0]
    return {part.where: found for part, found in zip(stored, facts, strict=True)}

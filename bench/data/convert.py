"""Convert D4RL's files, and others in their layout, to Minari datasets with audit findings.

An episode of the dataset ends where the file flags a terminal or a timeout. A file without
`next_observations` lacks the observation after an episode's last row. That row's observation
becomes the final one of the row before, and the row is left out unless it is terminal. Nothing
bootstraps from the observation after a terminal row; the dataset stores the next row's there, as
D4RL does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.spaces import Box
from minari.data_collector import EpisodeBuffer

from bench.config.d4rl_files import TABLE, Source, files_of, source_of
from bench.config.task import STAND_IN, Task
from bench.data import agreement
from bench.data.fetch_d4rl import fault, sha256
from bench.data.hdf5 import Rows, read
from bench.data.minari_store import check_id, store
from bench.data.transitions import finding
from bench.environments import vector
from bench.errors import BenchError
from bench.paths import public
from bench.progress import Progress


def episodes(rows: Rows, progress: Progress | None = None) -> Iterator[EpisodeBuffer]:
    """Yield each episode with T + 1 observations; one that no flag ends counts as truncated."""
    left_out = rows.left_out
    pairs = zip(rows.starts.tolist(), rows.ends.tolist(), strict=True)
    for number, (start, end) in enumerate(pairs):
        stop = end + 1 - int(left_out[end])
        if stop == start:  # a single row without a successor
            continue
        observations = rows.observations[start : stop + 1]
        if rows.last is not None:
            observations = np.concatenate([rows.observations[start:stop], rows.last[[number]]])
        elif stop == len(rows):  # terminal, at the end of the file
            observations = np.concatenate([observations, observations[-1:]])
        flags = np.zeros((2, stop - start), dtype=bool)
        flags[0, -1] = rows.terminals[stop - 1]
        flags[1, -1] = rows.timeouts[stop - 1] or not flags[0, -1]
        if progress is not None:
            progress(stop - start)
        yield EpisodeBuffer(
            observations=observations,
            actions=rows.actions[start:stop],
            rewards=rows.rewards[start:stop],
            terminations=flags[0],
            truncations=flags[1],
        )


def left_out_actions(rows: Rows) -> list[list[float]]:
    """Return the action of each row left out of a stored episode, in order."""
    longer = rows.ends > rows.starts
    ends = rows.ends[longer & rows.left_out[rows.ends]]
    actions: list[list[float]] = rows.actions[ends].tolist()
    return actions


def audit(rows: Rows, path: Path, source: Source | None = None) -> list[dict[str, str]]:
    """Return the audit's findings on a file for the dataset card.

    Raises BenchError at a jump that config/d4rl.tsv does not allow.
    """
    found = _jumps(rows, path, source)
    if rows.last is not None and rows.breaks is not None:
        timeouts = rows.timeouts[:-1]
        same = int((timeouts & ~rows.breaks).sum())
        rule = "timeouts whose recorded successor is the next row's observation"
        found.append(finding(rule, f"{same} of {timeouts.sum()}", not same))
    both = int((rows.terminals & rows.timeouts).sum())
    found.append(finding("rows flagged terminal and timeout", str(both), not both))
    total = rows.rewards.sum(dtype=np.float64)
    lost = rows.rewards[rows.left_out].sum(dtype=np.float64)
    text = f"{rows.left_out.sum()} of {len(rows)}, reward sum {lost:.6g} of {total:.6g}"
    rule = "rows left out for want of a successor"
    return [*found, finding(rule, text, not rows.left_out.any())]


def _jumps(rows: Rows, path: Path, source: Source | None) -> list[dict[str, str]]:
    jumping, inside = "jumps without an end flag", "terminal rows inside a trajectory"
    if rows.breaks is None:
        why = "not checked: neither next_observations nor infos/qpos in the file"
        return [finding(jumping, why, False), finding(inside, why, False)]
    judge = "next_observations" if rows.last is not None else "infos/qpos"
    flagged = (rows.terminals | rows.timeouts)[:-1]
    where = np.flatnonzero(rows.breaks & ~flagged)
    if len(where) and (source is None or source.jumps == "refused"):
        or_else = f", or its jumps to 'reported' in {TABLE}" if source else ""
        raise BenchError(
            f"{path}: row {where[0] + 1} does not follow from the row before, which has no end "
            f"flag (one of {len(where)}, by {judge}); set terminals or timeouts there{or_else}."
        )
    going_on = int((rows.terminals[:-1] & ~rows.timeouts[:-1] & ~rows.breaks).sum())
    return [
        finding(jumping, f"{len(where)}, by {judge}", not len(where)),
        finding(inside, f"{going_on}, by {judge}", not going_on),
    ]


def compare(rows: Rows, path: Path, source: Source) -> list[dict[str, str]]:
    """Return findings that compare counts and returns with the published ones.

    Raises BenchError where the number of episodes is wrong.
    """
    if source.segments is not None and len(rows.ends) != source.segments:
        raise BenchError(
            f"{path}: {len(rows.ends):,} parts between terminals and timeouts where the catalogue "
            f"of tensorflow/datasets has {source.segments:,}; fetch it again or correct {TABLE}."
        )
    complete = rows.ends[rows.terminals[rows.ends] | rows.timeouts[rows.ends]]
    sums = np.add.reduceat(rows.rewards.astype(np.float64), rows.starts)[: len(complete)]
    limit = len(rows) - 1
    log = "public Decision Transformer log"
    catalogue = source.origin if source.stand_in else "tensorflow/datasets"
    table: list[tuple[str, float, float | None, str]] = [
        ("episodes", len(rows.ends), source.segments, catalogue),
        ("rows", len(rows), source.rows, source.rows_status),
        ("rows of complete episodes", int(complete[-1]) + 1 if len(complete) else 0,
         source.complete_rows, log),
        ("rows of D4RL's reading", limit - int(rows.timeouts[:limit].sum()),
         source.qlearning_rows, source.qlearning_rows_status),
    ]  # fmt: skip
    if len(sums):
        table += [
            ("mean return of complete episodes", float(sums.mean()), source.return_mean, log),
            ("lowest return of complete episodes", float(sums.min()), source.return_min, log),
            ("highest return of complete episodes", float(sums.max()), source.return_max, log),
        ]
    found = []
    for rule, value, expected, status in table:
        if expected is not None:
            same = abs(value - expected) < 0.02 if isinstance(value, float) else value == expected
            text = f"{value:,.10g}; expected {expected:,.10g} ({status})"
            found.append(finding(f"{rule} in the source", text, same))
    return found


def convert(task: Task, root: Path) -> None:
    """Store the files of a task with recipe `d4rl` or `hdf5:PATHS` as its Minari dataset."""
    source = source_of(task.dataset) if task.recipe == "d4rl" else None
    paths = files_of(task.dataset, task.recipe)
    if not paths:
        raise BenchError(
            f"config/tasks.tsv, recipe of task '{task.task}': '{task.recipe}' names no file; use "
            "'d4rl' or 'hdf5:PATH'."
        )
    check_id(task.dataset, "config/tasks.tsv, dataset")
    if source and paths[0].exists() and (problem := fault(source, paths[0])):
        raise BenchError(f"{paths[0]}: {problem}; delete it and fetch it again.")
    parts = [read(path) for path in paths]
    if source and parts[0].stand_in != source.stand_in:
        is_one = "a stand-in" if parts[0].stand_in else "not marked as a stand-in"
        raise BenchError(
            f"{paths[0]}: {is_one}, but {TABLE} expects {source.origin} in the column origin; "
            "delete it and fetch it again."
        )
    found = []
    for path, rows in zip(paths, parts, strict=True):
        audited = audit(rows, path, source)
        named = f"{path.name}: " if len(paths) > 1 else ""
        found += [entry | {"rule": named + entry["rule"]} for entry in audited]
    if source:
        verified = source.sha256 is not None
        text = f"as in {TABLE}" if verified else f"unverified: {TABLE} has none"
        found = [finding("sha256 of the source", text, verified), *found]
        found += compare(parts[0], paths[0], source)
    space = _action_space(task, parts, paths)
    theirs = source if source and not source.stand_in else None
    ours = ", ".join(map(public, paths))
    metadata: dict[str, Any] = {
        "recipe": task.recipe,
        "source": theirs.urls[0] if theirs else ours,
        "source_sha256": (source and source.sha256) or ", ".join(map(sha256, paths)),
        "source_verified": bool(source and source.sha256),
        "source_environment": source.environment if source else "not recorded",
        **({"origin": STAND_IN} if any(rows.stand_in for rows in parts) else {}),
        **_of_rows(parts, paths),
        # Compared with the row and the environment by bench.data.agreement.
        "ref_min_score": (source or task).ref_min_score,
        "ref_max_score": (source or task).ref_max_score,
        **({agreement.LIMIT: source.max_episode_steps} if source else {}),
        "audit": found,
    }
    with Progress(f"convert {task.dataset}", sum(map(len, parts)), "rows") as progress:
        stored = chain.from_iterable(episodes(rows, progress) for rows in parts)
        text = f"Converted from {theirs.dataset if theirs else ours}."
        spaces = parts[0].observations.shape[1], space
        store(stored, task.dataset, task.env_id, metadata, root, text, spaces)


def _action_space(task: Task, parts: Sequence[Rows], paths: Sequence[Path]) -> Box:
    """Return the box of the task's actions; raise BenchError where the files do not fit it.

    It is the environment's or, without one, that of `action_low` and `action_high` in the first
    file, by default [-1, 1].
    """
    if task.scored:
        env = vector.make(task.env_id)
        expected = vector.observation_dim(env), vector.action_space(env).shape[0]
        space, whose = vector.action_space(env), f"{task.env_id} has"
        env.close()
    else:
        rows = parts[0]
        expected = rows.observations.shape[1], rows.actions.shape[1]
        low, high = (-1.0, 1.0) if rows.bounds is None else rows.bounds
        space = Box(np.broadcast_to(low, expected[1:]), np.broadcast_to(high, expected[1:]))
        whose = f"{paths[0]} has"
    for path, rows in zip(paths, parts, strict=True):
        shapes = rows.observations.shape[1], rows.actions.shape[1]
        if shapes != expected:
            raise BenchError(
                f"{path}: observations and actions of {shapes} numbers but {whose} {expected}; "
                f"correct env_id or recipe of task '{task.task}' in config/tasks.tsv."
            )
    return space


def _of_rows(parts: Sequence[Rows], paths: Sequence[Path]) -> dict[str, Any]:
    """Return the metadata from which the rows can be checked, and read as D4RL does."""
    kinds = {rows.last is not None for rows in parts}
    if len(kinds) > 1:
        raise BenchError(
            f"{', '.join(map(str, paths))}: some have next_observations and some have not; store "
            "them in all of the files or in none."
        )
    return {
        "source_reward_sum": sum(float(p.rewards.sum(dtype=np.float64)) for p in parts),
        "left_out_reward_sum": sum(
            float(p.rewards[p.left_out].sum(dtype=np.float64)) for p in parts
        ),
        "last_observations": "recorded" if kinds == {True} else "left out",
        "holds_last_row": not bool(parts[-1].left_out[-1]),
        "left_out_actions": [action for rows in parts for action in left_out_actions(rows)],
    }

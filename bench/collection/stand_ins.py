"""Stand-ins for D4RL's files, with which a suite on D4RL's data can be rehearsed.

A stand-in has the keys, shapes, types and number of rows of the file whose name it bears, and the
flags that D4RL sets there, but its rows come from this project's behaviour policies. It is marked
as a stand-in, and only a table that calls it one makes `convert` accept it.

Episodes repeat if fewer rows are collected than the file has. Unlike D4RL's, `infos/qpos` has an x
that is integrated from the speed, `infos/action_log_probs` is zero, and so are the policy's weights
in `metadata`.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from minari.data_collector import EpisodeBuffer

from bench.collection.collect import follow
from bench.config.d4rl_files import TABLE, Source, read_sources, source_of
from bench.config.task import STAND_IN, Task
from bench.config.validation import read_table
from bench.data.fetch_d4rl import sha256
from bench.data.hdf5 import ORIGIN
from bench.environments import vector
from bench.environments.antmaze import GOAL_RADIUS, fixed_goal
from bench.errors import BenchError
from bench.files import write_text
from bench.paths import SHIPPED
from bench.progress import Progress
from bench.seeds import derive

OVERLAY = TABLE.name  # in the folder of the stand-ins: the table that expects them
HIDDEN = 256  # units of the policies in `metadata`
EPOCH = 1_000  # steps between the cuts of a replay buffer
POSITIONS = 15  # of AntMaze's 29 observations; the others are velocities
EXPERT_ROWS = 1_000_000  # of medium-expert, at the end of the file

Arrays = dict[str, np.ndarray]  # by key of the file
# Of AntMaze's first version, the one file whose timeouts are where its trajectories end.
IN_STEP = "antmaze-umaze-v0"


def make(
    tasks: Iterable[Task],
    out: Path,
    distinct: int,
    most: int | None = None,
    seed: int = 0,
) -> list[Path]:
    """Write the stand-ins of `tasks` with D4RL's folders to `out`, and the table that expects them.

    Rows repeat after the complete episodes among `distinct` that are collected, up to D4RL's
    number of rows or to `most`. Raises BenchError where no episode is complete.
    """
    sources = read_sources(SHIPPED / TABLE)
    made, paths = dict[str, Source](), list[Path]()
    for task in tasks:
        source = source_of(task.dataset, sources)
        path = out.joinpath(*source.urls[0].split("/")[-2:])
        rows = min(source.rows or distinct, most or 10**9)
        arrays = stand_in(task, source, distinct, rows, seed)
        write(path, arrays)
        made[source.dataset] = described(source, task, path, arrays)
        paths.append(path)
    write_text(out / OVERLAY, overlay(made))
    return paths


def stand_in(task: Task, source: Source, distinct: int, rows: int, seed: int) -> Arrays:
    """Collect `distinct` rows and lay them out as the `rows` rows of a file."""
    robot, _, kind = task.task.rpartition("-")[0].partition("-")
    # Walks of the recipe `umaze` end at the goal; D4RL's go on.
    kind = "umaze-diverse" if (robot, kind) == ("antmaze", "umaze") else kind
    with Progress(f"stand-in {task.task}", distinct, "rows") as progress:
        own = derive(seed, task.task)
        episodes, _ = follow(f"{robot}/{kind}", task.env_id, distinct, own, progress)
    if robot == "antmaze":
        maze = kind.partition("-")[0].capitalize()
        return antmaze_file(episodes, source, rows, fixed_goal(maze))
    env = vector.make(task.env_id)
    seconds = float(env.unwrapped.dt)  # type: ignore[attr-defined]
    env.close()
    return gym_file(episodes, source, kind, rows, seconds)


def gym_file(
    episodes: Sequence[EpisodeBuffer], source: Source, kind: str, rows: int, seconds: float
) -> Arrays:
    """Lay out locomotion episodes as a file of kind `medium`, `medium-replay` or `medium-expert`.

    The last episode of a file is unfinished as in D4RL's. A replay buffer is cut by a timeout every
    EPOCH rows and at its end, and so is the medium part of medium-expert at its own. `seconds` is
    the time of a step.
    """
    parts, sizes, closed = [list(episodes)], [rows], [kind == "medium-replay"]
    cuts = EPOCH if kind == "medium-replay" else rows
    if kind == "medium-expert":
        passed = np.cumsum([len(e.rewards) for e in episodes])
        half = int(np.searchsorted(passed, passed[-1] // 2, side="right"))
        parts = [list(episodes[:half]), list(episodes[half:])]
        expert = min(EXPERT_ROWS, rows // 2)
        sizes, closed = [rows - expert, expert], [True, False]
    limit = source.max_episode_steps
    laid = []
    for part, size, ends in zip(parts, sizes, closed, strict=True):
        full = [e for e in part if e.terminations[-1] or len(e.rewards) == limit]
        if not full:
            raise BenchError(
                f"{source.dataset}: no episode of a policy ended within the rows collected; "
                "collect more with --distinct."
            )
        order = _order([len(e.rewards) for e in full], size, cuts)
        repeated = {key: value[order] for key, value in _pool(full, seconds).items()}
        repeated["timeouts"][cuts - 1 : -1 : cuts] = True
        repeated["timeouts"][-1] |= ends
        repeated["timeouts"] &= ~repeated["terminals"]
        laid.append(repeated)
    arrays = {key: np.concatenate([part[key] for part in laid]) for key in laid[0]}
    return arrays | _metadata(kind, *(arrays[k].shape[1] for k in ("observations", "actions")))


def _pool(episodes: Sequence[EpisodeBuffer], seconds: float) -> Arrays:
    """Return the rows of complete episodes in order, by key."""
    before = np.concatenate([e.observations[:-1] for e in episodes]).astype(np.float32)
    terminals = np.concatenate([e.terminations for e in episodes]).astype(bool)
    positions = (before.shape[1] - 1) // 2  # observed; x is not
    speeds = before[:, positions:].astype(np.float64)
    x = np.concatenate(
        [np.cumsum(e.observations[:-1, positions], dtype=np.float64) * seconds for e in episodes]
    )
    return {
        "observations": before,
        "actions": np.concatenate([e.actions for e in episodes]).astype(np.float32),
        "next_observations": np.concatenate([e.observations[1:] for e in episodes]).astype(
            np.float32
        ),
        "rewards": np.concatenate([e.rewards for e in episodes]).astype(np.float32),
        "terminals": terminals,
        "timeouts": np.concatenate([e.truncations for e in episodes]).astype(bool),
        "infos/action_log_probs": np.zeros(len(before)),
        "infos/qpos": np.column_stack([x, before[:, :positions].astype(np.float64)]),
        "infos/qvel": speeds,
    }


def _order(lengths: Sequence[int], rows: int, cuts: int) -> np.ndarray:
    """Return the numbers of `rows` rows of a pool whose episodes have these lengths.

    Episodes follow one another, again and again. One that runs into a multiple of `cuts` rows
    ends there, and the next one begins.
    """
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    taken, done = list[np.ndarray](), 0
    for start, length in itertools.cycle(zip(starts, lengths, strict=True)):
        count = min(length, cuts - done % cuts, rows - done)
        taken.append(np.arange(start, start + count))
        done += count
        if done == rows:
            break
    return np.concatenate(taken)


def _repeated(values: np.ndarray, rows: int) -> np.ndarray:
    return np.resize(values, (rows, *values.shape[1:]))


def _metadata(kind: str, observations: int, actions: int) -> Arrays:
    """Return what D4RL's files of this kind say about the policy, without its weights."""
    if kind == "medium-expert":
        return {}
    found: Arrays = {
        "metadata/algorithm": np.array(STAND_IN.encode()),
        "metadata/iteration": np.array(0),
    }
    if kind == "medium":
        widths = {"fc0": observations, "fc1": HIDDEN, "last_fc": HIDDEN, "last_fc_log_std": HIDDEN}
        for layer, width in widths.items():
            outputs = actions if layer.startswith("last") else HIDDEN
            found[f"metadata/policy/{layer}/weight"] = np.zeros((outputs, width), np.float32)
            found[f"metadata/policy/{layer}/bias"] = np.zeros(outputs, np.float32)
        found["metadata/policy/nonlinearity"] = np.array(b"relu")
        found["metadata/policy/output_distribution"] = np.array(b"tanh_gaussian")
    return found


def antmaze_file(
    episodes: Sequence[EpisodeBuffer], source: Source, rows: int, goal: np.ndarray
) -> Arrays:
    """Lay out AntMaze walks as D4RL does.

    A walk has a row more than steps, for its last observation. A row is rewarded and terminal if
    the next row is at the goal, even if that begins another walk, and the walk goes on. In the
    files that D4RL corrected later, timeouts come a row too early, and earlier with every walk.
    """
    steps = source.max_episode_steps
    walks = whole_walks(episodes, steps)
    if not walks:
        raise BenchError(
            f"{source.dataset}: no walk of {steps} steps within the rows collected; collect more "
            "with --distinct."
        )
    observations = _repeated(np.concatenate([w[0] for w in walks]), rows)
    reached = np.linalg.norm(observations[1:, :2] - goal, axis=1) <= GOAL_RADIUS
    rewards = np.append(reached, False).astype(np.float32)
    aligned = source.jumps == "refused" or source.dataset == IN_STEP
    every = steps + 1 if aligned else steps
    return {
        "observations": observations,
        "actions": _repeated(np.concatenate([w[1] for w in walks]), rows),
        "rewards": rewards,
        "terminals": rewards.copy(),
        "timeouts": (np.arange(rows) + 1) % every == 0,
        "infos/goal": np.tile(goal.astype(np.float32), (rows, 1)),
        "infos/qpos": observations[:, :POSITIONS],
        "infos/qvel": observations[:, POSITIONS:],
    }


def whole_walks(
    episodes: Sequence[EpisodeBuffer], steps: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Join episodes that continue one another to walks of `steps` steps; leave out shorter ones.

    A walk is its observations and as many actions: the last is given twice.
    """
    walks, parts = [], list[EpisodeBuffer]()
    for episode in episodes:
        last = parts[-1] if parts else None
        goes_on = last is not None and last.terminations[-1]
        if last is None or not goes_on or (last.observations[-1] != episode.observations[0]).any():
            parts = []
        parts.append(episode)
        if sum(len(part.rewards) for part in parts) == steps:
            seen = [*(part.observations[:-1] for part in parts), episode.observations[-1:]]
            done = [*(part.actions for part in parts), episode.actions[-1:]]
            walks.append((np.concatenate(seen), np.concatenate(done)))
            parts = []
    return walks


def write(path: Path, arrays: Arrays) -> None:
    """Write a file that is marked as a stand-in; equal arrays give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs[ORIGIN] = STAND_IN
        for key, values in arrays.items():
            file.create_dataset(key, data=values, compression="gzip" if values.ndim else None)


def described(source: Source, task: Task, path: Path, arrays: Arrays) -> Source:
    """Return the row of config/d4rl.tsv that expects the stand-in at `path`."""
    flagged = np.flatnonzero((arrays["terminals"] > 0) | arrays["timeouts"])
    rows = len(arrays["rewards"])
    unfinished = not len(flagged) or int(flagged[-1]) != rows - 1
    known = {
        "bytes": path.stat().st_size,
        "sha256": sha256(path),
        "environment": task.env_id,
        "origin": STAND_IN,
        "segments": len(flagged) + int(unfinished),
        "rows": rows,
        "rows_status": STAND_IN,
        "qlearning_rows": rows - 1 - int(arrays["timeouts"][:-1].sum()),
        "qlearning_rows_status": STAND_IN,
    }
    unknown = dict.fromkeys(("complete_rows", "return_mean", "return_min", "return_max"))
    return source.model_copy(update=known | unknown)


def overlay(made: Mapping[str, Source]) -> str:
    """Return D4RL's table with the rows of stand-ins in place of its own."""
    text = io.StringIO("# Stand-ins for D4RL's files, for a rehearsal: not D4RL's data.\n")
    text.seek(0, io.SEEK_END)
    table = csv.DictWriter(text, list(Source.model_fields), delimiter="\t", lineterminator="\n")
    table.writeheader()
    for row in read_table(SHIPPED / TABLE):
        source = made.get(row["dataset"])
        if source is not None:
            row = source.model_dump(exclude_none=True) | {"urls": " ".join(source.urls)}
        table.writerow(row)
    return text.getvalue()

"""Local datasets: trajectories of behaviour policies in MuJoCo, stored as Minari datasets.

The locomotion recipes follow D4RL (Fu et al. 2020, arXiv:2004.07219, section 5): medium
uses one snapshot, medium-replay every snapshot up to it, medium-expert half each of medium
and expert. D4RL's replay data are a SAC buffer; ours come from snapshots of SAC at even steps.
D4RL's experts are SAC's, ours PPO's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import torch
from minari.data_collector import EpisodeBuffer

from bench.collection import antmaze
from bench.collection.episode_recorder import Recorder
from bench.collection.ladder import Ladder, load
from bench.config.behaviors import EXPERT, check_recipe, ladders_of
from bench.data.minari_store import check_id, store
from bench.environments import stitch_maze, vector
from bench.errors import BenchError
from bench.learning.streams import Streams
from bench.maze_plans import STITCH, length
from bench.paths import shipped
from bench.progress import Progress
from bench.seeds import derive

BEHAVIORS = Path("behaviors")
STREAMS = 8  # episodes collected in parallel
TRIP_NOISE = 0.5  # standard deviation of the maze controller's action noise
TRIP_STEPS = 150  # longer trips are truncated
# Called with the number of rows collected since the last call.
Count = Callable[[int], None]


def check_fits(ladder: Ladder, env_id: str, folder: Path) -> None:
    """Raise BenchError unless the policies take the environment's observations."""
    env = vector.make(env_id)
    theirs, ours = ladder.observation_dim, vector.observation_dim(env)
    env.close()
    if theirs != ours:
        raise BenchError(
            f"env_id '{env_id}': observations of {ours} numbers, but the policies in {folder} take "
            f"{theirs}; correct env_id."
        )


def locomotion(
    env_id: str, recipe: str, rows: int, seed: int, progress: Count
) -> tuple[list[EpisodeBuffer], dict[str, Any]]:
    """Collect `rows` transitions, equally many from each snapshot, by sampling its actions."""
    parts = ladders_of(recipe)
    episodes: list[EpisodeBuffer] = []
    policies: list[str] = []
    for i, (name, roles) in enumerate(parts):
        share = rows * (i + 1) // len(parts) - rows * i // len(parts)
        ladder, table = chosen(shipped(BEHAVIORS) / name, roles)
        check_fits(ladder, env_id, BEHAVIORS / name)
        labels = [f"{name}, rung {rung}" for rung in table.index]
        episodes += _sampled(ladder, labels, env_id, share, seed, progress)
        policies += [
            f"{name}: {row.role} at {row.step:,} steps (return {row.return_mean:.0f})"
            for row in table.itertuples()
        ]
    return episodes, {"policies": "; ".join(policies)}


def chosen(folder: Path, roles: Sequence[str]) -> tuple[Ladder, pd.DataFrame]:
    """Return the snapshots of a ladder that have one of these roles, and their rows of its table.

    They are in training order.
    """
    table = pd.read_csv(folder / "ladder.csv")
    table = table[table["role"].isin(roles)]
    return load(folder).pick(table.index.tolist()), table


def _sampled(
    ladder: Ladder, labels: Sequence[str], env_id: str, rows: int, seed: int, progress: Count
) -> list[EpisodeBuffer]:
    """Return the episodes of `rows` transitions; labels tell the snapshots' noise apart."""
    copies = max(STREAMS // len(ladder), 1)
    count = len(ladder) * copies
    quotas = [rows * (i + 1) // count - rows * i // count for i in range(count)]
    noise = Streams([derive(seed, label) for label in labels], "collection")
    pool = [vector.make(env_id) for _ in quotas]
    starts = [derive(seed, f"{labels[i // copies]}, stream {i}") % 2**31 for i in range(count)]
    running = [Recorder(e.reset(seed=start)[0]) for e, start in zip(pool, starts, strict=True)]
    collected: list[list[EpisodeBuffer]] = [[] for _ in quotas]
    for step in range(max(quotas)):
        batch = np.asarray([r.observations[-1] for r in running], dtype=np.float32)
        actions = ladder.sample(torch.from_numpy(batch).view(len(ladder), copies, -1), noise)
        for i, action in enumerate(actions.flatten(0, 1).numpy()):
            if step >= quotas[i]:
                continue
            observation, reward, terminated, truncated, _ = pool[i].step(action)
            running[i].add(action, float(reward), observation)
            if terminated or truncated or step == quotas[i] - 1:
                collected[i].append(running[i].finish(terminated))
                running[i] = Recorder(pool[i].reset()[0])
        progress(sum(quota > step for quota in quotas))
    for env in pool:
        env.close()
    return [e for stream in collected for e in stream]


def short_trips(
    rows: int, seed: int, progress: Count
) -> tuple[list[EpisodeBuffer], dict[str, Any]]:
    """Collect `rows` transitions of the waypoint controller between cells at most MAX_TRIP apart.

    Start cell and destination are random. As in evaluation, reward 1 and termination occur
    only at the centre of the evaluation goal.
    """
    rng = np.random.default_rng([seed, 0])
    env = gymnasium.make(stitch_maze.STITCH_ID, max_episode_steps=TRIP_STEPS)
    cells = STITCH.free_cells()
    to_cell = {cell: STITCH.distances(cell) for cell in cells}
    episodes: list[EpisodeBuffer] = []
    left = rows
    while left:
        start = cells[rng.integers(len(cells))]
        near = [c for c in cells if 0 < to_cell[c][start] <= stitch_maze.MAX_TRIP]
        destination = near[rng.integers(len(near))]
        observation, _ = env.reset(
            seed=int(rng.integers(2**31)), options={"reset_cell": np.array(start)}
        )
        trip = Recorder(observation)
        reached = arrived = truncated = False
        while not (reached or arrived or truncated) and len(trip) < left:
            noise = rng.normal(0.0, TRIP_NOISE, 2)
            action = stitch_maze.controller(observation, to_cell[destination], noise).astype(
                np.float32
            )
            observation, _, _, truncated, _ = env.step(action)
            reached = bool(STITCH.reached(observation[None, :2])[0])
            arrived = bool(length(observation[:2] - STITCH.centre(destination)) <= 0.3)
            trip.add(action, float(reached), observation)
        episodes.append(trip.finish(reached))
        left -= len(trip)
        progress(len(trip))
    env.close()
    trips = f"random trips of 1 to {stitch_maze.MAX_TRIP} cells, action noise {TRIP_NOISE}"
    return episodes, {"policies": f"scripted waypoint controller, {trips}"}


def collect(env_id: str, dataset: str, recipe: str, rows: int, root: Path, seed: int = 0) -> None:
    """Collect `rows` transitions by `recipe` and store them as Minari dataset `dataset`.

    The dataset appears under `root` atomically. Raises BenchError for an unknown recipe.
    """
    check_id(dataset, "dataset")
    with Progress(f"collect {dataset}", rows, "rows") as progress:
        episodes, metadata = follow(recipe, env_id, rows, seed, progress)
    metadata |= {"recipe": recipe, "collection_seed": seed, "collection_env": env_id}
    description = "Collected locally; not D4RL's data."
    store(episodes, dataset, env_id, metadata, root, description)


def follow(
    recipe: str, env_id: str, rows: int, seed: int, progress: Count
) -> tuple[list[EpisodeBuffer], dict[str, Any]]:
    """Return the episodes of a recipe, `rows` transitions in all, and what the dataset says of it.

    Raises BenchError for an unknown recipe, or one for other environments.
    """
    kind, _, name = recipe.partition("/")
    if recipe == "pointmaze/stitch":
        check_recipe(recipe, env_id)
        return short_trips(rows, seed, progress)
    folder = shipped(BEHAVIORS) / kind
    if not (folder / "ladder.csv").exists():
        found = (path.parent.name for path in folder.parent.glob("*/ladder.csv"))
        kinds = sorted(kind for kind in found if not kind.endswith(EXPERT))
        raise BenchError(
            f"config/tasks.tsv, recipe: no behaviour policy '{kind}' in {BEHAVIORS}/; use one "
            f"of {', '.join(kinds)}, or 'none'."
        )
    check_recipe(recipe, env_id)
    if kind == "antmaze":
        return antmaze.walks(name, folder, rows, seed, progress)
    return locomotion(env_id, recipe, rows, seed, progress)

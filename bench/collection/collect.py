"""Local datasets: trajectories of behaviour policies in MuJoCo, stored as Minari datasets.

The locomotion recipes follow D4RL (Fu et al. 2020, arXiv:2004.07219, section 5): medium
uses one snapshot, medium-replay every snapshot up to it, medium-expert half each of medium
and expert. D4RL's replay data is a SAC buffer; ours is collected from snapshots of PPO.
"""

from __future__ import annotations

from collections.abc import Callable
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
from bench.config.behaviors import check_recipe
from bench.data.minari_store import check_id, store
from bench.environments import stitch_maze, vector
from bench.errors import BenchError, unknown
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


def rungs_of(recipe: str, ladder: pd.DataFrame) -> list[int]:
    """Return the snapshots that a locomotion recipe uses, in training order."""
    medium = int(ladder.index[ladder.role == "medium"][0])
    expert = int(ladder.index[ladder.role == "expert"][0])
    choices = {
        "medium": [medium],
        "medium-replay": list(range(medium + 1)),
        "medium-expert": [medium, expert],
    }
    if recipe not in choices:
        raise unknown("config/tasks.tsv, recipe", "recipe", recipe, choices)
    return choices[recipe]


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
    env_id: str, folder: Path, recipe: str, rows: int, seed: int, progress: Count
) -> tuple[list[EpisodeBuffer], dict[str, Any]]:
    """Collect `rows` transitions, equally many from each snapshot, by sampling its Gaussian."""
    table = pd.read_csv(folder / "ladder.csv")
    rungs = rungs_of(recipe, table)
    ladder = load(folder).pick(rungs)
    check_fits(ladder, env_id, folder)
    copies = max(STREAMS // len(rungs), 1)
    quotas = [
        rows * (i + 1) // (len(rungs) * copies) - rows * i // (len(rungs) * copies)
        for i in range(len(rungs) * copies)
    ]
    noise = Streams([derive(seed, f"rung {r}") for r in rungs], "collection")
    pool = [vector.make(env_id) for _ in quotas]
    running = [
        Recorder(e.reset(seed=derive(seed, f"stream {i}") % 2**31)[0]) for i, e in enumerate(pool)
    ]
    collected: list[list[EpisodeBuffer]] = [[] for _ in quotas]
    for step in range(max(quotas)):
        batch = np.asarray([r.observations[-1] for r in running], dtype=np.float32)
        actions = ladder.sample(torch.from_numpy(batch).view(len(rungs), copies, -1), noise)
        for i, action in enumerate(actions.flatten(0, 1).numpy()):
            if step >= quotas[i]:
                continue
            observation, reward, terminated, truncated, _ = pool[i].step(action)
            running[i].add(action, float(reward), observation)
            if terminated or truncated or step == quotas[i] - 1:
                collected[i].append(running[i].finish(terminated))
                running[i] = Recorder(pool[i].reset()[0])
        progress(len(quotas))
    for env in pool:
        env.close()
    policies = "; ".join(
        f"{row.role} at {row.step:,} steps (return {row.return_mean:.0f})"
        for row in table.loc[rungs].itertuples()
    )
    return [e for stream in collected for e in stream], {"policies": policies}


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
    folder = shipped(BEHAVIORS) / kind
    if recipe == "pointmaze/stitch":
        check_recipe(recipe, env_id)
        return short_trips(rows, seed, progress)
    if not (folder / "ladder.csv").exists():
        kinds = sorted(path.parent.name for path in folder.parent.glob("*/ladder.csv"))
        raise BenchError(
            f"config/tasks.tsv, recipe: no behaviour policy '{kind}' in {BEHAVIORS}/; use one "
            f"of {', '.join(kinds)}, or 'none'."
        )
    check_recipe(recipe, env_id)
    if kind == "antmaze":
        return antmaze.walks(name, folder, rows, seed, progress)
    return locomotion(env_id, folder, name, rows, seed, progress)

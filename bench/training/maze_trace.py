"""Trace what a finished run has learned about its maze: values over the data, and its paths.

Written to `trace.safetensors` beside the run, for its S seeds that did not diverge:
    positions (N, 2): (x, y) of SAMPLE rows of the data; values (S, N): the method's value there,
    and value_rank (S,): its probe (training.maze_probes); both only for a method with `value`.
    paths (S, E, T, 2): (x, y) before each step of the first EPISODES episodes of the last offline
    evaluation, rolled out again, NaN after their end; arrived (S, E): whether they reach the goal.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from bench.data.transitions import Transitions, content_hash
from bench.errors import BenchError
from bench.files import write_bytes
from bench.learning.learner import Learner
from bench.learning.streams import Streams
from bench.maze_plans import maze_of
from bench.paths import TRANSITIONS, RunFolder
from bench.records.run_record import settings_of
from bench.records.runs import read_run
from bench.records.sealed_tensors import sealed
from bench.training.evaluate import purpose, reset_seeds
from bench.training.initial_run import OFFLINE
from bench.training.maze_probes import rank_correlation
from bench.training.method_contract import make_actor
from bench.training.rollout import Evaluator
from bench.training.run import Run

SAMPLE = 20_000
EPISODES = 5


def trace(folder: Path) -> Path:
    """Trace the run in `folder` and return the file written; raise BenchError without a maze."""
    run, data = restored(folder)
    maze = maze_of(run.settings.task.env_id)
    if maze is None:
        raise BenchError(f"{folder}: {run.settings.task.task} has no maze; trace a run in one.")
    tensors = _paths(run)
    rows = np.sort(np.random.default_rng(0).permutation(len(data))[:SAMPLE])
    if hasattr(run.method, "value"):
        sample = np.asarray(data.observations[rows])
        nearness = -maze.path_distance(sample[:, :2])
        values = _values(run, torch.from_numpy(sample))
        ranks = [rank_correlation(v, nearness) for v in values.double().numpy()]
        tensors["positions"] = torch.from_numpy(sample[:, :2]).contiguous()
        tensors |= {"values": values, "value_rank": torch.tensor(ranks)}
    learned = [i for i, seed in enumerate(run.settings.seeds) if seed not in run.diverged]
    tensors = {n: t if n == "positions" else t[learned] for n, t in tensors.items()}
    path = RunFolder(folder).trace
    write_bytes(path, sealed({name: tensor.numpy() for name, tensor in tensors.items()}))
    return path


def restored(folder: Path) -> tuple[Run, Transitions]:
    """Return a run with its networks at the end of the offline phase, and its data.

    Raises BenchError where the data or the networks no longer match the run.
    """
    files = RunFolder(folder)
    record = read_run(files.record)
    settings = settings_of(record)
    place = TRANSITIONS / settings.task.transitions
    data = Transitions.load(place)
    if content_hash(data) != record["dataset_hash"]:
        raise BenchError(
            f"{files.record}, dataset_hash: differs from {place}; train the run again."
        )
    run = Run(settings, data, torch.device("cpu"))
    run.diverged = {int(seed): step for seed, step in record["diverged"].items()}
    saved = load_file(files.policy)
    saved |= {k.removeprefix(OFFLINE): v for k, v in saved.items() if k.startswith(OFFLINE)}
    try:
        for field in fields(run.state):
            if isinstance(part := getattr(run.state, field.name), Learner):
                names = part.net.state_dict()
                part.net.load_state_dict({n: saved[f"{field.name}.{n}"] for n in names})
    except (KeyError, RuntimeError):
        raise BenchError(
            f"{files.policy}: its networks do not fit the current code; train the run again."
        ) from None
    return run, data


@torch.no_grad()
def _values(run: Run, observations: Tensor) -> Tensor:
    seen = run.replay.scaler(observations).expand(len(run.settings.seeds), -1, -1)
    values: Tensor = run.method.value(run.state, seen, run.config)
    return values.contiguous()


@torch.no_grad()
def _paths(run: Run) -> dict[str, Tensor]:
    settings, step = run.settings, run.settings.updates
    every = settings.evaluation.episodes
    resets = [reset_seeds(seed, step, every)[:EPISODES] for seed in settings.seeds]
    episodes = len(resets[0])
    noise = Streams(settings.seeds, f"actions of {purpose('offline', step)}")
    actor = make_actor(run.method, run.state, run.config, noise, episodes)
    seen: list[Tensor] = []

    def policy(observations: Tensor, rewards: Tensor) -> Tensor:
        seen.append(observations[..., :2].clone())
        return torch.nan_to_num(actor(run.replay.scaler(observations), rewards))

    evaluator = Evaluator(settings.task.env_id, len(settings.seeds), episodes)
    result = evaluator(policy, resets, settings.seeds)
    evaluator.close()
    paths = torch.stack(seen, dim=2)  # (S, E, T, 2)
    ended = torch.arange(len(seen)) >= torch.from_numpy(result.lengths).unsqueeze(-1)
    paths[ended] = torch.nan
    return {"paths": paths, "arrived": torch.from_numpy(result.returns > 0)}

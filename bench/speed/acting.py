"""Measure what acts in environments: an evaluation, and the collection of a dataset."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.collection.collect import BEHAVIORS, chosen, collect
from bench.environments.vector import action_space, observation_dim
from bench.learning.networks import DeterministicPolicy
from bench.learning.streams import Streams
from bench.training.rollout import Evaluator

EVALUATION_SEEDS, EVALUATION_EPISODES = 5, 10

# What a kind of measurement returns: a function for one round, and the facts for the end.
Measurement = tuple[Callable[[], float], dict[str, Any]]


def evaluator(env_id: str, behavior: str | None) -> Measurement:
    """Measure environment steps per second of one evaluation, under the data's medium policy.

    An untrained policy would fall at once, and only resets would be measured; where no robot can
    fall (`behavior` is None), it is used.
    """
    environments = Evaluator(env_id, EVALUATION_SEEDS, EVALUATION_EPISODES)
    streams = Streams(range(EVALUATION_SEEDS), "benchmark")
    if behavior is None:
        env = environments.envs[0]
        sizes = [observation_dim(env), 64, 64, action_space(env).shape[0]]
        net = DeterministicPolicy(sizes, streams).requires_grad_(False)

        def act(observations: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
            actions: torch.Tensor = net(observations)
            return actions
    else:
        medium, _ = chosen(BEHAVIORS / behavior, ("medium",))
        ladder = medium.pick([0] * EVALUATION_SEEDS)

        def act(observations: torch.Tensor, rewards: torch.Tensor) -> torch.Tensor:
            return ladder.sample(observations, streams)

    resets = np.arange(EVALUATION_SEEDS * EVALUATION_EPISODES).reshape(EVALUATION_SEEDS, -1)
    facts: dict[str, Any] = {}

    def measure() -> float:
        began = time.perf_counter()
        lengths = environments(act, resets.tolist()).lengths
        facts["mean_episode_steps"] = float(lengths.mean())
        return float(lengths.sum()) / (time.perf_counter() - began)

    return measure, facts


def collection(env_id: str, recipe: str, rows: int) -> Measurement:
    """Measure rows per second of collecting and storing a dataset."""

    def measure() -> float:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            collect(env_id, "local/benchmark/collected-v0", recipe, rows, Path(folder))
            return rows / (time.perf_counter() - began)

    return measure, {}

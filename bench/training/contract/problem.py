"""The tiny problem of the contract, and a method on it without files or environments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.config.validation import configure
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.method_contract import make_actor, make_replay
from bench.training.products.choice import Products

BATCH = 64
ROWS = 2000
# Settings that suit the tiny problem, where a method has them and asks for no others.
USUAL: Mapping[str, Any] = {"hidden": (32, 32), "learning_rate": 1e-3}


def reaching() -> Transitions:
    """Return one-step episodes: s in [-1, 1]^2, a noisy around the best action 0.5 s.

    The reward is 1 - 4 |a - 0.5 s|^2. Imitating the data and improving on it both lead to 0.5 s.
    """
    rng = np.random.default_rng(0)
    observations = rng.uniform(-1, 1, (ROWS, 2)).astype(np.float32)
    noise = rng.normal(0, 0.3, (ROWS, 2))
    actions = np.clip(0.5 * observations + noise, -1, 1).astype(np.float32)
    rewards = 1 - 4 * np.square(actions - 0.5 * observations).sum(1)
    return Transitions(
        observations=observations,
        actions=actions,
        rewards=rewards.astype(np.float32),
        next_observations=observations,
        masks=np.zeros(ROWS, dtype=np.float32),
        episodes=np.arange(ROWS, dtype=np.int32),
    )


class Problem:
    """A method and its settings on the tiny problem; a call makes a trainer of some seeds."""

    def __init__(self, method: ModuleType, settings: Mapping[str, Any], data: Transitions):
        known = {field.name for field in fields(method.Config)}
        usual = {key: value for key, value in USUAL.items() if key in known}
        self.method, self.data = method, data
        self.config = configure(method.Config, {**usual, **settings}, "check")
        self.trainers: list[Trainer] = []

    def __call__(
        self,
        seeds: tuple[int, ...],
        updates: int,
        executor: str = "recorded",
        fixed: bool = False,
        products: Products | None = None,
    ) -> Trainer:
        """Return a new trainer; with `fixed`, raise BenchError where `executor` is impossible."""
        trainer = Trainer(self, seeds, updates, executor, fixed, products)
        self.trainers.append(trainer)
        return trainer


class Trainer:
    """Some seeds of a method on the tiny problem."""

    def __init__(
        self,
        problem: Problem,
        seeds: tuple[int, ...],
        updates: int,
        executor: str,
        fixed: bool,
        products: Products | None,
    ):
        self.method: Any = problem.method
        self.config, self.seeds = problem.config, seeds
        cpu = torch.device("cpu")
        self.replay = make_replay(
            self.method, problem.data, self.config, "raw", "standardised", cpu
        )
        self.streams = {p: Streams(seeds, p) for p in ("batches", "noise")}
        first = Streams(seeds, "initialisation")
        self.state = self.method.init(Spec(2, 2, len(self.replay)), self.config, first, updates)
        noise = self.streams["noise"]
        parts = self.method, self.state, self.config, self.replay, noise, executor
        self.engine = Engine(*parts, fixed, products=products)

    def run(self, updates: int) -> dict[str, Tensor]:
        """Apply updates; return the metrics of the last, (S,) each."""
        metrics: dict[str, Tensor] = {}
        for rows in self.replay.draw(self.streams["batches"], updates, BATCH):
            metrics = self.engine(rows)
        return metrics

    def act(self, observations: Tensor) -> Tensor:
        """Return actions (S, B, 2) for observations (S, B, 2) in the data's units."""
        noise = Streams(self.seeds, "actions")
        episodes = observations.shape[1]
        actor = make_actor(self.method, self.state, self.config, noise, episodes)
        with torch.no_grad():
            return actor(self.replay.scaler(observations), torch.zeros(observations.shape[:2]))

    def tensors(self) -> dict[str, Tensor]:
        """Return a copy of all that a checkpoint holds."""
        tensors = checkpoint.state_tensors(self.state)
        tensors |= {f"streams.{k}": s.state() for k, s in self.streams.items()}
        return {k: v.clone() for k, v in tensors.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        checkpoint.restore_state(self.state, tensors)
        for name, streams in self.streams.items():
            streams.restore(tensors[f"streams.{name}"])

    def parameters(self, seed: int) -> dict[str, Tensor]:
        """Return all network parameters of the seed at this position of the block."""
        return {
            f"{name}.{key}": value.detach().select(-3, seed)
            for name, part in vars(self.state).items()
            if hasattr(part, "net")
            for key, value in part.net.named_parameters()
        }

    def regret(self) -> Tensor:
        """Return the mean of 4 |a - 0.5 s|^2 over a grid of states, (S,)."""
        axis = torch.linspace(-1, 1, 9)
        states = torch.cartesian_prod(axis, axis).expand(len(self.seeds), -1, -1)
        return 4 * (self.act(states) - 0.5 * states).square().sum(-1).mean(-1)

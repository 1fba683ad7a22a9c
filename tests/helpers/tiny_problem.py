"""A registered method on a problem whose best action is known, without files or environments."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from bench.config import registry
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.method_contract import make_actor, make_replay
from bench.training.products.choice import Products

BATCH = 64
# Settings that suit the tiny problem, where they are not these.
USUAL: dict[str, Any] = {"hidden": (32, 32), "learning_rate": 1e-3}
SMALL: dict[str, dict[str, Any]] = {
    "awac": USUAL | {"policy_hidden": (32, 32)},
    "bcq": USUAL | {"vae_hidden": (64, 64)},
    "bear": USUAL | {"vae_hidden": (64, 64), "policy_learning_rate": 1e-3, "warm_start": 20},
    "cql": USUAL | {"policy_learning_rate": 1e-3, "warm_start": 20, "min_q_weight": 1.0},
    "cql_antmaze": USUAL
    | {
        "policy_learning_rate": 1e-3,
        "warm_start": 20,
        "target_gap": 1.0,
        "initial_log_multiplier": 1.0,
        "clip_gap": -200.0,
        "max_target_backup": True,
        "policy_hidden": (32,),
        "orthogonal": True,
        "log_std_min": -20.0,
        "log_std_scaling": (0.0, -1.0),
        "action_limit": 0.999,
    },
    "cal_ql": USUAL
    | {
        "policy_learning_rate": 1e-3,
        "min_q_weight": 1.0,
        "target_gap": None,
        "policy_hidden": (32,),
        "sparse": False,
    },
    "awr": {
        "hidden": (32, 32),
        "policy_learning_rate": 1e-2,
        "learning_rate": 5e-2,
        "critic_updates": 5,
        "policy_updates": 10,
    },
    "dt": {"context": 3, "layers": 1, "width": 32, "learning_rate": 1e-3}
    | {"target_return": 1.0, "return_scale": 1.0},
}


class Trainer:
    """A method on the problem of the fixture `reaching`."""

    def __init__(
        self,
        name: str,
        seeds: tuple[int, ...],
        data: Transitions,
        updates: int,
        executor: str = "recorded",
        products: Products | None = None,
    ):
        self.method: Any = registry.load(name)
        known = {field.name for field in fields(self.method.Config)}
        usual = {key: value for key, value in USUAL.items() if key in known}
        self.config = self.method.Config(**SMALL.get(name, usual))
        cpu = torch.device("cpu")
        self.replay = make_replay(self.method, data, self.config, "raw", "standardised", cpu)
        self.seeds = seeds
        self.streams = {p: Streams(seeds, p) for p in ("batches", "noise")}
        first = Streams(seeds, "initialisation")
        self.state = self.method.init(Spec(2, 2, len(self.replay)), self.config, first, updates)
        noise = self.streams["noise"]
        parts = self.method, self.state, self.config, self.replay, noise, executor
        self.engine = Engine(*parts, products=products)

    def run(self, updates: int) -> dict[str, Tensor]:
        metrics: dict[str, Tensor] = {}
        for rows in self.replay.draw(self.streams["batches"], updates, BATCH):
            metrics = self.engine(rows)
        return metrics

    def act(self, observations: Tensor) -> Tensor:
        noise = Streams(self.seeds, "actions")
        episodes = observations.shape[1]
        actor = make_actor(self.method, self.state, self.config, noise, episodes)
        with torch.no_grad():
            return actor(self.replay.scaler(observations), torch.zeros(observations.shape[:2]))

    def tensors(self) -> dict[str, Tensor]:
        tensors = checkpoint.state_tensors(self.state)
        tensors |= {f"streams.{k}": s.state() for k, s in self.streams.items()}
        return {k: v.clone() for k, v in tensors.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        checkpoint.restore_state(self.state, tensors)
        for name, streams in self.streams.items():
            streams.restore(tensors[f"streams.{name}"])

    def parameters(self, seed: int) -> dict[str, Tensor]:
        """All network parameters of the seed at this position of the block."""
        return {
            f"{name}.{key}": value.detach().select(-3, seed)
            for name, part in vars(self.state).items()
            if hasattr(part, "net")
            for key, value in part.net.named_parameters()
        }

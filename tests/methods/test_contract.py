"""What every registered offline method must do, on a problem whose best action is known."""

from __future__ import annotations

import shutil
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
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
    """A method on the tiny problem, without files or environments."""

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


def same_tensors(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Whether two states are bit-equal."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def regret(trainer: Trainer) -> Tensor:
    """Mean of 4 |a - 0.5 s|^2 over a grid of states, per seed."""
    axis = torch.linspace(-1, 1, 9)
    states = torch.cartesian_prod(axis, axis).expand(len(trainer.seeds), -1, -1)
    return 4 * (trainer.act(states) - 0.5 * states).square().sum(-1).mean(-1)


# A variant that only sets IQL's own options is IQL here.
PLAIN = {registry.METHODS[name].module for name in registry.OFFLINE}
NAMES = [name for name in registry.VARIANTS if registry.METHODS[name].module not in PLAIN]
NAMES = sorted([*registry.OFFLINE, *NAMES])


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_improves_on_its_tiny_problem(name: str, reaching: Transitions) -> None:
    trainer = Trainer(name, (0, 1, 2), reaching, 600)
    before = regret(trainer)
    trainer.run(600)
    after = regret(trainer)
    behaviour = 1 - reaching.rewards.mean()  # what the data's own noise costs
    assert (after < 0.25 * before).all()
    assert (after < 0.25 * behaviour).all()


def test_shapes_and_finite_metrics_per_seed(name: str, reaching: Transitions) -> None:
    trainer = Trainer(name, (3, 5), reaching, 10)
    metrics = trainer.run(4)
    assert metrics
    for value in metrics.values():
        assert value.shape == (2,)
        assert value.isfinite().all()
        assert not value.requires_grad
    actions = trainer.act(torch.zeros(2, 7, 2))
    assert actions.shape == (2, 7, 2)
    assert actions.abs().max() <= 1


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(registry.load(n), "value")])
def test_a_value_is_one_number_a_state_and_changes_nothing(
    name: str, reaching: Transitions
) -> None:
    trainer = Trainer(name, (3, 5), reaching, 30)
    trainer.run(30)
    before = trainer.tensors()
    method, state, config = trainer.method, trainer.state, trainer.config
    batch = trainer.replay.batch(torch.tensor([[4, 8, 15], [4, 8, 15]]))
    with torch.no_grad():
        values = method.value(state, batch.observations, config)
        alone = method.value(state, batch.observations[:, 1:2], config)
    torch.testing.assert_close(alone, values[:, 1:2], rtol=0, atol=1e-6)
    assert values.shape == (2, 3)
    assert (values[0] != values[1]).all()  # each seed has its own
    if hasattr(method, "advantage"):
        with torch.no_grad():
            assert method.advantage(state, batch, config).shape == (2, 3)
    assert same_tensors(before, trainer.tensors())


def test_who_has_a_value() -> None:
    having = {n for n in NAMES if hasattr(registry.load(n), "value")}
    assert having >= {
        *("iql", "td3_bc", "cql", "cql_antmaze", "awac", "onestep"),
        *(n for n in NAMES if n in registry.VARIANTS),
    }


def test_same_seeds_same_bits(name: str, reaching: Transitions) -> None:
    runs = [Trainer(name, (0, 4), reaching, 50) for _ in range(2)]
    for trainer in runs:
        trainer.run(50)
    assert same_tensors(runs[0].tensors(), runs[1].tensors())


def test_replayed_equals_eager_bit_for_bit(name: str, reaching: Transitions) -> None:
    """Through every branch of the update: metrics, parameters, moments and random streams."""
    eager, recorded = (
        Trainer(name, (2, 0, 9), reaching, 40, executor) for executor in ("eager", "recorded")
    )
    for _ in range(8):
        assert same_tensors(eager.run(5), recorded.run(5))
        assert same_tensors(eager.tensors(), recorded.tensors())
    branches = recorded.engine.proof.branches.values()
    assert recorded.engine.executor == "recorded"
    assert all(branch.proven for branch in branches if branch.attempts > 1)
    assert any(branch.proven for branch in branches)


def agree(one: Trainer, other: Trainer) -> None:
    """Rounding alone tells 50 updates apart: 1e-5 in every parameter."""
    expected, metrics = one.run(50), other.run(50)
    for position in range(3):
        there = other.parameters(position)
        for key, value in one.parameters(position).items():
            torch.testing.assert_close(there[key], value, rtol=0, atol=1e-5, msg=key)
    for key, value in expected.items():
        torch.testing.assert_close(metrics[key], value, rtol=1e-4, atol=1e-4, msg=key)
    assert all(torch.equal(s.state(), one.streams[k].state()) for k, s in other.streams.items())


@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_compiled_equals_eager(name: str, reaching: Transitions) -> None:
    """Fused loops round differently, no more."""
    if name in registry.VARIANTS:
        pytest.skip("slow, and made of IQL's operations")
    agree(*(Trainer(name, (2, 0, 9), reaching, 50, kind) for kind in ("eager", "compiled")))


def test_openblas_equals_torch(name: str, reaching: Transitions) -> None:
    """Another library of matrix products rounds differently, no more."""
    openblas = Products("openblas")
    own, other = (Trainer(name, (2, 0, 9), reaching, 50, products=p) for p in (None, openblas))
    agree(own, other)
    assert set(openblas.chosen.values()) == {"openblas"}


def test_seeds_of_a_block_differ(name: str, reaching: Transitions) -> None:
    trainer = Trainer(name, (0, 1), reaching, 10)
    first, second = trainer.parameters(0), trainer.parameters(1)
    for key, value in first.items():
        drawn = value.unique().numel() > 1  # biases and the like may begin alike
        assert not (drawn and torch.equal(value, second[key])), key


def test_a_seed_alone_equals_the_seed_in_a_block(name: str, reaching: Transitions) -> None:
    block = Trainer(name, (7, 3, 11, 0, 5), reaching, 100)
    block.run(100)
    alone = Trainer(name, (3,), reaching, 100)
    alone.run(100)
    for key, value in alone.parameters(0).items():
        torch.testing.assert_close(value, block.parameters(1)[key], rtol=0, atol=1e-5, msg=key)


def test_resume_is_bit_equal(name: str, reaching: Transitions, tmp_path) -> None:
    whole = Trainer(name, (0, 1), reaching, 60)
    whole.run(30)
    path = tmp_path / "checkpoint.safetensors"
    checkpoint.save(path, whole.tensors(), {"identity": "x"})
    whole.run(30)
    found = checkpoint.load(path, "x")
    assert found is not None
    resumed = Trainer(name, (0, 1), reaching, 60)
    resumed.restore(found[0])
    resumed.run(30)
    assert same_tensors(whole.tensors(), resumed.tensors())


def test_ten_percent_keeps_the_best_tenth_of_the_trajectories() -> None:
    lengths, returns = [2, 3, 1, 4, 2, 1, 1, 2, 3, 1], [5.0, 1, 2, 9, 0, 3, 4, 8, 7, 6]
    episodes = np.repeat(np.arange(10), lengths).astype(np.int32)
    rewards = np.concatenate([[r] + [0.0] * (n - 1) for r, n in zip(returns, lengths, strict=True)])
    n = len(rewards)
    data = Transitions(
        observations=np.arange(n, dtype=np.float32)[:, None],
        actions=np.zeros((n, 1), np.float32),
        rewards=rewards.astype(np.float32),
        next_observations=np.zeros((n, 1), np.float32),
        masks=np.ones(n, np.float32),
        episodes=episodes,
    )
    bc10 = registry.load("bc10")
    kept = bc10.select(data, bc10.Config())
    assert set(kept.episodes.tolist()) == {3}
    kept = bc10.select(data, bc10.Config(fraction=0.19))  # rounded down
    assert set(kept.episodes.tolist()) == {3}
    kept = bc10.select(data, bc10.Config(fraction=0.3))
    assert set(kept.episodes.tolist()) == {3, 7, 8}
    assert len(kept) == 4 + 2 + 3

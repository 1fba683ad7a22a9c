"""What every registered offline method must do, on a problem whose best action is known."""

from __future__ import annotations

import shutil
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.config import registry
from bench.data.transitions import Transitions
from bench.training.contract import checks
from bench.training.contract.checks import CHECKS, Check, difference
from bench.training.contract.problem import Problem, Trainer, reaching
from bench.training.products.choice import Products

DATA = reaching()


def problem(name: str, **settings: Any) -> Problem:
    """The method on the tiny problem, with the settings that its row in the registry says."""
    return Problem(registry.load(name), registry.entry_of(name).tiny | settings, DATA)


# A variant that only sets IQL's own options is IQL here.
PLAIN = {registry.METHODS[name].module for name in registry.OFFLINE}
NAMES = [name for name in registry.VARIANTS if registry.METHODS[name].module not in PLAIN]
NAMES = sorted([*registry.OFFLINE, *NAMES])


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize("check", [c for c in CHECKS.values() if c is not checks.replays],
                         ids=lambda check: check.__name__)  # fmt: skip
def test_the_contract(name: str, check: Check) -> None:
    assert check(problem(name)) is None


@pytest.mark.parametrize("name", [n for n in NAMES if hasattr(registry.load(n), "value")])
def test_a_value_is_one_number_a_state_and_changes_nothing(name: str) -> None:
    trainer = problem(name)((3, 5), 30)
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
    assert not difference(before, trainer.tensors())


def test_who_has_a_value() -> None:
    having = {n for n in NAMES if hasattr(registry.load(n), "value")}
    assert having >= {
        *("iql", "td3_bc", "cql", "cql_antmaze", "awac", "onestep"),
        *(n for n in NAMES if n in registry.VARIANTS),
    }


def test_replayed_equals_eager_bit_for_bit(name: str) -> None:
    """Through every branch of the update: metrics, parameters, moments and random streams."""
    tried = problem(name)
    assert checks.replays(tried) is None
    engine = tried.trainers[-1].engine
    branches = engine.proof.branches.values()
    assert engine.executor == "recorded"
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
def test_compiled_equals_eager(name: str) -> None:
    """Fused loops round differently, no more."""
    if name in registry.VARIANTS:
        pytest.skip("slow, and made of IQL's operations")
    # A second hidden layer repeats the operations of the first and lengthens compiling.
    names = {field.name for field in fields(registry.load(name).Config)}
    settings: dict[str, Any] = dict.fromkeys(
        names & {"hidden", "policy_hidden", "vae_hidden"}, (32,)
    )
    if name == "cql_antmaze":
        settings["warm_start"] = 0  # a branch that `cql` compiles
    tried = problem(name, **settings)
    agree(*(tried((2, 0, 9), 50, kind, fixed=True) for kind in ("eager", "compiled")))


def test_openblas_equals_torch(name: str) -> None:
    """Another library of matrix products rounds differently, no more."""
    tried, openblas = problem(name), Products("openblas")
    agree(tried((2, 0, 9), 50, fixed=True), tried((2, 0, 9), 50, fixed=True, products=openblas))
    assert set(openblas.chosen.values()) == {"openblas"}


class Tiny(TorchDispatchMode):
    """Counts results below the smallest normal number of float32, for which processors are slow."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for part in result if isinstance(result, tuple | list) else (result,):
            if isinstance(part, Tensor) and part.dtype == torch.float32:
                # By bits: comparisons take such numbers for 0 too.
                bits = part.detach().clone().view(torch.int32) & 0x7FFFFFFF
                self.count += int(((bits > 0) & (bits < 0x00800000)).sum())
        return result


def test_no_update_computes_with_numbers_that_slow_the_processor(name: str) -> None:
    """Weights are so small that the product of two layers is below 1.2e-38."""
    counts = []
    for flush in (False, True):
        trainer = problem(name)((0, 4), 10)
        for part in vars(trainer.state).values():
            for tensor in getattr(part, "tensors", dict)().values():
                if tensor.is_floating_point():
                    tensor.mul_(1e-20)
        torch.set_flush_denormal(flush)
        with Tiny() as tiny:
            for rows in trainer.replay.draw(trainer.streams["batches"], 2, 64):
                trainer.engine.eager(rows, trainer.streams["noise"])
        counts.append(tiny.count)
    assert counts[0] > 0
    assert counts[1] == 0


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

"""Every term of CQL's losses by hand, its dual variables and its initialisation."""

from __future__ import annotations

import math

import pytest
import torch
from helpers.cql_problem import SMALL, batches
from helpers.plain_torch import ACT, OBS
from torch import Tensor
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from baselines import cql
from bench.learning.learner import Learner, constant
from bench.learning.networks import TwinCritic
from bench.learning.streams import Streams
from bench.learning.types import Spec


def test_conservative_gap_by_hand() -> None:
    q = torch.tensor([[[1.0, 5.0]], [[0.0, 0.0]]])  # (2, 1, 2)
    sampled = torch.tensor([[[[2.0, 1.0], [2.0, 3.0]]], [[[0.0, 0.0], [0.0, 0.0]]]])  # (2, 1, 2, 2)
    density = torch.tensor([[[0.0, 1.0], [math.log(0.5), 1.0]]])  # log of: [1, e], [1/2, e]
    first = math.log(math.exp(2) + 2 * math.exp(2)) - 1, math.log(1 + math.exp(2)) - 5
    second = math.log(3), math.log(2 / math.e)
    gap = cql.conservative_gap(q, sampled, density, None)
    expected = torch.tensor([[sum(first) / 2], [sum(second) / 2]])
    torch.testing.assert_close(gap, expected)
    clipped = cql.conservative_gap(q, sampled, density, -0.1)  # a state at a time
    expected = torch.tensor([[(first[0] - 0.1) / 2], [(second[0] - 0.1) / 2]])
    torch.testing.assert_close(clipped, expected)


def test_gap_estimates_the_integral_whatever_the_proposal() -> None:
    """log of the integral of exp(k a) over [-1, 1] is log(2 sinh(k) / k)."""
    k, n = 1.5, 200_000
    g = torch.Generator().manual_seed(0)
    spread = 2 * torch.rand(n, generator=g) - 1
    peaked = TransformedDistribution(Normal(torch.tensor(0.3), torch.tensor(0.8)), TanhTransform())
    squashed = torch.tanh(0.3 + 0.8 * torch.randn(n, generator=g))
    log_density = torch.cat([torch.full((n,), math.log(0.5)), peaked.log_prob(squashed)])
    sampled_q = (k * torch.cat([spread, squashed])).view(1, 1, -1, 1)
    zero = torch.zeros(1, 1, 1)
    gap = cql.conservative_gap(zero, sampled_q, log_density.view(1, -1, 1), None)
    expected = math.log(2 * math.sinh(k) / k) + math.log(2 * n)
    assert gap.item() == pytest.approx(expected, abs=0.01)


def test_target_value_by_hand() -> None:
    q = torch.tensor([[[[1.0, 4.0], [3.0, 0.0]]], [[[2.0, 2.0], [2.5, 9.0]]]])  # (2, 1, 2, 2)
    # The smaller: [1, 2] for the first action, [2.5, 0] for the second; the best: 2.5 and 2.
    log_pi = torch.tensor([[[-1.0, 0.5], [0.25, -2.0]]])
    assert cql.target_value(q, log_pi, None).tolist() == [[2.5, 2.0]]
    value = cql.target_value(q, log_pi, torch.tensor([[2.0]]))
    assert value.tolist() == [[2.5 - 2 * 0.25, 2 - 2 * 0.5]]


def test_losses_by_hand() -> None:
    log_pi, score = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.5, 1.5]])
    assert cql.policy_loss(log_pi, score, torch.tensor([[0.5]])).tolist() == [0.5 * 2 - 1]
    # -0.3 * mean(log pi - act), act being 1
    assert cql.temperature_loss(torch.tensor([[0.3]]), log_pi, 1).item() == pytest.approx(-0.3)
    q = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])
    assert cql.bellman_loss(q, torch.tensor([[1.0, 1.0]])).tolist() == [(0 + 4 + 1 + 1) / 2]
    excess = torch.tensor([[1.0, 2.0], [-3.0, 4.0]])  # (2, S)
    assert cql.lagrangian(torch.tensor([2.0, 0.5]), excess).tolist() == [-4.0, 3.0]


def test_every_action_is_asked_at_its_own_state() -> None:
    twin = TwinCritic([OBS + ACT, 8], Streams([0, 5], "initialisation"))
    s, a = torch.randn(2, 4, OBS), torch.randn(2, 3, 4, ACT)
    q = cql.at_each(Learner(twin, constant(0.0)), s, a)
    assert q.shape == (2, 2, 3, 4)
    for n in range(3):
        torch.testing.assert_close(q[:, :, n], twin(s, a[:, n]))


# --- dual variables -------------------------------------------------------------------


def trained(**options) -> tuple[cql.State, dict[str, Tensor]]:
    config = cql.Config(**SMALL | {"warm_start": 0} | options)
    state = cql.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 5)
    for batch in batches(5):
        metrics = cql.update(state, batch, config, Streams([0], "noise"))
    return state, metrics


@pytest.mark.parametrize(("target", "sign"), [(0.0, 1), (1000.0, -1)])
def test_the_multiplier_grows_while_the_gap_exceeds_its_target(target: float, sign: int) -> None:
    state, metrics = trained(target_gap=target)
    # Adam's first steps are of the size of its rate.
    assert state.multiplier.flat.item() == pytest.approx(sign * 5 * 3e-4, rel=0.05)
    assert metrics["multiplier"].item() == pytest.approx(math.exp(sign * 4 * 3e-4), rel=1e-4)


def test_without_lagrange_the_multiplier_stays() -> None:
    state, metrics = trained()
    assert state.multiplier.updates == 0
    assert state.multiplier.flat.item() == 0
    assert "multiplier" not in metrics


def test_the_multiplier_is_bounded() -> None:
    _, metrics = trained(target_gap=0.0, initial_log_multiplier=20.0)
    assert metrics["multiplier"].item() == cql.MAX_MULTIPLIER


@pytest.mark.parametrize(("offset", "sign"), [(-6.0, 1), (0.0, -1)])
def test_the_temperature_grows_while_entropy_is_short(offset: float, sign: int) -> None:
    """A deviation of e^-6 has entropy far below -act, one of 1 far above."""
    state, metrics = trained(log_std_scaling=(0.0, offset), log_std_min=-20.0)
    assert (metrics["entropy"].item() < -ACT) == (sign == 1)
    assert state.temperature.flat.item() == pytest.approx(sign * 5 * 1e-4, rel=0.05)


# --- initialisation -------------------------------------------------------------------


def test_initialisation_is_that_of_rlkit() -> None:
    state = cql.init(
        Spec(17, 6), cql.Config(hidden=(64, 256)), Streams([0, 1], "initialisation"), 1
    )
    for net, last in ((state.policy.net, 1e-3), (state.critic.net, 3e-3)):
        for weight, bound in zip(net.trunk.weights, (1 / 8, 1 / 16, last), strict=True):
            assert 0.95 * bound < weight.abs().max().item() <= bound
        for bias in net.trunk.biases[:-1]:
            assert (bias == 0.1).all()
        assert 0 < net.trunk.biases[-1].abs().max() <= last


def test_initialisation_is_that_of_the_recipe() -> None:
    config = cql.Config(hidden=(64, 64), policy_hidden=(32,), orthogonal=True)
    state = cql.init(Spec(17, 6), config, Streams([0], "initialisation"), 1)
    assert [w.shape[-1] for w in state.policy.net.trunk.weights] == [32, 12]
    assert [w.shape[-1] for w in state.critic.net.trunk.weights] == [64, 64, 1]
    for net in (state.policy.net, state.critic.net):
        *hidden, last = net.trunk.weights
        for weight, gain in [*((w, 2**0.5) for w in hidden), (last, 0.01)]:
            values = torch.linalg.svdvals(weight)
            torch.testing.assert_close(values, torch.full_like(values, gain))
        assert all((bias == 0).all() for bias in net.trunk.biases)

"""Networks with a seed axis against ordinary ones, and their initialisers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bench.learning.networks import (
    MLP,
    DeterministicPolicy,
    GaussianPolicy,
    TwinCritic,
    ValueNet,
    orthogonal,
    torch_default,
)
from bench.learning.streams import Streams

SEEDS = (2, 9, 4)


def plain(x: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
    """One seed, one layer after the other."""
    for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        x = x @ weight + bias
        if layer < len(weights) - 1:
            x = x.clamp(min=0)
    return x


def test_each_seed_is_an_ordinary_network() -> None:
    net = MLP([3, 8, 8, 2], Streams(SEEDS, "initialisation"))
    x = torch.randn(3, 5, 3)
    for s in range(3):
        expected = plain(x[s], [w[s] for w in net.weights], [b[s] for b in net.biases])
        torch.testing.assert_close(net(x)[s], expected)


def test_members_see_the_same_input() -> None:
    net = MLP([3, 8, 2], Streams(SEEDS, "initialisation"), members=2)
    x = torch.randn(3, 5, 3)
    out = net(x)
    assert out.shape == (2, 3, 5, 2)
    for m in range(2):
        torch.testing.assert_close(out[m], net.member(m, x))
        for s in range(3):
            expected = plain(x[s], [w[m, s] for w in net.weights], [b[m, s] for b in net.biases])
            torch.testing.assert_close(out[m, s], expected)


def test_shapes_of_the_heads() -> None:
    streams = Streams(SEEDS, "initialisation")
    obs, act = torch.randn(3, 5, 4), torch.randn(3, 5, 2)
    assert ValueNet([4, 8], streams)(obs).shape == (3, 5)
    critic = TwinCritic([6, 8], streams)
    assert critic(obs, act).shape == (2, 3, 5)
    torch.testing.assert_close(critic.first(obs, act), critic(obs, act)[0])
    assert DeterministicPolicy([4, 8, 2], streams)(100 * obs).abs().max() <= 1


def test_orthogonal_columns_have_the_gain() -> None:
    weight, bias = orthogonal(math.sqrt(2))(6, 4, torch.Generator().manual_seed(0))
    assert weight.shape == (6, 4)
    torch.testing.assert_close(weight.T @ weight, 2 * torch.eye(4), rtol=0, atol=1e-5)
    assert not bias.any()


def test_torch_default_matches_the_bounds_of_linear() -> None:
    weight, bias = torch_default()(100, 400, torch.Generator().manual_seed(0))
    for values in (weight, bias):
        assert values.abs().max() <= 0.1
        assert values.std().item() == pytest.approx(0.1 / math.sqrt(3), rel=0.1)


def test_log_prob_is_the_unsquashed_normal_with_bounded_mean() -> None:
    policy = GaussianPolicy([3, 8, 2], Streams(SEEDS, "initialisation"))
    policy.log_std.data.copy_(torch.randn(3, 1, 2).clamp(-1, 1))  # inside its range
    obs, act = torch.randn(3, 5, 3), torch.randn(3, 5, 2)
    mean = torch.tanh(policy.trunk(obs))
    expected = torch.distributions.Normal(mean, policy.log_std.exp()).log_prob(act).sum(-1)
    torch.testing.assert_close(policy.log_prob(obs, act), expected)


def test_log_std_is_clamped_where_it_is_used() -> None:
    policy = GaussianPolicy([3, 8, 2], Streams((0,), "initialisation"))
    policy.log_std.data.copy_(torch.tensor([[[-9.0, 9.0]]]))
    torch.testing.assert_close(policy.std(), torch.tensor([[[math.exp(-5), math.exp(2)]]]))


def test_samples_have_the_policys_moments() -> None:
    policy = GaussianPolicy([1, 4, 1], Streams((0,), "initialisation"))
    policy.log_std.data.fill_(math.log(0.5))
    obs = torch.ones(1, 20_000, 1)
    samples = policy.sample(obs, Streams((0,), "noise")).detach()
    # Five standard errors of the mean and of the deviation.
    assert samples.mean().item() == pytest.approx(policy(obs)[0, 0, 0].item(), abs=5 * 0.5 / 141)
    assert samples.std().item() == pytest.approx(0.5, abs=5 * 0.5 / 200)

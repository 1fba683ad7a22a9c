"""The squashed Gaussian policy against torch.distributions, quadrature and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from bench.learning.squashed_gaussian import Scalar, SquashedGaussianPolicy, log_slope
from bench.learning.streams import Streams

SEEDS, OBS, ACT, BATCH = (2, 9, 4), 3, 2, 5


def policy(**options) -> SquashedGaussianPolicy:
    return SquashedGaussianPolicy([OBS, 8, ACT], Streams(SEEDS, "initialisation"), **options)


def observations(seed: int = 0, batch: int = BATCH) -> Tensor:
    return torch.randn(len(SEEDS), batch, OBS, generator=torch.Generator().manual_seed(seed))


def reference(net: SquashedGaussianPolicy, x: Tensor) -> TransformedDistribution:
    mean, log_std = net.distribution(x)
    base = Normal(mean.double(), log_std.double().exp())
    return TransformedDistribution(base, TanhTransform(cache_size=1))


def test_mean_and_deviation_are_halves_of_one_output() -> None:
    net, x = policy(log_std_range=(-0.5, 0.25)), observations()
    mean, log_std = net.distribution(x)
    torch.testing.assert_close(torch.cat([mean, log_std], -1)[..., :ACT], net.trunk(x)[..., :ACT])
    torch.testing.assert_close(log_std, net.trunk(x)[..., ACT:].clamp(-0.5, 0.25))
    assert (log_std == -0.5).any()
    assert (log_std == 0.25).any()
    torch.testing.assert_close(net(x), mean.tanh())


def test_scalars_before_the_clamp_are_trained() -> None:
    net, x = policy(log_std_range=(-20, 2), log_std_affine=(0.0, -1.0)), observations()
    _, log_std = net.distribution(x)
    assert (log_std == -1).all()
    for scalar in net.affine:
        assert scalar.shape == (len(SEEDS), 1, 1)
    with torch.no_grad():
        net.affine[0].fill_(0.5)
        net.affine[1].copy_(torch.tensor([0.0, -1.0, 1.0]).view(3, 1, 1))
    _, log_std = net.distribution(x)
    for s, offset in enumerate((0.0, -1.0, 1.0)):
        torch.testing.assert_close(log_std[s], 0.5 * net.trunk(x)[s, :, ACT:] + offset)
    gradients = torch.autograd.grad(log_std.sum(), list(net.affine))
    torch.testing.assert_close(gradients[1], torch.full((3, 1, 1), float(BATCH * ACT)))


def test_density_equals_torch_distributions() -> None:
    net, x = policy(), observations()
    noise = torch.randn(3, BATCH, ACT, generator=torch.Generator().manual_seed(1))
    actions, log_prob = net.sample(x, noise)
    mean, log_std = net.distribution(x)
    torch.testing.assert_close(actions, torch.tanh(mean + log_std.exp() * noise))
    expected = reference(net, x).log_prob(actions.double()).sum(-1).float()
    torch.testing.assert_close(log_prob, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(net.log_prob(x, actions), expected, rtol=1e-4, atol=1e-4)


def test_several_actions_a_state_are_single_ones() -> None:
    net, x = policy(log_std_affine=(1.0, -1.0)), observations()
    noise = torch.randn(3, 4, BATCH, ACT)
    actions, log_prob = net.sample(x, noise)
    assert actions.shape == (3, 4, BATCH, ACT)
    assert log_prob.shape == (3, 4, BATCH)
    for n in range(4):
        one, density = net.sample(x, noise[:, n])
        torch.testing.assert_close(actions[:, n], one)
        torch.testing.assert_close(log_prob[:, n], density)


@pytest.mark.parametrize("width", [0.3, 1.0])
def test_density_integrates_to_one(width: float) -> None:
    net = SquashedGaussianPolicy([OBS, 8, 1], Streams([0], "initialisation"))
    with torch.no_grad():
        net.trunk.biases[-1][..., 1] = math.log(width)
        net.trunk.weights[-1][..., 1] = 0
    edges = torch.linspace(-1, 1, 20001)
    middle = 0.5 * (edges[1:] + edges[:-1])
    x = observations()[:1, :1].expand(1, len(middle), OBS)
    density = net.log_prob(x, middle.view(1, -1, 1)).exp()
    assert (density.sum() * 1e-4).item() == pytest.approx(1, abs=1e-3)


def test_slope_is_the_derivative_of_tanh() -> None:
    u = torch.linspace(-4, 4, 81, dtype=torch.float64)
    difference = (torch.tanh(u + 1e-6) - torch.tanh(u - 1e-6)) / 2e-6
    torch.testing.assert_close(log_slope(u), difference.log(), rtol=0, atol=1e-5)


def test_slope_is_exact_where_tanh_has_saturated() -> None:
    u = torch.tensor([-60.0, -12.0, 0.0, 12.0, 60.0], requires_grad=True)
    slope = log_slope(u)
    # 1 - tanh(u)^2 = 1 / cosh(u)^2 -> 4 exp(-2 |u|)
    expected = torch.tensor([60.0, 12.0, 0.0, 12.0, 60.0]).mul(-2) + 2 * math.log(2)
    expected[2] = 0.0
    torch.testing.assert_close(slope, expected)
    (gradient,) = torch.autograd.grad(slope.sum(), u)
    torch.testing.assert_close(gradient, -2 * u.detach().tanh())


def test_actions_at_the_bound_have_finite_density_and_gradients() -> None:
    net, x = policy(), observations()
    actions = torch.tensor([1.0, -1.0]).expand(3, BATCH, ACT)
    log_prob = net.log_prob(x, actions)
    gradients = torch.autograd.grad(log_prob.sum(), list(net.parameters()))
    assert log_prob.isfinite().all()
    assert all(g.isfinite().all() for g in gradients)


def test_gradients_are_those_of_finite_differences() -> None:
    """Of a function of the action and its density, through the reparameterisation."""
    net, x = policy(log_std_affine=(0.5, -0.3)).double(), observations().double()
    noise, other = torch.randn(2, 3, BATCH, ACT, dtype=torch.float64)

    def objective() -> Tensor:
        actions, log_prob = net.sample(x, noise)
        return (actions.square().sum(-1) - 0.2 * log_prob + net.log_prob(x, other.tanh())).sum()

    parameters = list(net.parameters())
    gradients = torch.autograd.grad(objective(), parameters)
    with torch.no_grad():
        for p, gradient in zip(parameters, gradients, strict=True):
            flat = p.view(-1)
            for index in range(0, len(flat), max(len(flat) // 5, 1)):
                step = 1e-6
                flat[index] += step
                above = objective()
                flat[index] -= 2 * step
                below = objective()
                flat[index] += step
                slope = (above - below) / (2 * step)
                torch.testing.assert_close(slope, gradient.flatten()[index], rtol=1e-5, atol=1e-5)


def test_a_scalar_is_one_number_a_seed() -> None:
    scalar = Scalar(0.5, Streams(SEEDS, "initialisation"))
    torch.testing.assert_close(scalar(), torch.full((3, 1), 0.5))
    (gradient,) = torch.autograd.grad(
        (scalar() * torch.tensor([[1.0], [2.0], [3.0]])).sum(), list(scalar.parameters())
    )
    assert gradient.flatten().tolist() == [1, 2, 3]

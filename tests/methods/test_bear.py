"""BEAR against a plain single-seed reference; the MMD and the multiplier by hand and by loops."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
import torch
from helpers import plain_torch as plain
from helpers.plain_torch import ACT, OBS, batches
from helpers.plain_vae import SIZE, PlainVAE, same_vae
from torch import Tensor, nn

from baselines import bear
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.method_contract import make_actor

SMALL: dict[str, Any] = {"hidden": (16, 16), "vae_hidden": (16, 16)}


def fresh(config: bear.Config, seeds: tuple[int, ...] = (0,)) -> bear.State:
    return bear.init(Spec(OBS, ACT), config, Streams(seeds, "initialisation"), 50)


def draw(policy: nn.Module, states: Tensor, noise: Tensor) -> Tensor:
    """Raw actions of a plain policy."""
    mean, log_std = policy(states).chunk(2, dim=-1)
    return mean + log_std.clamp(-5, 2).exp() * noise


def plain_mmd(xs: Tensor, ys: Tensor, kernel: str, sigma: float) -> Tensor:
    """Of one state, by loops over (N, act) and (M, act); with the 1e-6 under the root."""

    def k(x: Tensor, y: Tensor) -> Tensor:
        distance = (x - y).abs().sum() if kernel == "laplacian" else ((x - y) ** 2).sum()
        return torch.exp(-distance / (2 * sigma))

    def mean(xs: Tensor, ys: Tensor) -> Tensor:
        return torch.stack([k(x, y) for x in xs for y in ys]).mean()

    return torch.sqrt(mean(xs, xs) + mean(ys, ys) - 2 * mean(xs, ys) + 1e-6)


CASES: list[dict[str, Any]] = [
    {"kernel": "laplacian", "warm_start": 20},
    {"kernel": "gaussian", "warm_start": 0, "bandwidth": 1.0, "threshold": 0.5},
    {"warm_start": 50, "match_samples": 2, "target_samples": 3, "kl_weight": 0.1},
    {
        **{"warm_start": 10, "minimum_weight": 0.5, "discount": 0.9, "polyak": 0.05},
        **{"learning_rate": 1e-3, "policy_learning_rate": 1e-3, "dual_learning_rate": 1e-2},
    },
]


@pytest.mark.parametrize("setting", CASES, ids=["laplacian", "gaussian", "warm", "rates"])
def test_fifty_updates_equal_a_plain_bear(setting: dict[str, Any]) -> None:
    config = bear.Config(**SMALL, **setting)
    state = fresh(config)
    actor, critics = plain.ordinary(state.policy.net.trunk), plain.twins(state.critic.net)
    target_actor, target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
    vae, log_multiplier = PlainVAE(state.vae.net), nn.Parameter(torch.zeros(()))
    vae_adam, critic_adam, actor_adam, dual_adam = (
        torch.optim.Adam(parameters, lr=rate)
        for parameters, rate in (
            (vae.parameters(), config.learning_rate),
            (critics.parameters(), config.learning_rate),
            (actor.parameters(), config.policy_learning_rate),
            ([log_multiplier], config.dual_learning_rate),
        )
    )
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    weight, samples = config.minimum_weight, config.match_samples
    for t, batch in enumerate(batches(50, SIZE)):
        bear.update(state, batch, config, ours)

        s, a, s2 = batch.observations[0], batch.actions[0], batch.next_observations[0]
        r, mask = batch.rewards[0], batch.masks[0]
        plain.descend(vae_adam, vae.loss(s, a, theirs.normal(SIZE, 2 * ACT)[0], config.kl_weight))

        with torch.no_grad():
            best = torch.full((SIZE,), -torch.inf)
            for noise in theirs.normal(config.target_samples, SIZE, ACT)[0]:
                q1, q2 = plain.values(target_critics, s2, draw(target_actor, s2, noise).tanh())
                mixed = weight * torch.min(q1, q2) + (1 - weight) * torch.max(q1, q2)
                best = torch.max(best, mixed)
            y = r + config.discount * mask * best
        q = plain.values(critics, s, a)
        plain.descend(
            critic_adam, nn.functional.mse_loss(q[0], y) + nn.functional.mse_loss(q[1], y)
        )

        noise = theirs.normal(samples * SIZE, 2 * ACT)[0].reshape(samples, SIZE, 2 * ACT)
        modelled = torch.stack([vae.draw(s, z) for z in noise]).detach()
        raw = torch.stack([draw(actor, s, z) for z in theirs.normal(samples, SIZE, ACT)[0]])
        mmd = torch.stack(
            [
                plain_mmd(modelled[:, b], raw[:, b], config.kernel, config.bandwidth)
                for b in range(SIZE)
            ]
        )
        loss = log_multiplier.exp().detach() * mmd.mean()
        if t >= config.warm_start:
            q = torch.stack([plain.values(critics, s, u.tanh()) for u in raw])
            loss = loss - q.min(1).values.mean()
        plain.descend(actor_adam, loss)
        plain.descend(dual_adam, -log_multiplier.exp() * (mmd.mean().detach() - config.threshold))
        log_multiplier.data.clamp_(-5, 10)

        plain.track(target_critics, critics, config.polyak)
        plain.track(target_actor, actor, config.polyak)
    same_vae(state.vae.net, vae)
    plain.same(state.policy.net.trunk, actor)
    plain.same(state.target_policy.net.trunk, target_actor)
    plain.same_twins(state.critic.net, critics)
    plain.same_twins(state.target_critic.net, target_critics)
    assert state.multiplier.net.log.item() == pytest.approx(log_multiplier.item(), abs=1e-5)


# --- the distance ---------------------------------------------------------------------


def samples(*values: tuple[float, ...]) -> Tensor:
    """(1, N, 1, act) of one state."""
    return torch.tensor(values)[None, :, None]


def test_laplacian_mmd_by_hand() -> None:
    x, y = samples((0.0, 0.0), (3.0, -1.0)), samples((1.0, 0.0))
    # sigma 2: |x1 - x2| 4, |x1 - y| 1, |x2 - y| 3
    expected = (2 + 2 * math.exp(-1)) / 4 + 1 - (math.exp(-0.25) + math.exp(-0.75))
    mmd = bear.sampled_mmd(x, y, "laplacian", 2.0)
    assert mmd.item() == pytest.approx(math.sqrt(expected + 1e-6), rel=1e-5)


def test_gaussian_mmd_by_hand() -> None:
    x, y = samples((0.0, 0.0), (3.0, -1.0)), samples((1.0, 0.0))
    # sigma 2: |x1 - x2|^2 10, |x1 - y|^2 1, |x2 - y|^2 5
    expected = (2 + 2 * math.exp(-2.5)) / 4 + 1 - (math.exp(-0.25) + math.exp(-1.25))
    mmd = bear.sampled_mmd(x, y, "gaussian", 2.0)
    assert mmd.item() == pytest.approx(math.sqrt(expected + 1e-6), rel=1e-5)


@pytest.mark.parametrize("kernel", ["laplacian", "gaussian"])
@pytest.mark.parametrize("sigma", [0.5, 20.0])
def test_mmd_equals_a_double_loop(kernel: bear.Kernel, sigma: float) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(2, n, 3, ACT, generator=generator, dtype=torch.double) for n in (4, 6))
    mmd = bear.sampled_mmd(x, y, kernel, sigma)
    assert mmd.shape == (2, 3)
    for s in range(2):
        for b in range(3):
            expected = plain_mmd(x[s, :, b], y[s, :, b], kernel, sigma)
            torch.testing.assert_close(mmd[s, b], expected)


@pytest.mark.parametrize("kernel", ["laplacian", "gaussian"])
def test_mmd_of_equal_samples_is_least_and_has_a_finite_gradient(kernel: bear.Kernel) -> None:
    x = torch.randn(1, 5, 2, ACT, generator=torch.Generator().manual_seed(0))
    y = x.clone().requires_grad_()
    mmd = bear.sampled_mmd(x, y, kernel, 20.0)
    torch.testing.assert_close(mmd, torch.full((1, 2), 1e-3), rtol=0, atol=5e-4)
    mmd.sum().backward()
    assert y.grad is not None
    assert y.grad.isfinite().all()
    assert (bear.sampled_mmd(x, x + 1, kernel, 20.0) > mmd).all()


# --- the other terms ------------------------------------------------------------------


def test_policy_and_dual_loss_by_hand() -> None:
    mmd, multiplier = torch.tensor([[0.1, 0.3]]), torch.tensor([[2.0]])
    assert bear.policy_loss(None, mmd, multiplier).item() == pytest.approx(2 * 0.2)
    # two samples of two states: lower values 1, -2, 0, 5
    q = torch.tensor([[[1.0, 3.0, 0.0, 6.0]], [[4.0, -2.0, 0.0, 5.0]]])
    assert bear.policy_loss(q, mmd, multiplier).item() == pytest.approx(0.4 - 4 / 4)
    assert bear.dual_loss(mmd, multiplier, 0.05).item() == pytest.approx(-2 * 0.15)


def test_critic_loss_and_best_value_by_hand() -> None:
    q = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])
    loss = bear.critic_loss(q, torch.tensor([[1.0, 1.0]]))
    assert loss.item() == pytest.approx((4 + 1 + 1) / 2)
    # lower and higher: (1, 2) and (0, 3)
    assert bear.best_value(q, 2, 0.75).item() == pytest.approx(0.75 * 1 + 0.25 * 2)
    assert bear.best_value(q, 2, 0.25).item() == pytest.approx(0.25 * 0 + 0.75 * 3)


def test_the_multiplier_grows_while_the_mmd_exceeds_the_threshold() -> None:
    for threshold, sign in ((0.0, 1), (1.0, -1)):
        config = bear.Config(**SMALL, threshold=threshold)
        state = fresh(config, (0, 1))
        before = torch.zeros(2)
        for t, batch in enumerate(batches(20, SIZE), start=1):
            wide = [x.expand(2, *x.shape[1:]) for x in vars(batch).values() if torch.is_tensor(x)]
            metrics = bear.update(state, type(batch)(*wide), config, Streams((0, 1), "noise"))
            assert (sign * (metrics["mmd"] - threshold) > 0).all()
            now = state.multiplier.net.log.detach().flatten().clone()
            assert (sign * (now - before) > 0).all()
            if t == 1:  # Adam's first step is as long as the rate
                torch.testing.assert_close(now, torch.full((2,), sign * 1e-3))
            before = now


@pytest.mark.parametrize(("threshold", "bound"), [(0.0, 10.0), (1.0, -5.0)])
def test_the_multipliers_logarithm_is_clamped(threshold: float, bound: float) -> None:
    config = bear.Config(**SMALL, threshold=threshold)
    state = fresh(config)
    state.multiplier.flat.fill_(bound)
    bear.update(state, batches(1, SIZE)[0], config, Streams([0], "noise"))
    assert state.multiplier.net.log.item() == bound


def test_the_warm_start_ignores_values() -> None:
    config = bear.Config(**SMALL, warm_start=3)
    states = [fresh(config), fresh(config)]
    states[1].critic.flat.mul_(-2)
    streams = [Streams([0], "noise"), Streams([0], "noise")]
    for t, batch in enumerate(batches(5, SIZE)):
        assert [bear.branch(s, config) for s in states] == [t >= 3] * 2
        for state, noise in zip(states, streams, strict=True):
            bear.update(state, batch, config, noise)
        assert torch.equal(states[0].policy.flat, states[1].policy.flat) == (t < 3)


def test_acting_takes_the_best_of_the_policys_samples() -> None:
    config = bear.Config(**SMALL, test_samples=7)
    state = fresh(config, (3, 1))
    # Both ends of the deviation's range.
    state.policy.net.trunk.biases[-1].data[..., ACT:] = torch.tensor([-100.0, 100.0])
    states = torch.randn(2, 4, OBS, generator=torch.Generator().manual_seed(0))
    actor = make_actor(bear, state, config, Streams([3, 1], "actions"), 4)
    theirs = Streams([3, 1], "actions")
    policy, critics = plain.ordinary(state.policy.net.trunk), plain.twins(state.critic.net)
    with torch.no_grad():
        for _ in range(2):  # a second call draws anew
            actions = actor(states, torch.zeros(2, 4))
            noise = theirs.normal(7, 4, ACT)[0]
            for e in range(4):
                s = states[0, e].expand(7, -1)
                candidates = draw(policy, s, noise[:, e]).tanh()
                best = candidates[plain.values(critics, s, candidates)[0].argmax()]
                torch.testing.assert_close(actions[0, e], best)

"""BCQ against a plain single-seed reference and hand-computed losses."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import plain_torch as plain
from helpers.plain_torch import ACT, OBS, batches
from helpers.plain_vae import SIZE, PlainVAE, same_vae
from torch import Tensor, nn

from baselines import bcq
from bench.learning.networks import torch_default
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.method_contract import make_actor

SMALL = {"hidden": (16, 16), "vae_hidden": (16, 16)}


def moved(net: nn.Module, states: Tensor, actions: Tensor, limit: float) -> Tensor:
    change = limit * net(torch.cat([states, actions], 1)).tanh()
    return (actions + change).clamp(-1, 1)


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"perturbation": 0.5, "minimum_weight": 1.0, "target_samples": 3, "kl_weight": 0.1},
        {"discount": 0.9, "polyak": 0.05, "learning_rate": 3e-4, "minimum_weight": 0.2},
    ],
    ids=["defaults", "others", "rates"],
)
def test_fifty_updates_equal_a_plain_bcq(setting: dict[str, float]) -> None:
    config = bcq.Config(**SMALL, **setting)
    state = bcq.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    state.critic.net.trunk.biases[-1].data[0] += 0.5  # so that the first is not always the lower
    state.target_critic.track(state.critic, 1.0)
    actor, critics = plain.ordinary(state.policy.net.trunk), plain.twins(state.critic.net)
    target_actor, target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
    vae = PlainVAE(state.vae.net)
    adams = [
        torch.optim.Adam(net.parameters(), lr=config.learning_rate) for net in (vae, critics, actor)
    ]
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    limit, weight, samples = config.perturbation, config.minimum_weight, config.target_samples
    for batch in batches(50, SIZE):
        bcq.update(state, batch, config, ours)

        s, a, s2 = batch.observations[0], batch.actions[0], batch.next_observations[0]
        r, mask = batch.rewards[0], batch.masks[0]
        plain.descend(adams[0], vae.loss(s, a, theirs.normal(SIZE, 2 * ACT)[0], config.kl_weight))

        noise = theirs.normal(samples * SIZE, 2 * ACT)[0].reshape(samples, SIZE, 2 * ACT)
        with torch.no_grad():
            best = torch.full((SIZE,), -torch.inf)
            for z in noise:
                a2 = moved(target_actor, s2, vae.draw(s2, z).tanh(), limit)
                q1, q2 = plain.values(target_critics, s2, a2)
                mixed = weight * torch.min(q1, q2) + (1 - weight) * torch.max(q1, q2)
                best = torch.max(best, mixed)
            y = r + config.discount * mask * best
        q = plain.values(critics, s, a)
        plain.descend(adams[1], nn.functional.mse_loss(q[0], y) + nn.functional.mse_loss(q[1], y))

        proposed = vae.draw(s, theirs.normal(SIZE, 2 * ACT)[0]).tanh().detach()
        plain.descend(
            adams[2], -plain.values(critics, s, moved(actor, s, proposed, limit))[0].mean()
        )

        plain.track(target_critics, critics, config.polyak)
        plain.track(target_actor, actor, config.polyak)
    same_vae(state.vae.net, vae)
    plain.same(state.policy.net.trunk, actor)
    plain.same(state.target_policy.net.trunk, target_actor)
    plain.same_twins(state.critic.net, critics)
    plain.same_twins(state.target_critic.net, target_critics)


def test_acting_takes_the_best_of_the_proposals() -> None:
    config = bcq.Config(**SMALL, test_samples=7)
    state = bcq.init(Spec(OBS, ACT), config, Streams([3, 1], "initialisation"), 50)
    states = torch.randn(2, 4, OBS, generator=torch.Generator().manual_seed(0))
    actor = make_actor(bcq, state, config, Streams([3, 1], "actions"), 4)
    theirs = Streams([3, 1], "actions")
    with torch.no_grad():
        for _ in range(2):  # a second call draws anew
            actions = actor(states, torch.zeros(2, 4))
            noise = theirs.normal(7 * 4, 2 * ACT)
            vae, net = PlainVAE(state.vae.net), plain.ordinary(state.policy.net.trunk)
            critic = plain.twins(state.critic.net)
            for e in range(4):
                s = states[0, e].expand(7, -1)
                candidates = moved(net, s, vae.draw(s, noise[0, e::4]).tanh(), 0.05)
                best = candidates[plain.values(critic, s, candidates)[0].argmax()]
                torch.testing.assert_close(actions[0, e], best)


def test_best_value_by_hand() -> None:
    # one state, samples (Q1, Q2): (1, 5) and (3, 3)
    q = torch.tensor([[[1.0, 3.0]], [[5.0, 3.0]]])
    assert bcq.best_value(q, 2, 0.75).item() == pytest.approx(max(0.75 * 1 + 0.25 * 5, 3.0))
    assert bcq.best_value(q, 2, 0.25).item() == pytest.approx(0.25 * 1 + 0.75 * 5)
    # the same numbers as two states of one sample each
    assert bcq.best_value(q, 1, 0.75).tolist() == [[2.0, 3.0]]


def test_losses_by_hand() -> None:
    q = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])
    loss = bcq.critic_loss(q, torch.tensor([[1.0, 1.0]]))
    assert loss.item() == pytest.approx((4 + 1 + 1) / 2)
    assert bcq.policy_loss(torch.tensor([[1.0, -4.0]])).item() == pytest.approx(1.5)


def test_the_perturbation_is_limited_and_stays_within_the_bounds() -> None:
    streams = Streams([0], "initialisation")
    net = bcq.Perturbation([OBS + ACT, 8, ACT], 0.05, streams, initialiser=torch_default())
    net.trunk.biases[-1].data[..., 0], net.trunk.biases[-1].data[..., 1] = 100.0, -100.0
    actions = torch.tensor([[[0.2, 0.2], [0.99, -0.99]]])
    expected = torch.tensor([[[0.25, 0.15], [1.0, -1.0]]])
    torch.testing.assert_close(net(torch.zeros(1, 2, OBS), actions), expected)

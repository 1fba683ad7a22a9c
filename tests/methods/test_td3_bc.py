"""TD3+BC and BC against plain single-seed references and hand-computed losses."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import plain_torch as plain
from helpers.plain_torch import ACT, OBS, SIZE, batches
from torch import nn

from baselines import bc, td3_bc
from bench.learning.streams import Streams
from bench.learning.types import Spec


def test_fifty_updates_equal_a_plain_td3_bc() -> None:
    config = td3_bc.Config(hidden=(16, 16))
    state = td3_bc.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    actor = plain.ordinary(state.policy.net.trunk)
    critics = plain.twins(state.critic.net)
    target_actor, target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
    actor_adam = torch.optim.Adam(actor.parameters(), lr=3e-4)
    critic_adam = torch.optim.Adam(critics.parameters(), lr=3e-4)
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    for t, batch in enumerate(batches(50), start=1):
        td3_bc.update(state, batch, config, ours)

        s, a, s2 = batch.observations[0], batch.actions[0], batch.next_observations[0]
        r, mask = batch.rewards[0], batch.masks[0]
        noise = (theirs.normal(SIZE, ACT)[0] * 0.2).clamp(-0.5, 0.5)
        with torch.no_grad():
            a2 = (target_actor(s2).tanh() + noise).clamp(-1, 1)
            q2 = torch.min(*(c(torch.cat([s2, a2], 1)) for c in target_critics)).squeeze(1)
            y = r + 0.99 * mask * q2
        loss = sum(nn.functional.mse_loss(c(torch.cat([s, a], 1)).squeeze(1), y) for c in critics)
        plain.descend(critic_adam, loss)
        if t % 2 == 0:
            pi = actor(s).tanh()
            q = critics[0](torch.cat([s, pi], 1))
            actor_loss = -2.5 / q.abs().mean().detach() * q.mean() + nn.functional.mse_loss(pi, a)
            plain.descend(actor_adam, actor_loss)
            plain.track(target_actor, actor, 0.005)
            plain.track(target_critics, critics, 0.005)
    plain.same(state.policy.net.trunk, actor)
    plain.same(state.target_policy.net.trunk, target_actor)
    plain.same_twins(state.critic.net, critics)
    plain.same_twins(state.target_critic.net, target_critics)


def test_fifty_updates_equal_a_plain_bc() -> None:
    config = bc.Config(hidden=(16, 16))
    state = bc.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    actor = plain.ordinary(state.policy.net.trunk)
    adam = torch.optim.Adam(actor.parameters(), lr=3e-4)
    for batch in batches(50):
        bc.update(state, batch, config, Streams([0], "noise"))
        predicted = actor(batch.observations[0]).tanh()
        plain.descend(adam, nn.functional.mse_loss(predicted, batch.actions[0]))
    plain.same(state.policy.net.trunk, actor)


def test_policy_loss_by_hand() -> None:
    q = torch.tensor([[2.0, -4.0]])
    predicted, actions = torch.tensor([[[0.5], [0.0]]]), torch.tensor([[[0.0], [1.0]]])
    # cloning (0.25 + 1) / 2; scale 2.5 / 3; mean Q -1
    expected = 0.625 - 2.5 / 3 * -1
    loss = td3_bc.policy_loss(q, predicted, actions, 2.5)
    assert loss.item() == pytest.approx(expected)


def test_critic_and_cloning_loss_by_hand() -> None:
    q = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]])
    assert td3_bc.critic_loss(q, torch.tensor([[1.0, 1.0]])).item() == pytest.approx(
        (4 + 1 + 1) / 2
    )
    predicted, actions = torch.tensor([[[1.0, 0.0]]]), torch.tensor([[[0.0, 2.0]]])
    assert bc.cloning_loss(predicted, actions).item() == pytest.approx((1 + 4) / 2)

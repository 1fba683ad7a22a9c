"""TD3+BC and BC against plain single-seed references and hand-computed losses."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from baselines import bc, td3_bc
from bench.nets import MLP
from bench.rng import Streams
from bench.types import Batch, Spec

OBS, ACT, SIZE = 3, 2, 32


def batches(count: int, seed: int = 0) -> list[Batch]:
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(1, SIZE, *shape, generator=g)

    return [
        Batch(normal(OBS), normal(ACT).tanh(), normal(), (normal() > -1).float(), normal(OBS))
        for _ in range(count)
    ]


def ordinary(trunk: MLP, member: int | None = None) -> nn.Sequential:
    """The same network of one seed, from torch's own layers."""
    layers: list[nn.Module] = []
    for weight, bias in zip(trunk.weights, trunk.biases, strict=True):
        w, b = (weight, bias) if member is None else (weight[member], bias[member])
        linear = nn.Linear(*w.shape[1:])
        linear.weight.data.copy_(w[0].T)
        linear.bias.data.copy_(b[0, 0])
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def same(ours: MLP, theirs: nn.Sequential, member: int | None = None) -> None:
    expected = ordinary(ours, member)
    for a, b in zip(expected.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def test_fifty_updates_equal_a_plain_td3_bc() -> None:
    config = td3_bc.Config(hidden=(16, 16))
    state = td3_bc.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    actor = ordinary(state.policy.net.trunk)
    critics = nn.ModuleList([ordinary(state.critic.net.trunk, m) for m in range(2)])
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
        critic_adam.zero_grad()
        loss.backward()
        critic_adam.step()
        if t % 2 == 0:
            pi = actor(s).tanh()
            q = critics[0](torch.cat([s, pi], 1))
            actor_loss = -2.5 / q.abs().mean().detach() * q.mean() + nn.functional.mse_loss(pi, a)
            actor_adam.zero_grad()
            actor_loss.backward()
            actor_adam.step()
            for target, net in ((target_actor, actor), (target_critics, critics)):
                for p, q in zip(target.parameters(), net.parameters(), strict=True):
                    p.data.copy_(0.995 * p.data + 0.005 * q.data)
    same(state.policy.net.trunk, actor)
    same(state.target_policy.net.trunk, target_actor)
    for m in range(2):
        same(state.critic.net.trunk, critics[m], m)
        same(state.target_critic.net.trunk, target_critics[m], m)


def test_fifty_updates_equal_a_plain_bc() -> None:
    config = bc.Config(hidden=(16, 16))
    state = bc.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    actor = ordinary(state.policy.net.trunk)
    adam = torch.optim.Adam(actor.parameters(), lr=3e-4)
    for batch in batches(50):
        bc.update(state, batch, config, Streams([0], "noise"))
        adam.zero_grad()
        nn.functional.mse_loss(actor(batch.observations[0]).tanh(), batch.actions[0]).backward()
        adam.step()
    same(state.policy.net.trunk, actor)


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

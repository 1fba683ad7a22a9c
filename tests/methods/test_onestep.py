"""Onestep RL against a plain single-seed reference, phase by phase, and hand-computed losses."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.plain_torch import ACT, OBS, SIZE, batches, ordinary, same
from torch import Tensor, nn
from torch.distributions import Normal

from baselines import onestep
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

UPDATES, CLONED, EVALUATED = 50, 12, 31
SMALL = onestep.Config(
    samples=4, behaviour_steps=CLONED, critic_steps=EVALUATED, policy_steps=UPDATES - EVALUATED,
    learning_rate=1e-3, hidden=(16, 16),
)  # fmt: skip


def sarsa_batches(count: int) -> list[Batch]:
    """With next actions, and some rows that have none."""
    g = torch.Generator().manual_seed(7)

    def columns() -> dict[str, Tensor]:
        following = torch.randn(1, SIZE, ACT, generator=g).tanh()
        known = (torch.rand(1, SIZE, generator=g) > 0.2).float()
        return {"next_actions": following, "known": known}

    return [replace(batch, columns=columns()) for batch in batches(count)]


def head(net: nn.Module, s: Tensor) -> Normal:
    mean, log_std = net(s).tanh().chunk(2, 1)
    return Normal(mean, (-5 + 2.5 * (log_std + 1)).exp())


@pytest.mark.parametrize("improvement", ["exp_weight", "reverse_kl"])
def test_fifty_updates_equal_a_plain_onestep(improvement: str) -> None:
    config = replace(SMALL, improvement=improvement, temperature=200.0, alpha=0.5)
    state = onestep.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), UPDATES)
    clone, critic = ordinary(state.behaviour.net.trunk), ordinary(state.critic.net.trunk)
    data, ours, theirs = sarsa_batches(UPDATES), Streams([0], "noise"), Streams([0], "noise")
    metrics = [onestep.update(state, batch, config, ours) for batch in data]

    adam = torch.optim.Adam(clone.parameters(), lr=1e-3)
    for batch in data[:CLONED]:
        loss = -head(clone, batch.observations[0]).log_prob(batch.actions[0]).sum(1).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    same(state.behaviour.net.trunk, clone)

    target, adam = copy.deepcopy(critic), torch.optim.Adam(critic.parameters(), lr=1e-3)
    for t, batch in enumerate(data[:EVALUATED], start=1):
        pair = torch.cat([batch.observations[0], batch.actions[0]], 1)
        following = torch.cat([batch.next_observations[0], batch.columns["next_actions"][0]], 1)
        with torch.no_grad():
            y = batch.rewards[0] + 0.99 * batch.masks[0] * target(following).squeeze(1)
        error = (critic(pair).squeeze(1) - y) * batch.columns["known"][0]
        adam.zero_grad()
        error.square().mean().backward()
        adam.step()
        if t % 2 == 0:
            for p, q in zip(target.parameters(), critic.parameters(), strict=True):
                p.data.copy_(0.995 * p.data + 0.005 * q.data)
    same(state.critic.net.trunk, critic)
    same(state.target_critic.net.trunk, target)

    policy = copy.deepcopy(clone)
    adam = torch.optim.Adam(policy.parameters(), lr=1e-3)
    clipped = 0
    for batch in data[EVALUATED:]:
        s, a = batch.observations[0], batch.actions[0]
        new, old = head(policy, s), head(clone, s)
        if improvement == "exp_weight":
            with torch.no_grad():
                draws = theirs.normal(4, SIZE, ACT)[0]
                q = [critic(torch.cat([s, old.mean + old.stddev * e], 1)) for e in draws]
                advantage = critic(torch.cat([s, a], 1)) - torch.stack(q).mean(0)
                weights = (200.0 * advantage.squeeze(1)).exp().clamp(max=100)
                clipped += int((weights == 100).sum())
            loss = -(weights * new.log_prob(a).sum(1)).mean()
        else:
            first, *others = theirs.normal(5, SIZE, ACT)[0]
            q = critic(torch.cat([s, new.mean + new.stddev * first], 1)).squeeze(1)
            own = [new.mean + new.stddev * e for e in others]
            ratios = [(new.log_prob(x) - old.log_prob(x)).sum(1) for x in own]
            loss = (0.5 * torch.stack(ratios).mean(0) - q).mean()
        gradients = torch.autograd.grad(loss, list(policy.parameters()))
        for p, gradient in zip(policy.parameters(), gradients, strict=True):
            p.grad = gradient
        adam.step()
    same(state.policy.net.trunk, policy)
    assert improvement == "reverse_kl" or clipped > 0
    assert metrics[-1]["actor_loss"].item() == pytest.approx(loss.item(), rel=1e-3)


def test_the_phases_have_the_proportions_of_the_official_steps() -> None:
    streams = Streams([0], "initialisation")
    config = onestep.Config(hidden=(4,))
    state = onestep.init(Spec(OBS, ACT), config, streams, 2_100)
    assert (state.phases.behaviour, state.phases.critic) == (500, 2_000)
    # However short the run, its end improves.
    state = onestep.init(Spec(OBS, ACT), config, streams, 10)
    assert (state.phases.behaviour, state.phases.critic) == (2, 9)
    # Cloning may be the longer one.
    longer = replace(config, behaviour_steps=3.0, critic_steps=1.0, policy_steps=1.0)
    state = onestep.init(Spec(OBS, ACT), longer, streams, 8)
    assert (state.phases.behaviour, state.phases.critic) == (6, 2)
    names = []
    for batch in sarsa_batches(8):
        names.append(onestep.branch(state, longer))
        onestep.update(state, batch, longer, Streams([0], "noise"))
    assert [s.clone for s in names] == [True] * 6 + [False] * 2
    assert [s.evaluate for s in names] == [True] * 2 + [False] * 6
    assert [s.track for s in names] == [False, True] + [False] * 6
    learners = (state.behaviour, state.critic, state.policy)
    assert [learner.updates for learner in learners] == [6, 2, 2]


def test_it_acts_as_the_behaviour_until_the_improvement() -> None:
    state = onestep.init(Spec(OBS, ACT), SMALL, Streams([0, 1], "initialisation"), UPDATES)
    s = torch.randn(2, 5, OBS)
    stack = [
        replace(b, **{k: torch.cat([v, v]) for k, v in vars(b).items() if k != "columns"},
                columns={k: torch.cat([v, v]) for k, v in b.columns.items()})
        for b in sarsa_batches(UPDATES)
    ]  # fmt: skip
    frozen = {}
    for t, batch in enumerate(stack):
        improving = not onestep.branch(state, SMALL).evaluate
        assert improving == (t >= EVALUATED)
        if t == EVALUATED:
            frozen = {k: getattr(state, k).flat.clone() for k in ("behaviour", "critic")}
            frozen["target_critic"] = state.target_critic.flat.clone()
        onestep.update(state, batch, SMALL, Streams([0, 1], "noise"))
        expected = state.behaviour(s)
        assert torch.equal(onestep.act(state, s, SMALL), expected) != improving
    for name, flat in frozen.items():
        assert torch.equal(getattr(state, name).flat, flat)


def test_a_restored_state_is_in_the_same_phase() -> None:
    state = onestep.init(Spec(OBS, ACT), SMALL, Streams([0], "initialisation"), UPDATES)
    other = onestep.init(Spec(OBS, ACT), SMALL, Streams([0], "initialisation"), 500)
    other.phases.restore(state.phases.tensors())
    assert other.phases == state.phases


def test_next_actions_are_those_of_the_same_episode() -> None:
    rng = np.random.default_rng(0)
    lengths, truncated = [3, 1, 4, 2, 1], [True, False, False, True, True]
    n = sum(lengths)
    masks = np.ones(n, np.float32)
    ends = np.cumsum(lengths) - 1
    masks[[end for end, cut in zip(ends, truncated, strict=True) if not cut]] = 0
    actions = rng.uniform(-1, 1, (n, ACT)).astype(np.float32)
    actions[1] = 1.0
    data = Transitions(
        observations=np.zeros((n, OBS), np.float32),
        actions=actions,
        rewards=np.zeros(n, np.float32),
        next_observations=np.zeros((n, OBS), np.float32),
        masks=masks,
        episodes=np.repeat(np.arange(5), lengths).astype(np.int32),
    )
    columns = onestep.columns(data, SMALL)
    assert columns["next_actions"].shape == (n, ACT)
    assert all(c.dtype == np.float32 for c in columns.values())
    for row in range(n):
        if row in ends:
            assert columns["known"][row] == (masks[row] == 0)
        else:
            assert columns["known"][row] == 1
            np.testing.assert_allclose(columns["next_actions"][row], actions[row + 1], atol=1e-5)
    assert columns["next_actions"].max() < 1  # as the replay has the actions themselves


def test_rows_without_a_next_action_teach_the_critic_nothing() -> None:
    batch = sarsa_batches(1)[0]
    unknown = batch.columns["known"] == 0
    assert unknown.any()
    other = copy.deepcopy(batch)
    other.columns["next_actions"][unknown] = 0.9
    other.rewards[unknown] = 100.0
    flats = []
    for each in (batch, other):
        state = onestep.init(Spec(OBS, ACT), SMALL, Streams([0], "initialisation"), UPDATES)
        onestep.update(state, each, SMALL, Streams([0], "noise"))
        flats.append(state.critic.flat)
    assert torch.equal(*flats)


def test_losses_by_hand() -> None:
    log_density = torch.tensor([[-1.0, 3.0]])
    assert onestep.behaviour_loss(log_density).item() == pytest.approx(-1.0)
    q, target = torch.tensor([[1.0, 3.0, 5.0]]), torch.tensor([[0.0, 1.0, 1.0]])
    known = torch.tensor([[1.0, 1.0, 0.0]])
    assert onestep.critic_loss(q, target, known).item() == pytest.approx((1 + 4) / 3)
    weights = torch.tensor([[0.5, 2.0]])
    assert onestep.exp_weight_loss(weights, log_density).item() == pytest.approx(-(-0.5 + 6) / 2)
    loss = onestep.reverse_kl_loss(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]]), 0.5)
    assert loss.item() == pytest.approx((1.5 - 1 + 2.5 - 2) / 2)


def test_density_equals_torch_distributions() -> None:
    mean, log_std, actions = torch.randn(3, 2, 5, ACT)
    expected = Normal(mean, log_std.exp()).log_prob(actions).sum(-1)
    torch.testing.assert_close(onestep.log_prob(mean, log_std, actions), expected)


def test_q_of_several_actions_is_q_of_each() -> None:
    state = onestep.init(Spec(OBS, ACT), SMALL, Streams([0, 1], "initialisation"), UPDATES)
    s, actions = torch.randn(2, 5, OBS), torch.randn(2, 4, 5, ACT)
    q = onestep.q_values(state.critic, s, actions)
    assert q.shape == (2, 4, 5)
    for n in range(4):
        torch.testing.assert_close(q[:, n], state.critic(torch.cat([s, actions[:, n]], -1)))


def test_the_divergence_estimates_the_closed_form() -> None:
    """Of two normals; here the mean of many draws."""
    config = replace(SMALL, improvement="reverse_kl", samples=4_000)
    state = onestep.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), UPDATES)
    state.phases.restore({"ends": torch.zeros(2, dtype=torch.int64)})
    with torch.no_grad():
        state.policy.flat.mul_(1.5)
    batch = sarsa_batches(1)[0]
    with torch.no_grad():
        pairs = [
            net.net.distribution(batch.observations) for net in (state.policy, state.behaviour)
        ]
    new, old = (Normal(mean, log_std.exp()) for mean, log_std in pairs)
    expected = torch.distributions.kl_divergence(new, old).sum(-1).mean().item()
    metrics = onestep.update(state, batch, config, Streams([0], "noise"))
    assert metrics["divergence"].item() == pytest.approx(expected, rel=0.05)

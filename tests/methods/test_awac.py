"""AWAC against a plain single-seed reference and hand-computed losses."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from helpers.plain_torch import ACT, OBS, SIZE, batches, ordinary, same
from torch import nn
from torch.distributions import Normal

from baselines import awac
from bench.learning.learner import Learner, constant
from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.learning.types import Spec

# Weights and decay so strong that they show within 50 updates.
CASES = {
    "relative": awac.Config(beta=5e-4, weight_decay=0.1, policy_hidden=(16, 8), hidden=(16, 16)),
    "clipped": awac.Config(
        beta=1e-4, relative=False, weight_decay=0.0, policy_hidden=(16,), hidden=(16, 16)
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fifty_updates_equal_a_plain_awac(case: str) -> None:
    config = CASES[case]
    state = awac.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 50)
    actor = ordinary(state.policy.net.trunk)
    logit = nn.Parameter(torch.zeros(ACT))
    critics = nn.ModuleList([ordinary(state.critic.net.trunk, m) for m in range(2)])
    targets = copy.deepcopy(critics)
    decay = config.weight_decay
    actor_adam = torch.optim.Adam([*actor.parameters(), logit], lr=3e-4, weight_decay=decay)
    critic_adams = [torch.optim.Adam(c.parameters(), lr=3e-4) for c in critics]
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    largest = 0.0

    def policy(s: torch.Tensor) -> Normal:
        return Normal(actor(s).tanh(), (-6 + 6 * logit.sigmoid()).exp())

    def lower(nets: nn.ModuleList, s: torch.Tensor, a: torch.Tensor) -> torch.Tensor:
        return torch.min(*(c(torch.cat([s, a], 1)) for c in nets)).squeeze(1)

    for batch in batches(50):
        metrics = awac.update(state, batch, config, ours)

        s, a, s2 = batch.observations[0], batch.actions[0], batch.next_observations[0]
        r, mask = batch.rewards[0], batch.masks[0]
        with torch.no_grad():
            following, here = policy(s2), policy(s)
            a2 = following.mean + following.stddev * theirs.normal(SIZE, ACT)[0]
            y = r + 0.99 * mask * lower(targets, s2, a2)
            own = here.mean + here.stddev * theirs.normal(SIZE, ACT)[0]
            advantage = lower(critics, s, a) - lower(critics, s, own)
            if config.relative:
                exponential = (advantage / config.beta).exp()
                weights = exponential / exponential.mean()
            else:
                weights = (advantage / config.beta).exp().clamp(max=100)
        largest = max(largest, weights.max().item())
        assert metrics["largest_weight"].item() == pytest.approx(weights.max().item(), rel=1e-3)
        actor_loss = -(weights * policy(s).log_prob(a).sum(1)).mean()
        for critic, adam in zip(critics, critic_adams, strict=True):
            adam.zero_grad()
            nn.functional.mse_loss(critic(torch.cat([s, a], 1)).squeeze(1), y).backward()
            adam.step()
        actor_adam.zero_grad()
        actor_loss.backward()
        actor_adam.step()
        for p, q in zip(targets.parameters(), critics.parameters(), strict=True):
            p.data.copy_(0.995 * p.data + 0.005 * q.data)
    same(state.policy.net.trunk, actor)
    torch.testing.assert_close(state.policy.net.log_std[0, 0], logit, rtol=0, atol=1e-5)
    for m in range(2):
        same(state.critic.net.trunk, critics[m], m)
        same(state.target_critic.net.trunk, targets[m], m)
    assert largest == 100 if not config.relative else largest > 2


def test_weights_by_hand() -> None:
    advantage = torch.tensor([[0.0, 2 * math.log(3), -1000.0], [200.0, 200.0, 200.0]])
    relative = awac.weigh(advantage, beta=2.0, relative=True)
    # exp(A / 2) = 1, 3, 0, whose mean is 4/3; equal advantages weigh 1, however large they are
    torch.testing.assert_close(relative, torch.tensor([[0.75, 2.25, 0.0], [1.0, 1.0, 1.0]]))
    clipped = awac.weigh(advantage, beta=2.0, relative=False)
    torch.testing.assert_close(clipped, torch.tensor([[1.0, 3.0, 0.0], [100.0, 100.0, 100.0]]))


def test_losses_by_hand() -> None:
    q, target = torch.tensor([[[1.0, 3.0]], [[2.0, 0.0]]]), torch.tensor([[1.0, 1.0]])
    assert awac.critic_loss(q, target).item() == pytest.approx((4 + 1 + 1) / 2)
    weights, log_prob = torch.tensor([[0.5, 2.0]]), torch.tensor([[-1.0, 3.0]])
    assert awac.policy_loss(weights, log_prob).item() == pytest.approx(-(-0.5 + 6.0) / 2)


def test_the_deviation_stays_in_its_range_and_starts_in_the_middle() -> None:
    state = awac.init(Spec(OBS, ACT), awac.Config(), Streams([0, 1], "initialisation"), 1)
    policy, s = state.policy.net, torch.randn(2, 5, OBS)
    torch.testing.assert_close(policy.std(), torch.full((2, 1, ACT), math.exp(-3)))
    with torch.no_grad():
        policy.log_std[0].fill_(-50)
        policy.log_std[1].fill_(50)
    assert policy.std()[0].eq(math.exp(-6)).all()
    assert policy.std()[1].eq(1).all()
    actions = torch.rand(2, 5, ACT)
    expected = Normal(policy(s), policy.std()).log_prob(actions).sum(-1)
    torch.testing.assert_close(policy.log_prob(s, actions), expected)


def test_initial_weights_are_rlkits() -> None:
    config = awac.Config(policy_hidden=(100, 25), hidden=(100, 25))
    state = awac.init(Spec(OBS, ACT), config, Streams([0, 1], "initialisation"), 1)
    for trunk, last in ((state.policy.net.trunk, 1e-3), (state.critic.net.trunk, 3e-3)):
        for weight, bound in zip(trunk.weights, (0.1, 0.2, last), strict=True):
            assert weight.abs().max() <= bound
            assert weight.abs().max() > 0.9 * bound
            assert weight.min() < 0
        assert all(not bias.any() for bias in trunk.biases)


def test_weight_decay_is_that_of_torch_adam() -> None:
    net = ValueNet([3, 8], Streams([0, 1], "initialisation"))
    theirs = copy.deepcopy(net)
    ours = Learner(net, constant(1e-2), weight_decay=0.3)
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-2, weight_decay=0.3)
    for _ in range(5):
        x, y = torch.randn(2, 16, 3), torch.randn(2, 16)
        ours.descend((ours(x) - y).square().mean(-1))
        adam.zero_grad()
        (theirs(x) - y).square().mean(-1).sum().backward()
        adam.step()
    for a, b in zip(ours.parameters, theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6)

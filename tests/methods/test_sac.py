"""SAC against a plain single-seed reference, and each of its losses by hand."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from helpers.cql_problem import SIZE, STEPS, batches
from helpers.plain_torch import ACT, OBS, ordinary
from torch import Tensor, nn
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from baselines import sac
from bench.learning.networks import MLP
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

CONFIG = sac.Config(hidden=(16, 16), log_std_range=(-1.0, 0.5))


def fresh(config: sac.Config = CONFIG) -> sac.State:
    return sac.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), STEPS)


class PlainSAC:
    """One seed, torch's own optimisers and distributions, in stable-baselines3's order."""

    def __init__(self, config: sac.Config, state: sac.State):
        self.c = config
        self.policy = ordinary(state.policy.net.trunk)
        self.qs = [ordinary(state.critic.net.trunk, m) for m in range(2)]
        self.targets = copy.deepcopy(self.qs)
        self.log_ent_coef = nn.Parameter(torch.zeros(()))
        q_parameters = [p for q in self.qs for p in q.parameters()]
        self.actor_adam, self.q_adam, self.ent_adam = (
            torch.optim.Adam(p, lr=config.learning_rate)
            for p in (list(self.policy.parameters()), q_parameters, [self.log_ent_coef])
        )

    def sample(self, s: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = self.policy(s).chunk(2, dim=-1)
        std = log_std.clamp(*self.c.log_std_range).exp()
        squashed = TransformedDistribution(Normal(mean, std), TanhTransform(cache_size=1))
        action = squashed.transforms[0](mean + std * noise)
        return action, squashed.log_prob(action).sum(-1)

    def step(self, batch: Batch, streams: Streams) -> None:
        s, a, r, mask, s2 = (
            x[0] for x in (batch.observations, batch.actions, batch.rewards, batch.masks,
                           batch.next_observations)
        )  # fmt: skip
        noise = streams.normal(2, SIZE, ACT)[0]
        a_pi, log_pi = self.sample(s, noise[0])
        ent_coef = self.log_ent_coef.exp().detach()
        minimise(self.ent_adam, -(self.log_ent_coef * (log_pi - ACT).detach()).mean())
        with torch.no_grad():
            a2, log_pi2 = self.sample(s2, noise[1])
            next_q = torch.min(*(q(torch.cat([s2, a2], 1)).squeeze(1) for q in self.targets))
            y = r + mask * self.c.discount * (next_q - ent_coef * log_pi2)
        q_loss = sum(F.mse_loss(q(torch.cat([s, a], 1)).squeeze(1), y) for q in self.qs) / 2
        minimise(self.q_adam, q_loss)
        low = torch.min(*(q(torch.cat([s, a_pi], 1)).squeeze(1) for q in self.qs))
        minimise(self.actor_adam, (ent_coef * log_pi - low).mean())
        for target, q in zip(self.targets, self.qs, strict=True):
            for p, new in zip(target.parameters(), q.parameters(), strict=True):
                p.data.copy_((1 - self.c.polyak) * p.data + self.c.polyak * new.data)


def minimise(adam: torch.optim.Adam, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


def test_fifty_updates_equal_a_plain_sac() -> None:
    state = fresh()
    plain = PlainSAC(CONFIG, state)
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    for batch in batches(STEPS):
        sac.update(state, batch, CONFIG, ours)
        plain.step(batch, theirs)

    def same(net: nn.Sequential, trunk: MLP, member: int | None = None) -> None:
        for x, y in zip(net.parameters(), ordinary(trunk, member).parameters(), strict=True):
            torch.testing.assert_close(y, x, rtol=0, atol=1e-5)

    same(plain.policy, state.policy.net.trunk)
    for m in range(2):
        same(plain.qs[m], state.critic.net.trunk, m)
        same(plain.targets[m], state.target_critic.net.trunk, m)
    torch.testing.assert_close(
        state.temperature.flat[0], plain.log_ent_coef.detach(), rtol=0, atol=1e-5
    )
    moment = plain.ent_adam.state[plain.log_ent_coef]["exp_avg"]
    torch.testing.assert_close(state.temperature.mean[0], moment, rtol=1e-4, atol=1e-5)
    assert ours.generators[0].get_state().equal(theirs.generators[0].get_state())


def test_losses_by_hand() -> None:
    q, target = torch.tensor([[[1.0, 2.0]], [[3.0, 0.0]]]), torch.tensor([[0.0, 1.0]])
    torch.testing.assert_close(
        sac.critic_loss(q, target), torch.tensor([0.5 * (1 + 1 + 9 + 1) / 2])
    )
    log_pi, score, alpha = torch.tensor([[1.0, -2.0]]), torch.tensor([[4.0, 0.0]]), 0.5
    loss = sac.policy_loss(log_pi, score, torch.tensor([[alpha]]))
    torch.testing.assert_close(loss, torch.tensor([((0.5 - 4) + (-1 - 0)) / 2]))
    # Entropy 0.5 above the wanted -2 pulls the temperature down.
    log_alpha = torch.tensor([[0.3]], requires_grad=True)
    sac.temperature_loss(log_alpha, torch.tensor([[1.0, 2.0]]), 2).sum().backward()
    torch.testing.assert_close(log_alpha.grad, torch.tensor([[0.5]]))


def test_actions_are_uniform_until_the_first_update() -> None:
    observations = torch.zeros(1, 4000, OBS)
    state = fresh()
    actions = sac.explore(state, observations, CONFIG, Streams([0], "exploration"))
    assert actions.shape == (1, 4000, ACT)
    quarters = torch.histc(actions, 4, -1, 1) / actions.numel()
    torch.testing.assert_close(quarters, torch.full((4,), 0.25), rtol=0, atol=0.03)
    own = sac.Config(hidden=(16, 16), uniform=False)
    from_policy = sac.explore(state, observations, own, Streams([0], "exploration"))
    mean = state.policy(observations)
    assert (from_policy.median(1).values - mean[:, 0]).abs().max() < 0.1
    sac.update(state, batches(1)[0], CONFIG, Streams([0], "noise"))
    later = sac.explore(state, observations, CONFIG, Streams([0], "exploration"))
    assert not torch.equal(later, actions)
    assert torch.equal(later, sac.explore(state, observations, own, Streams([0], "exploration")))


def test_it_finds_the_best_action_of_one_step_problems() -> None:
    """Reward 1 - |a - 0.5 s|^2 of a one-step episode: the mean action becomes 0.5 s."""
    config = sac.Config(hidden=(32, 32), learning_rate=3e-3)
    state = sac.init(Spec(2, 2), config, Streams([0, 1], "initialisation"), 600)
    g, noise = torch.Generator().manual_seed(0), Streams([0, 1], "noise")
    for _ in range(600):
        s, a = (2 * torch.rand(2, 64, 2, generator=g) - 1 for _ in range(2))
        reward = 1 - 4 * (a - 0.5 * s).square().sum(-1)
        sac.update(state, Batch(s, a, reward, torch.zeros(2, 64), s), config, noise)
    s = 2 * torch.rand(2, 200, 2, generator=g) - 1
    assert ((sac.act(state, s, config) - 0.5 * s).abs().mean((1, 2)) < 0.15).all()

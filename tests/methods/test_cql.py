"""CQL against a plain single-seed reference, in every branch."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from helpers.cql_problem import SIZE, SMALL, STEPS, batches
from helpers.plain_torch import ACT, OBS, descend, ordinary, same, track
from torch import Tensor, nn
from torch.distributions import Normal, TanhTransform, TransformedDistribution

from baselines import cql
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


class PlainCQL:
    """One seed; one network call for each kind of action, as the equations have them."""

    def __init__(self, config: cql.Config, state: cql.State):
        self.c = config
        self.policy = ordinary(state.policy.net.trunk)
        self.scaling = nn.Parameter(torch.tensor(config.log_std_scaling or (1.0, 0.0)))
        self.q1, self.q2 = (ordinary(state.critic.net.trunk, m) for m in range(2))
        self.target1, self.target2 = copy.deepcopy(self.q1), copy.deepcopy(self.q2)
        self.log_alpha = nn.Parameter(torch.zeros(()))
        self.log_alpha_prime = nn.Parameter(torch.tensor(config.initial_log_multiplier))
        trained = [*self.policy.parameters()] + [self.scaling] * bool(config.log_std_scaling)
        slow, fast = config.policy_learning_rate, config.learning_rate
        self.policy_adam = torch.optim.Adam(trained, lr=slow)
        self.alpha_adam = torch.optim.Adam([self.log_alpha], lr=slow)
        self.alpha_prime_adam = torch.optim.Adam([self.log_alpha_prime], lr=fast)
        self.q_adams = [torch.optim.Adam(q.parameters(), lr=fast) for q in (self.q1, self.q2)]

    def pi(self, s: Tensor) -> TransformedDistribution:
        mean, log_std = self.policy(s).chunk(2, dim=-1)
        log_std = (self.scaling[0] * log_std + self.scaling[1]).clamp(self.c.log_std_min, 2)
        return TransformedDistribution(Normal(mean, log_std.exp()), TanhTransform(cache_size=1))

    def sample(self, s: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        distribution = self.pi(s)
        raw = distribution.base_dist.mean + distribution.base_dist.stddev * noise
        action = distribution.transforms[0](raw)
        return action, distribution.log_prob(action).sum(-1)

    def step(self, batch: Batch, streams: Streams, step: int) -> None:
        c, n = self.c, self.c.samples
        s, s2, r, mask = (
            x[0] for x in (batch.observations, batch.next_observations, batch.rewards, batch.masks)
        )
        a = batch.actions[0].clamp(-c.action_limit, c.action_limit)
        backups = n if c.max_target_backup else 1
        noise = list(streams.normal(1 + 2 * n + backups, SIZE, ACT)[0])
        rand = list(2 * streams.uniform(n, SIZE, ACT)[0] - 1)

        new_a, log_pi = self.sample(s, noise.pop(0))
        alpha_loss = -(self.log_alpha * (log_pi - ACT).detach()).mean()
        descend(self.alpha_adam, alpha_loss)
        alpha = self.log_alpha.exp().detach()

        with torch.no_grad():
            curr = [self.sample(s, noise.pop(0)) for _ in range(n)]
            nxt = [self.sample(s2, noise.pop(0)) for _ in range(n)]
            best = torch.full((SIZE,), -math.inf)
            entropy = torch.zeros(SIZE)
            for _ in range(backups):
                a2, log_pi2 = self.sample(s2, noise.pop(0))
                sa2 = torch.cat([s2, a2], 1)
                q2 = torch.min(self.target1(sa2), self.target2(sa2)).squeeze(1)
                entropy = torch.where(q2 > best, -log_pi2, entropy)
                best = torch.max(best, q2)
            y = best + alpha * entropy if c.backup_entropy else best
            y = r + c.discount * mask * y

        if step < c.warm_start:
            actor_loss = (alpha * log_pi - self.pi(s).log_prob(a).sum(-1)).mean()
        else:
            sa = torch.cat([s, new_a], 1)
            actor_loss = (alpha * log_pi - torch.min(self.q1(sa), self.q2(sa)).squeeze(1)).mean()

        q_losses, excesses = [], []
        for q in (self.q1, self.q2):

            def at(action: Tensor, q: nn.Module = q) -> Tensor:
                return q(torch.cat([s, action], 1)).squeeze(1)

            columns = [at(x) - math.log(0.5**ACT) for x in rand]
            columns += [at(x) - density for x, density in [*curr, *nxt]]
            gap = torch.logsumexp(torch.stack(columns, 1), 1) - at(a)
            if c.clip_gap is not None:
                gap = gap.clamp(min=c.clip_gap)
            excesses.append(c.min_q_weight * gap.mean())
            q_losses.append(F.mse_loss(at(a), y))
        if c.target_gap is not None:
            excesses = [x - c.target_gap for x in excesses]
            alpha_prime = self.log_alpha_prime.exp()
            alpha_prime_loss = -0.5 * sum(alpha_prime * x.detach() for x in excesses)
            excesses = [alpha_prime.detach() * x for x in excesses]
            descend(self.alpha_prime_adam, alpha_prime_loss)

        self.policy_adam.zero_grad()
        actor_loss.backward()
        for adam in self.q_adams:
            adam.zero_grad()
        sum(q_losses + excesses).backward()
        for adam in (self.policy_adam, *self.q_adams):
            adam.step()
        for target, q in ((self.target1, self.q1), (self.target2, self.q2)):
            track(target, q, c.polyak)


LAGRANGE = {"min_q_weight": 5.0, "target_gap": 5.0}
RECIPE = {
    "orthogonal": True,
    "log_std_min": -20.0,
    "log_std_scaling": (0.0, -1.0),
    "policy_hidden": (12,),
    "action_limit": 0.8,
    "initial_log_multiplier": 1.0,
    "max_target_backup": True,
    "clip_gap": 3.5,  # of gaps about 3 to 5, so that it is in force for some states
    "min_q_weight": 5.0,
    "target_gap": 1.0,
    "warm_start": 20,
}
CASES = {
    "official": {"warm_start": 0, "samples": 10},
    "warm start, then Q": {"warm_start": 25},
    "lagrange": {"warm_start": 0, **LAGRANGE},
    "lagrange, about its target": {"warm_start": 0, "min_q_weight": 1.0, "target_gap": 3.58},
    "max backup": {"warm_start": 0, "max_target_backup": True},
    "entropy in the target": {"warm_start": 0, "backup_entropy": True},
    "both": {"warm_start": 0, "max_target_backup": True, "backup_entropy": True},
    "recipe": RECIPE,
}


@pytest.mark.parametrize("name", CASES)
def test_fifty_updates_equal_a_plain_cql(name: str) -> None:
    config = cql.Config(**SMALL | CASES[name])
    state = cql.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), STEPS)
    plain = PlainCQL(config, state)
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    for step, batch in enumerate(batches(STEPS)):
        cql.update(state, batch, config, ours)
        plain.step(batch, theirs, step)

    same(state.policy.net.trunk, plain.policy)
    if state.policy.net.affine is not None:
        scaling = torch.stack([p.flatten()[0] for p in state.policy.net.affine])
        torch.testing.assert_close(scaling, plain.scaling, rtol=0, atol=1e-5)
    for m, (q, target) in enumerate(((plain.q1, plain.target1), (plain.q2, plain.target2))):
        same(state.critic.net.trunk, q, m)
        same(state.target_critic.net.trunk, target, m)
    for learner, adam, number in (
        (state.temperature, plain.alpha_adam, plain.log_alpha),
        (state.multiplier, plain.alpha_prime_adam, plain.log_alpha_prime),
    ):
        torch.testing.assert_close(learner.flat[0], number.detach(), rtol=0, atol=1e-5)
        # Adam hides the size of a gradient; its moment does not.
        moment = adam.state[number].get("exp_avg", torch.zeros(()))
        torch.testing.assert_close(learner.mean[0], moment, rtol=1e-4, atol=1e-5)
    assert ours.generators[0].get_state().equal(theirs.generators[0].get_state())


def test_branch_is_the_warm_start() -> None:
    config = cql.Config(hidden=(8,), samples=2, warm_start=3)
    state = cql.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), 5)
    seen = []
    for batch in batches(5):
        seen.append(cql.branch(state, config))
        cql.update(state, batch, config, Streams([0], "noise"))
    assert seen == [True, True, True, False, False]

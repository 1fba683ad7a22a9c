"""IQL's variants: each against a plain reference in its port's own order, and against IQL."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import plain_torch as plain
from helpers.plain_torch import ACT, OBS, batches
from torch import Tensor, nn

from bench.config import registry
from bench.learning.streams import Streams
from bench.learning.types import Spec
from iql import iql

UPDATES = 50
CONFIG: dict[str, Any] = {"hidden": (16, 16), "learning_rate": 1e-3, "temperature": 10.0}
CODE = [name for name in registry.VARIANTS if registry.METHODS[name].module != "iql.iql"]


def start(module: Any, updates: int = UPDATES, **changes: Any) -> tuple[Any, Any]:
    config = module.Config(**CONFIG | changes)
    return module.init(Spec(OBS, ACT), config, Streams([0], "initialisation"), updates), config


def run(module: Any, count: int, **changes: Any) -> Any:
    """The state after `count` of UPDATES updates."""
    state, config = start(module, **changes)
    for batch in batches(count):
        module.update(state, batch, config, Streams([0], "noise"))
    return state


# --- plain references -----------------------------------------------------------------


class Plain:
    """IQL's networks and optimisers for one seed, without any order of the steps."""

    def __init__(self, state: iql.State, joint: bool = False):
        rate = CONFIG["learning_rate"]
        self.actor = plain.ordinary(state.policy.net.trunk)
        self.value = plain.ordinary(state.value.net.trunk)
        self.critics = plain.twins(state.critic.net)
        self.targets = copy.deepcopy(self.critics)
        self.log_std = nn.Parameter(torch.zeros(ACT))
        self.actor_adam = torch.optim.Adam([*self.actor.parameters(), self.log_std], rate)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.actor_adam, UPDATES)
        both = [*self.critics.parameters(), *self.value.parameters()]
        self.joint_adam = torch.optim.Adam(both, rate) if joint else None
        self.critic_adam = torch.optim.Adam(self.critics.parameters(), rate)
        self.value_adam = torch.optim.Adam(self.value.parameters(), rate)

    def v(self, s: Tensor) -> Tensor:
        return self.value(s).squeeze(1)

    def value_loss(self, q: Tensor, s: Tensor) -> Tensor:
        u = q.detach() - self.v(s)
        return ((0.7 - (u < 0).float()).abs() * u**2).mean()

    def log_prob(self, s: Tensor, a: Tensor) -> Tensor:
        std = self.log_std.clamp(-5, 2).exp()
        return torch.distributions.Normal(self.actor(s).tanh(), std).log_prob(a).sum(1)

    def actor_step(self, advantage: Tensor, log_prob: Tensor) -> None:
        weight = (10.0 * advantage.detach()).exp().clamp(max=100.0)
        plain.descend(self.actor_adam, -(weight * log_prob).mean())
        self.schedule.step()

    def track(self) -> None:
        plain.track(self.targets, self.critics, 0.005)


Rows = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def corl(p: Plain, rows: Rows) -> None:
    """Old V throughout; half the critic's loss, and the target tracked before the policy."""
    s, a, r, mask, s2 = rows
    next_v = p.v(s2).detach()
    q = torch.min(*plain.values(p.targets, s, a)).detach()
    advantage = (q - p.v(s)).detach()
    plain.descend(p.value_adam, p.value_loss(q, s))
    y = r + 0.99 * mask * next_v
    losses = [nn.functional.mse_loss(q, y) for q in plain.values(p.critics, s, a)]
    plain.descend(p.critic_adam, sum(losses, torch.zeros(())) / 2)
    p.track()
    p.actor_step(advantage, p.log_prob(s, a))


def d3rlpy(p: Plain, rows: Rows) -> None:
    """One Adam and one loss for Q and V; then the policy; then the target."""
    s, a, r, mask, s2 = rows
    y = r + 0.99 * mask * p.v(s2).detach()
    q = torch.min(*plain.values(p.targets, s, a)).detach()
    losses = [nn.functional.mse_loss(q, y) for q in plain.values(p.critics, s, a)]
    assert p.joint_adam is not None
    plain.descend(p.joint_adam, sum(losses, p.value_loss(q, s)))
    p.actor_step(q - p.v(s), p.log_prob(s, a))
    p.track()


def authors(p: Plain, rows: Rows, online: bool = False, point: bool = False) -> None:
    """V, policy, Q, target; as JAX-CORL with `online`, with squared error as `point`."""
    s, a, r, mask, s2 = rows
    q = torch.min(*plain.values(p.targets, s, a)).detach()
    plain.descend(p.value_adam, p.value_loss(q, s))
    advantage = (torch.min(*plain.values(p.critics, s, a)) if online else q) - p.v(s)
    error = (p.actor(s).tanh() - a).square().sum(1)
    p.actor_step(advantage, -error if point else p.log_prob(s, a))
    y = (r + 0.99 * mask * p.v(s2)).detach()
    losses = [nn.functional.mse_loss(q, y) for q in plain.values(p.critics, s, a)]
    plain.descend(p.critic_adam, sum(losses, torch.zeros(())))
    p.track()


REFERENCES: dict[str, Callable[[Plain, Rows], None]] = {
    "iql": authors,
    "iql_old_v": corl,
    "iql_joint": d3rlpy,
    "iql_online_q": lambda p, rows: authors(p, rows, online=True),
    "iql_deterministic": lambda p, rows: authors(p, rows, point=True),
}


def test_every_variant_with_code_has_a_reference() -> None:
    assert set(REFERENCES) == {"iql", *CODE}


@pytest.mark.parametrize("name", REFERENCES)
def test_fifty_updates_equal_a_plain_reference(name: str) -> None:
    module = registry.load(name)
    state, config = start(module)
    reference = Plain(state, joint=name == "iql_joint")
    for batch in batches(UPDATES):
        module.update(state, batch, config, Streams([0], "noise"))
        arrays = (batch.observations, batch.actions, batch.rewards, batch.masks)
        REFERENCES[name](reference, tuple(x[0] for x in (*arrays, batch.next_observations)))
    plain.same(state.policy.net.trunk, reference.actor)
    plain.same(state.value.net.trunk, reference.value)
    plain.same_twins(state.critic.net, reference.critics)
    plain.same_twins(state.target_critic.net, reference.targets)
    if name != "iql_deterministic":
        log_std = state.policy.net.log_std[0, 0]
        torch.testing.assert_close(log_std, reference.log_std, rtol=0, atol=1e-5)


# --- against IQL ----------------------------------------------------------------------


def moved(one: Any, two: Any) -> set[str]:
    """The networks in which two states differ."""
    return {
        name
        for name in ("policy", "value", "critic", "target_critic")
        if not torch.equal(
            *(torch.cat([p.flatten() for p in weights(x, name)]) for x in (one, two))
        )
    }


def weights(state: Any, name: str) -> list[Tensor]:
    """The layers alone: a deterministic policy has no log_std."""
    return list(getattr(state, name).net.trunk.parameters())


@pytest.mark.parametrize("name", CODE)
def test_a_variant_starts_from_the_weights_of_iql(name: str) -> None:
    assert moved(start(registry.load(name))[0], start(iql)[0]) == set()


@pytest.mark.parametrize(
    ("name", "updates", "expected"),
    [
        # The first step of V is the same; then the policy and Q see another V.
        ("iql_old_v", 1, {"policy", "critic", "target_critic"}),
        ("iql_old_v", 20, {"policy", "value", "critic", "target_critic"}),
        # The advantage is IQL's, Q's target is not.
        ("iql_joint", 1, {"critic", "target_critic"}),
        ("iql_joint", 20, {"policy", "value", "critic", "target_critic"}),
        # The online critics begin as the target ones, and the policy moves neither Q nor V.
        ("iql_online_q", 1, set()),
        ("iql_online_q", 20, {"policy"}),
        ("iql_deterministic", 20, {"policy"}),
    ],
)
def test_a_variant_moves_other_networks_than_iql(
    name: str, updates: int, expected: set[str]
) -> None:
    assert moved(run(registry.load(name), updates), run(iql, updates)) == expected


def test_a_constant_rate_and_wider_bounds_are_settings_of_the_policy_alone() -> None:
    plain = run(iql, 20)
    assert moved(plain, run(iql, 20, cosine_actor=False)) == {"policy"}
    # log_std is far from both bounds here, so that nothing changes at all.
    wide = run(iql, 20, log_std_range=(-20.0, 2.0))
    assert moved(plain, wide) == set()
    assert torch.equal(plain.policy.net.log_std, wide.policy.net.log_std)


@pytest.mark.parametrize(("bounds", "expected"), [((-5.0, 2.0), -5.0), ((-20.0, 2.0), -7.0)])
def test_the_bounds_hold_log_std(bounds: tuple[float, float], expected: float) -> None:
    policy = start(iql, log_std_range=bounds)[0].policy.net
    policy.log_std.data.fill_(-7.0)
    assert policy.std().log().detach().flatten().tolist() == pytest.approx([expected] * ACT)


def test_squared_error_by_hand() -> None:
    policy = start(registry.load("iql_deterministic"))[0].policy.net
    for parameter in policy.parameters():
        parameter.data.zero_()  # so that the action is 0
    actions = torch.tensor([[[0.5, -1.0], [0.0, 0.2]]])
    loss = -policy.log_prob(torch.ones(1, 2, OBS), actions)
    assert loss[0].tolist() == pytest.approx([0.25 + 1.0, 0.04])


def test_squared_error_is_a_gaussian_of_variance_one_half() -> None:
    bound = math.log(math.sqrt(0.5))
    point = run(registry.load("iql_deterministic"), 20)
    gaussian = run(iql, 20, log_std_range=(bound, bound))
    for a, b in zip(weights(point, "policy"), weights(gaussian, "policy"), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)

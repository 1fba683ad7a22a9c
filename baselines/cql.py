"""CQL: soft actor-critic whose Q is pushed down at sampled actions and up at the data's.

Kumar, Zhou, Tucker, Levine, "Conservative Q-Learning for Offline Reinforcement Learning",
arXiv:2006.04779: the variant CQL(H), eq. 4, by importance sampling (appendix F). Defaults and
order of the steps are those of the authors' code (github.com/aviralkumar2907/CQL, d4rl/): first
the temperature, then policy and critics, both computed from the networks before their steps.
(Under the authors' torch 0.4.1 the policy's gradient used the critics after their step;
docs/deviations.md.)

Registered twice: `cql` has the authors' own settings on locomotion and PointMaze, and on AntMaze
the recipe of github.com/young-geng/CQL, issue 2, whose additional settings are marked "recipe"
below; `cql_antmaze` has that recipe on PointMaze too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import Initialiser, TwinCritic, orthogonal
from bench.learning.ranges import (
    Count,
    CountFromZero,
    Discount,
    Finite,
    Fraction,
    LearningRate,
    LogStd,
    Polyak,
    Positive,
    Weight,
    Widths,
)
from bench.learning.squashed_gaussian import Scalar, SquashedGaussianPolicy, draw, log_prob
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

MAX_MULTIPLIER = 1e6  # cql.py
LOG_STD_MAX = 2.0  # policies.py
Critic = Learner[TwinCritic] | Target[TwinCritic]


@dataclass(frozen=True)
class Config:
    """Defaults: README.md, examples/cql_mujoco_new.py and rlkit/torch/sac of d4rl/."""

    min_q_weight: Weight = 10.0  # weight of the conservative term; the README says 5 or 10
    samples: Count = 10  # actions per state, each of: uniform, policy at s, policy at s'
    target_gap: Positive | None = None  # if set, Lagrange keeps weight * gap at it; 5 on AntMaze
    initial_log_multiplier: Finite = 0.0  # of Lagrange's alpha'; recipe 1
    clip_gap: Finite | None = None  # lower bound of a state's gap; recipe -200
    max_target_backup: bool = False  # target from the best of `samples` actions; recipe true
    backup_entropy: bool = False  # the target includes the entropy ("deterministic_backup")
    warm_start: CountFromZero = 40_000  # initial updates that clone the data (policy_eval_start)
    discount: Discount = 0.99
    polyak: Polyak = 0.005
    learning_rate: LearningRate = 3e-4  # Adam, for critic and multiplier
    policy_learning_rate: LearningRate = 1e-4  # Adam, for policy and temperature; README
    hidden: Widths = (256, 256, 256)  # ReLU
    policy_hidden: Widths | None = None  # if different from `hidden`; recipe 256-256
    orthogonal: bool = False  # orthogonal initialisation instead of rlkit's; recipe true
    log_std_min: LogStd = -5.0  # recipe -20
    log_std_scaling: tuple[Finite, Finite] | None = None  # trained factor, offset; recipe 0, -1
    action_limit: Fraction = 1.0  # the data's actions are clipped to this; recipe 0.999


@dataclass
class State:
    policy: Learner[SquashedGaussianPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    temperature: Learner[Scalar]  # log alpha of SAC
    multiplier: Learner[Scalar]  # log alpha' of Lagrange; unused without `target_gap`


def rlkit_hidden(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw weights uniform in +-1/sqrt(fan_out) ("fanin_init" uses the wrong axis), bias 0.1."""
    weight = (2 * torch.rand(fan_in, fan_out, generator=generator) - 1) / math.sqrt(fan_out)
    return weight, torch.full((1, fan_out), 0.1)


def uniform(bound: float) -> Initialiser:
    """Return rlkit's initialiser of last layers: weight and bias uniform in +-bound."""

    def draw_layer(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        drawn = bound * (2 * torch.rand(fan_in + 1, fan_out, generator=generator) - 1)
        return drawn[:-1], drawn[-1:]

    return draw_layer


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action = spec.observation_dim, spec.action_dim
    slow, rate = constant(config.policy_learning_rate), constant(config.learning_rate)
    rule = orthogonal() if config.orthogonal else rlkit_hidden
    policy = SquashedGaussianPolicy(
        [observation, *(config.policy_hidden or config.hidden), action],
        streams,
        log_std_range=(config.log_std_min, LOG_STD_MAX),
        log_std_affine=config.log_std_scaling,
        initialiser=rule,
        last=orthogonal(0.01) if config.orthogonal else uniform(1e-3),
    )
    twin = TwinCritic(
        [observation + action, *config.hidden],
        streams,
        initialiser=rule,
        last=orthogonal(0.01) if config.orthogonal else uniform(3e-3),
    )
    critic = Learner(twin, rate, streams.device)
    return State(
        policy=Learner(policy, slow, streams.device),
        critic=critic,
        target_critic=Target(critic),
        temperature=Learner(Scalar(0.0, streams), slow, streams.device),
        multiplier=Learner(Scalar(config.initial_log_multiplier, streams), rate, streams.device),
    )


def temperature_loss(log_temperature: Tensor, log_pi: Tensor, action_dim: int) -> Tensor:
    """Return SAC's eq. 18 in log alpha, with target entropy -act: (S, 1), (S, B) -> (S,)."""
    return -(log_temperature * (log_pi - action_dim).detach()).mean(-1)


def policy_loss(log_pi: Tensor, score: Tensor, temperature: Tensor) -> Tensor:
    """Return alpha log pi - score: (S, B), (S, B), (S, 1) -> (S,).

    The score is min Q, or log pi(a|s) of the data's actions in the warm start.
    """
    return (temperature * log_pi - score).mean(-1)


def bellman_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return both critics' squared errors: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def conservative_gap(
    q: Tensor, sampled_q: Tensor, log_density: Tensor, least: float | None
) -> Tensor:
    """Return the gap of eq. 4: (2, S, B), (2, S, N, B), (S, N, B) -> (2, S).

    It is log sum exp(Q(s, a)) over sampled actions, each divided by its density, minus Q of the
    data.
    """
    gap = (sampled_q - log_density).logsumexp(2) - q
    return (gap if least is None else gap.clamp(min=least)).mean(-1)


def lagrangian(multiplier: Tensor, excess: Tensor) -> Tensor:
    """Return alpha' (weight * gap - target) of both critics (appendix F): (S,), (2, S) -> (S,)."""
    return (multiplier * excess).sum(0)


def target_value(q: Tensor, log_pi: Tensor, temperature: Tensor | None) -> Tensor:
    """Return min Q at the best of N next actions: (2, S, N, B), (S, N, B), (S, 1) -> (S, B).

    With a temperature, alpha log pi of that action is subtracted.
    """
    value, best = q.amin(0).max(1)
    if temperature is None:
        return value
    return value - temperature * log_pi.gather(1, best.unsqueeze(1)).squeeze(1)


def at_each(critic: Critic, observations: Tensor, actions: Tensor) -> Tensor:
    """Return Q of N actions per state in one pass: (S, B, obs), (S, N, B, act) -> (2, S, N, B)."""
    repeated = observations.unsqueeze(1).expand(-1, actions.shape[1], -1, -1)
    q = critic(repeated.flatten(1, 2), actions.flatten(1, 2))
    return q.unflatten(-1, actions.shape[1:3])


def branch(state: State, config: Config) -> bool:
    """Return whether the policy is still in its warm start."""
    return state.policy.updates < config.warm_start


def update(
    state: State, batch: Batch, config: Config, streams: Streams, floor: Tensor | None = None
) -> dict[str, Tensor]:
    """Update all networks once; return the metrics, (S,) each.

    With `floor` (S, B), Q of policy actions in the conservative term is at least that (Cal-QL).
    """
    size, dim = batch.actions.shape[1:]
    n, backup = config.samples, config.samples if config.max_target_backup else 1
    noise = streams.normal(1 + 2 * n + backup, size, dim)
    actions = batch.actions.clamp(-config.action_limit, config.action_limit)

    here = state.policy.net.distribution(batch.observations)
    new_actions, log_pi = draw(*here, noise[:, 0])
    state.temperature.descend(temperature_loss(state.temperature(), log_pi, dim))

    # Everything is drawn before a network moves. The first n actions of s' are for the critic at s.
    with torch.no_grad():
        temperature = state.temperature().exp()
        spread = 2 * streams.uniform(n, size, dim) - 1
        current, current_log_pi = draw(*here, noise[:, 1 : n + 1])
        ahead, ahead_log_pi = state.policy.net.sample(batch.next_observations, noise[:, n + 1 :])
        asked = torch.cat([actions.unsqueeze(1), spread, ahead[:, :n], current], 1)
        spread_log_density = torch.full_like(current_log_pi, -dim * math.log(2))
        log_density = torch.cat([spread_log_density, ahead_log_pi[:, :n], current_log_pi], 1)

        next_q = at_each(state.target_critic, batch.next_observations, ahead[:, n:])
        entropy_price = temperature if config.backup_entropy else None
        next_v = target_value(next_q, ahead_log_pi[:, n:], entropy_price)
        target = batch.rewards + config.discount * batch.masks * next_v

    if branch(state, config):
        score = log_prob(*here, actions)
    else:
        score = state.critic(batch.observations, new_actions).amin(0)
    actor_loss = policy_loss(log_pi, score, temperature)
    state.policy.descend(actor_loss)

    asked_q = at_each(state.critic, batch.observations, asked)
    q, sampled_q = asked_q[:, :, 0], asked_q[:, :, 1:]
    metrics = {}
    if floor is not None:
        below = sampled_q[:, :, n:] < floor.unsqueeze(1)
        metrics["below_floor"] = below.to(q.dtype).mean((0, -2, -1))
        lifted = sampled_q[:, :, n:].maximum(floor.unsqueeze(1))
        sampled_q = torch.cat([sampled_q[:, :, :n], lifted], 2)
    gap = conservative_gap(q, sampled_q, log_density, config.clip_gap)
    td_loss = bellman_loss(q, target)
    excess = config.min_q_weight * gap - (config.target_gap or 0.0)
    multiplier = torch.ones_like(td_loss)
    if config.target_gap is not None:
        free = state.multiplier().exp().clamp(max=MAX_MULTIPLIER).squeeze(-1)
        multiplier = free.detach()
        state.multiplier.descend(-0.5 * lagrangian(free, excess.detach()))
    state.critic.descend(td_loss + lagrangian(multiplier, excess))

    state.target_critic.track(state.critic, config.polyak)
    if config.target_gap is not None:
        metrics["multiplier"] = multiplier
    return metrics | {
        "critic_loss": td_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "gap": gap.detach().mean(0),
        "q": q.detach().mean((0, -1)),
        "sampled_q": sampled_q.detach().mean((0, -2, -1)),
        "entropy": -log_pi.detach().mean(-1),
        "temperature": temperature.squeeze(-1),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the action at the mean: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def value(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the smaller Q of the policy's action: (S, N, obs) -> (S, N)."""
    return state.critic(observations, state.policy(observations)).amin(0)


def explore(state: State, observations: Tensor, config: Config, streams: Streams) -> Tensor:
    """Sample the policy, as SAC does: (S, E, obs) -> (S, E, act)."""
    mean, log_std = state.policy.net.distribution(observations)
    return draw(mean, log_std, streams.normal(*mean.shape[1:]))[0]

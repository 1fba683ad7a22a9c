"""Proximal Policy Optimization (Schulman et al. 2017, arXiv:1707.06347), on-policy.

The details that make PPO work on MuJoCo (running normalisation of observations and rewards,
orthogonal initialisation, annealed rate) follow cleanrl/ppo_continuous_action.py.

Registered twice: `ppo` starts from fresh networks, `ppo_iql` from the policy and V of IQL's
offline phase. PPO also trains the behaviour policies that collect the local data
(bench.collection.ppo_behavior).

Seeds lead every tensor: observations (S, N, obs) of N environments per seed, rollouts
(S, T, N, .).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from bench.learning.learner import Learner, linear
from bench.learning.networks import GaussianPolicy, ValueNet, orthogonal
from bench.learning.ranges import (
    Count,
    Discount,
    LearningRate,
    LogStd,
    Positive,
    Share,
    Weight,
    Widths,
)
from bench.learning.scalers import Moments
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu_}


@dataclass(frozen=True)
class Config:
    """Defaults: cleanrl/ppo_continuous_action.py."""

    hidden: Widths = (64, 64)
    activation: Literal["tanh", "relu"] = "tanh"
    bounded_mean: bool = False  # policy mean bounded by tanh, as IQL's
    running_scales: bool = True  # of observations and rewards
    learning_rate: LearningRate = 3e-4  # annealed linearly to 0
    discount: Discount = 0.99
    gae_lambda: Share = 0.95
    clip: Positive = 0.2  # of the probability ratio
    epochs: Count = 10  # passes over a rollout
    minibatches: Count = 32  # per pass, of 64 transitions each
    entropy_weight: Weight = 0.0
    max_grad_norm: Positive = 0.5
    initial_log_std: LogStd = 0.0
    environments: Count = 1
    horizon: Count = 2048  # steps per environment in a rollout
    observation_clip: Positive = 10.0  # after normalisation
    reward_clip: Positive = 10.0


@dataclass
class State:
    policy: Learner[GaussianPolicy]
    value: Learner[ValueNet]
    observations: Moments
    returns: Moments
    discounted: Tensor  # (S, N): running discounted return of each environment


@dataclass
class Rollout:
    """T steps of N environments; observations are already normalised.

    A single step has no axis T.
    """

    observations: Tensor  # (S, T, N, obs)
    actions: Tensor  # (S, T, N, act)
    rewards: Tensor  # (S, T, N), normalised
    next_values: Tensor  # (S, T, N): V of the true next state, 0 where the episode terminated
    ends: Tensor  # (S, T, N): 1 where the episode ended, terminated or truncated

    @classmethod
    def of(cls, steps: Sequence[Rollout]) -> Rollout:
        """Stack single steps along the axis T."""
        parts = zip(*(vars(step).values() for step in steps), strict=True)
        return cls(*(torch.stack(part, dim=1) for part in parts))


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks.

    `updates` is the run's length in steps of each environment; the rate is annealed over its
    complete rollouts.
    """
    seeds, device = len(streams), streams.device
    hidden: dict[str, Any] = {
        "activation": ACTIVATIONS[config.activation],
        "initialiser": orthogonal(),
    }
    sizes = [spec.observation_dim, *config.hidden]
    policy = GaussianPolicy(
        [*sizes, spec.action_dim],
        streams,
        bounded_mean=config.bounded_mean,
        last=orthogonal(0.01),
        **hidden,
    )
    policy.log_std.data.fill_(config.initial_log_std)
    value = ValueNet(sizes, streams, last=orthogonal(1.0), **hidden)
    minibatch_steps = updates // config.horizon * config.epochs * config.minibatches
    rate = linear(config.learning_rate, minibatch_steps)
    return State(
        Learner(policy, rate, device),
        Learner(value, rate, device),
        Moments.zeros(seeds, spec.observation_dim, device),
        Moments.zeros(seeds, 1, device),
        torch.zeros(seeds, config.environments, device=device),
    )


def adopt(state: State, networks: Mapping[str, Tensor], config: Config) -> None:
    """Start from IQL's policy, including its standard deviation, and from its V.

    With the sizes and mean of IQL's policy and without running scales, both are the same functions
    here. Observations whose scale drifts would change what both networks compute. V estimates
    returns of IQL's rewards; divided by a running deviation with an arbitrary start, its target
    would change at every step. Nothing else needs a scale, because advantages are normalised in
    each minibatch and Adam is invariant to the scale of V's errors.
    """
    for name, learner in (("policy", state.policy), ("value", state.value)):
        prefix = f"{name}."
        own = {k.removeprefix(prefix): v for k, v in networks.items() if k.startswith(prefix)}
        learner.net.load_state_dict(own)


def normalise(state: State, observations: Tensor, config: Config) -> Tensor:
    """Normalise observations by their running moments: (S, N, obs) -> (S, N, obs)."""
    if not config.running_scales:
        return observations
    moments = state.observations
    scaled = (observations - moments.mean) * (moments.var + 1e-8).rsqrt()
    return scaled.clamp(-config.observation_clip, config.observation_clip)


def scale_rewards(state: State, rewards: Tensor, ends: Tensor, config: Config) -> Tensor:
    """Divide rewards (S, N) by the running deviation of the discounted return."""
    if not config.running_scales:
        return rewards
    state.discounted = state.discounted * config.discount + rewards
    state.returns.add(state.discounted.unsqueeze(-1))
    state.discounted = state.discounted * (1 - ends)
    scaled = rewards * (state.returns.var.squeeze(-1) + 1e-8).rsqrt()
    return scaled.clamp(-config.reward_clip, config.reward_clip)


def collect(state: State, step: Batch, ends: Tensor, config: Config) -> Rollout:
    """Return one step of N environments, with actions from `explore`, as a Rollout.

    `step` holds raw observations (S, N, obs) and actions before clipping (S, N, act); `ends`
    (S, N) is 1 where the episode ended.
    """
    rewards = scale_rewards(state, step.rewards, ends, config)
    ahead = normalise(state, step.next_observations, config)
    return Rollout(
        normalise(state, step.observations, config),
        step.actions,
        rewards,
        state.value(ahead) * step.masks,
        ends,
    )


def advantages(rollout: Rollout, values: Tensor, config: Config) -> Tensor:
    """Return generalised advantage estimates (S, T, N), eq. 11 and 12 of the paper.

    `values` (S, T, N) is V of each observation.
    """
    deltas = rollout.rewards + config.discount * rollout.next_values - values
    carry = config.discount * config.gae_lambda * (1 - rollout.ends)
    result = torch.empty_like(deltas)
    running = torch.zeros_like(deltas[:, 0])
    for t in range(deltas.shape[1] - 1, -1, -1):
        running = deltas[:, t] + carry[:, t] * running
        result[:, t] = running
    return result


def policy_loss(log_prob: Tensor, old_log_prob: Tensor, advantage: Tensor, clip: float) -> Tensor:
    """Return the clipped surrogate of eq. 7, negated: (S, B) -> (S,)."""
    ratio = (log_prob - old_log_prob).exp()
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -surrogate.mean(-1)


def update(state: State, rollout: Rollout, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Make `epochs` passes of minibatch steps over a rollout; return the metrics, (S,) each."""
    with torch.no_grad():
        observations, actions = rollout.observations.flatten(1, 2), rollout.actions.flatten(1, 2)
        values = state.value(observations)
        old_log_prob = state.policy.net.log_prob(observations, actions)
        advantage = advantages(rollout, values.view_as(rollout.rewards), config).flatten(1)
        targets = advantage + values
    size = observations.shape[1] // config.minibatches
    for _ in range(config.epochs):
        order = streams.permutation(observations.shape[1])
        for index in order[:, : size * config.minibatches].split(size, dim=1):
            rows = torch.arange(len(index), device=index.device).unsqueeze(1)
            obs, adv = observations[rows, index], advantage[rows, index]
            adv = (adv - adv.mean(1, keepdim=True)) / (adv.std(1, keepdim=True) + 1e-8)
            log_prob = state.policy.net.log_prob(obs, actions[rows, index])
            loss = policy_loss(log_prob, old_log_prob[rows, index], adv, config.clip)
            entropy = state.policy.net.log_std.sum((-2, -1))  # up to a constant
            state.policy.descend(loss - config.entropy_weight * entropy, config.max_grad_norm)
            error = state.value(obs) - targets[rows, index]
            value_loss = 0.5 * error.square().mean(-1)
            state.value.descend(value_loss, config.max_grad_norm)
    return {
        "policy_loss": loss.detach(),
        "value_loss": value_loss.detach(),
        "std": state.policy.net.std().detach().mean((-2, -1)),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the mean action for raw observations: (S, N, obs) -> (S, N, act)."""
    return state.policy(normalise(state, observations, config))


def explore(state: State, observations: Tensor, config: Config, streams: Streams) -> Tensor:
    """Add raw observations to the moments and sample the policy: (S, N, obs) -> (S, N, act)."""
    if config.running_scales:
        state.observations.add(observations)
    return state.policy.net.sample(normalise(state, observations, config), streams)

"""Proximal Policy Optimization (Schulman et al. 2017, arXiv:1707.06347), on-policy.

Here it trains the behaviour policies that collect the embedded data. The details that
decide whether PPO works on MuJoCo (running normalisation of observations and rewards,
orthogonal initialisation, annealed rate) follow cleanrl/ppo_continuous_action.py.

Seeds lead every tensor: observations (S, N, obs) of N environments per seed, rollouts
(S, T, N, .).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.learner import Learner, linear
from bench.nets import GaussianPolicy, ValueNet, orthogonal
from bench.rng import Streams
from bench.types import Spec


@dataclass(frozen=True)
class Config:
    """Defaults: cleanrl/ppo_continuous_action.py, with its rollout of 2,048 steps of one
    environment replaced by 256 steps of 8."""

    hidden: tuple[int, ...] = (64, 64)  # tanh units
    learning_rate: float = 3e-4  # annealed linearly to 0
    discount: float = 0.99
    gae_lambda: float = 0.95
    clip: float = 0.2  # of the probability ratio
    epochs: int = 10  # passes over a rollout
    minibatches: int = 32  # per pass, of 64 transitions each
    entropy_weight: float = 0.0
    max_grad_norm: float = 0.5
    initial_log_std: float = 0.0
    environments: int = 8
    horizon: int = 256  # steps per environment in a rollout
    observation_clip: float = 10.0  # after normalisation
    reward_clip: float = 10.0


@dataclass
class Moments:
    """Running mean and variance of each seed, (S, 1, d), by the parallel update of Chan et al."""

    mean: Tensor
    var: Tensor
    count: Tensor  # (S, 1, 1)

    @classmethod
    def zeros(cls, seeds: int, size: int) -> Moments:
        return cls(
            torch.zeros(seeds, 1, size), torch.ones(seeds, 1, size), torch.full((seeds, 1, 1), 1e-4)
        )

    def add(self, batch: Tensor) -> None:
        """`batch` (S, B, d)."""
        size = batch.shape[1]
        total = self.count + size
        gap = batch.mean(1, keepdim=True) - self.mean
        within = self.var * self.count + batch.var(1, unbiased=False, keepdim=True) * size
        self.var = (within + gap.square() * self.count * size / total) / total
        self.mean = self.mean + gap * size / total
        self.count = total


@dataclass
class State:
    policy: Learner[GaussianPolicy]
    value: Learner[ValueNet]
    observations: Moments
    returns: Moments
    discounted: Tensor  # (S, N): running discounted return of each environment


@dataclass
class Rollout:
    """What T steps of N environments produced; observations are already normalised."""

    observations: Tensor  # (S, T, N, obs)
    actions: Tensor  # (S, T, N, act)
    rewards: Tensor  # (S, T, N), normalised
    next_values: Tensor  # (S, T, N): V of the true next state, 0 where the episode terminated
    ends: Tensor  # (S, T, N): 1 where the episode ended, terminated or truncated


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """`updates` is the total number of minibatch steps, for the annealed rate."""
    seeds = len(streams)
    hidden: dict[str, Any] = {"activation": torch.tanh, "initialiser": orthogonal()}
    sizes = [spec.observation_dim, *config.hidden]
    policy = GaussianPolicy(
        [*sizes, spec.action_dim], streams, bounded_mean=False, last=orthogonal(0.01), **hidden
    )
    policy.log_std.data.fill_(config.initial_log_std)
    value = ValueNet(sizes, streams, last=orthogonal(1.0), **hidden)
    rate = linear(config.learning_rate, updates)
    return State(
        Learner(policy, rate),
        Learner(value, rate),
        Moments.zeros(seeds, spec.observation_dim),
        Moments.zeros(seeds, 1),
        torch.zeros(seeds, config.environments),
    )


def normalise(state: State, observations: Tensor, config: Config) -> Tensor:
    """(S, N, obs) -> (S, N, obs)."""
    moments = state.observations
    scaled = (observations - moments.mean) * (moments.var + 1e-8).rsqrt()
    return scaled.clamp(-config.observation_clip, config.observation_clip)


def scale_rewards(state: State, rewards: Tensor, ends: Tensor, config: Config) -> Tensor:
    """Rewards (S, N) divided by the running deviation of the discounted return."""
    state.discounted = state.discounted * config.discount + rewards
    state.returns.add(state.discounted.unsqueeze(-1))
    state.discounted = state.discounted * (1 - ends)
    scaled = rewards * (state.returns.var.squeeze(-1) + 1e-8).rsqrt()
    return scaled.clamp(-config.reward_clip, config.reward_clip)


def advantages(rollout: Rollout, values: Tensor, config: Config) -> Tensor:
    """Generalised advantage estimates (S, T, N); eq. 11 and 12 of the paper.

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
    """The clipped surrogate of eq. 7, negated: (S, B) -> (S,)."""
    ratio = (log_prob - old_log_prob).exp()
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
    return -surrogate.mean(-1)


def update(state: State, rollout: Rollout, config: Config, streams: Streams) -> dict[str, Tensor]:
    """`epochs` passes of minibatch steps over one rollout; metrics are (S,)."""
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
            rows = torch.arange(len(index)).unsqueeze(1)
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
    """The mean action for raw observations: (S, N, obs) -> (S, N, act)."""
    return state.policy(normalise(state, observations, config))

"""TD3+BC: TD3 with a behavioural-cloning term in the policy's loss.

Fujimoto, Gu, "A Minimalist Approach to Offline Reinforcement Learning",
arXiv:2106.06860; order of the steps and defaults from github.com/sfujim/TD3_BC.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import DeterministicPolicy, TwinCritic, torch_default
from bench.learning.ranges import Count, Discount, LearningRate, Polyak, Weight, Widths
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


@dataclass(frozen=True)
class Config:
    """Defaults: TD3_BC.py and main.py of the authors' repository."""

    alpha: Weight = 2.5  # weight of Q against cloning, after dividing by mean |Q|
    discount: Discount = 0.99
    polyak: Polyak = 0.005
    policy_noise: Weight = 0.2  # standard deviation of the target action's noise
    noise_clip: Weight = 0.5
    policy_every: Count = 2  # critic steps per policy and target step
    learning_rate: LearningRate = 3e-4  # Adam, both
    hidden: Widths = (256, 256)  # ReLU, PyTorch's initialisation


@dataclass
class State:
    policy: Learner[DeterministicPolicy]
    target_policy: Target[DeterministicPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action = spec.observation_dim, spec.action_dim
    rate, rule = constant(config.learning_rate), torch_default()
    actor = DeterministicPolicy([observation, *config.hidden, action], streams, initialiser=rule)
    twin = TwinCritic([observation + action, *config.hidden], streams, initialiser=rule)
    policy, critic = Learner(actor, rate, streams.device), Learner(twin, rate, streams.device)
    return State(policy, Target(policy), critic, Target(critic))


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return both critics' squared errors: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def policy_loss(q: Tensor, predicted: Tensor, actions: Tensor, alpha: float) -> Tensor:
    """Return eq. 3 to 5, cloning minus alpha Q / mean |Q|: (S, B), (S, B, act) twice -> (S,)."""
    scale = alpha / q.detach().abs().mean(-1)
    cloning = (predicted - actions).square().mean((-2, -1))
    return cloning - scale * q.mean(-1)


def branch(state: State, config: Config) -> bool:
    """Return whether the next update also moves the policy and the targets."""
    return (state.critic.updates + 1) % config.policy_every == 0


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update the critics, and every `policy_every`-th time policy and targets; metrics are (S,)."""
    policy_too = branch(state, config)
    with torch.no_grad():
        noise = config.policy_noise * streams.normal(*batch.actions.shape[1:])
        noise = noise.clamp(-config.noise_clip, config.noise_clip)
        next_actions = (state.target_policy(batch.next_observations) + noise).clamp(-1, 1)
        next_q = state.target_critic(batch.next_observations, next_actions).amin(0)
        target = batch.rewards + config.discount * batch.masks * next_q
    q = state.critic(batch.observations, batch.actions)
    q_loss = critic_loss(q, target)
    state.critic.descend(q_loss)
    if policy_too:
        predicted = state.policy(batch.observations)
        value = state.critic.net.first(batch.observations, predicted)
        state.policy.descend(policy_loss(value, predicted, batch.actions, config.alpha))
        state.target_critic.track(state.critic, config.polyak)
        state.target_policy.track(state.policy, config.polyak)
    return {"critic_loss": q_loss.detach(), "q": q.detach().mean((0, -1))}


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the policy's action: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def value(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the smaller Q of the policy's action: (S, N, obs) -> (S, N)."""
    return state.critic(observations, state.policy(observations)).amin(0)

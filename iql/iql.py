"""Implicit Q-Learning: offline RL without ever querying an action outside the data.

Kostrikov, Nair, Levine, "Offline Reinforcement Learning with Implicit Q-Learning",
arXiv:2110.06169. V regresses an upper expectile of Q over the data's actions (eq. 5), Q
regresses r + discount * V(s') (eq. 6), the policy regresses the data's actions with
weights that grow with the advantage (eq. 7).

The order of the steps and every default are those of the authors' own code
(github.com/ikostrikov/implicit_q_learning): V first, then the policy with the target Q
and the *new* V, then Q with the *new* V, then the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant, cosine
from bench.learning.networks import GaussianPolicy, TwinCritic, ValueNet
from bench.learning.ranges import Discount, LearningRate, LogStd, Polyak, Quantile, Weight, Widths
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

MAX_WEIGHT = 100.0  # of exp(temperature * advantage); actor.py


@dataclass(frozen=True)
class Config:
    """Defaults: the authors' configs/mujoco_config.py and learner.py."""

    expectile: Quantile = 0.7  # of Q that V estimates; 0.9 on AntMaze
    temperature: Weight = 3.0  # multiplies the advantage; 10 on AntMaze
    discount: Discount = 0.99
    polyak: Polyak = 0.005  # share of the new critic in the target, at every update
    learning_rate: LearningRate = 3e-4  # Adam, for policy, critic and value alike
    cosine_actor: bool = True  # policy's rate falls to 0 over the run; false when fine-tuning
    log_std_range: tuple[LogStd, LogStd] = (-5.0, 2.0)  # policy.py
    hidden: Widths = (256, 256)  # ReLU, orthogonal initialisation with gain sqrt(2)


@dataclass
class State:
    policy: Learner[GaussianPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    value: Learner[ValueNet]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Fresh networks; `updates` is the length of the run, for the policy's schedule."""
    observation, action = spec.observation_dim, spec.action_dim
    rate = constant(config.learning_rate)
    actor_rate = cosine(config.learning_rate, updates) if config.cosine_actor else rate
    policy = GaussianPolicy(
        [observation, *config.hidden, action], streams, log_std_range=config.log_std_range
    )
    critic = Learner(
        TwinCritic([observation + action, *config.hidden], streams), rate, streams.device
    )
    value = ValueNet([observation, *config.hidden], streams)
    return State(
        policy=Learner(policy, actor_rate, streams.device),
        critic=critic,
        target_critic=Target(critic),
        value=Learner(value, rate, streams.device),
    )


def expectile_loss(difference: Tensor, expectile: float) -> Tensor:
    """Eq. 5, L_2^expectile(u) = |expectile - 1(u < 0)| u^2: (S, B) -> (S,)."""
    weight = torch.where(difference > 0, expectile, 1 - expectile)
    return (weight * difference.square()).mean(-1)


def policy_loss(advantage: Tensor, log_prob: Tensor, temperature: float) -> Tensor:
    """Eq. 7, exp(temperature * A) log pi(a|s), negated: (S, B), (S, B) -> (S,)."""
    weight = (temperature * advantage).exp().clamp(max=MAX_WEIGHT)
    return -(weight * log_prob).mean(-1)


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Eq. 6, summed over both critics: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """One step of all networks; metrics are (S,)."""
    with torch.no_grad():
        q = state.target_critic(batch.observations, batch.actions).amin(0)

    value_loss = expectile_loss(q - state.value(batch.observations), config.expectile)
    state.value.descend(value_loss)

    with torch.no_grad():
        v = state.value(batch.observations)
        next_v = state.value(batch.next_observations)

    log_prob = state.policy.net.log_prob(batch.observations, batch.actions)
    actor_loss = policy_loss(q - v, log_prob, config.temperature)
    state.policy.descend(actor_loss)

    target = batch.rewards + config.discount * batch.masks * next_v
    q_loss = critic_loss(state.critic(batch.observations, batch.actions), target)
    state.critic.descend(q_loss)

    state.target_critic.track(state.critic, config.polyak)
    return {
        "value_loss": value_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "critic_loss": q_loss.detach(),
        "v": v.mean(-1),
        "advantage": (q - v).mean(-1),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the mean action: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def value(state: State, observations: Tensor, config: Config) -> Tensor:
    """V: (S, N, obs) -> (S, N)."""
    return state.value(observations)


def advantage(state: State, batch: Batch, config: Config) -> Tensor:
    """Return the advantage behind the policy's weights, target Q minus V: (S, B)."""
    q = state.target_critic(batch.observations, batch.actions).amin(0)
    return q - state.value(batch.observations)


def explore(state: State, observations: Tensor, config: Config, streams: Streams) -> Tensor:
    """Draws from the policy, as train_finetune.py: (S, E, obs) -> (S, E, act)."""
    return state.policy.net.sample(observations, streams)

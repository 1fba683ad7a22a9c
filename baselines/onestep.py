"""Onestep RL: evaluate the behaviour policy, then improve on it once.

Brandfonbrener, Whitney, Ranganath, Bruna, "Offline RL Without Off-Policy Evaluation",
arXiv:2106.08909. Three phases: clone the behaviour by maximum likelihood; learn its Q by
SARSA with the data's next action in the target; improve the clone against the frozen Q, by
exponentially weighted imitation or with a reverse KL penalty to the clone.

Order and defaults are those of the authors' code (github.com/davidbrandfonbrener/onestep-rl).
Cloning and evaluation do not depend on each other, so they run in the same updates here:
evaluation takes 20/21 of the run and cloning the first 5/21. A row that ends an episode at a time
limit has no next action, so evaluation leaves it out. D4RL's reading has no such rows; it stores
the action that followed each row, including those of dropped rows.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.transitions import Transitions
from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import LOG_2PI, MLP, ValueNet, torch_default
from bench.learning.ranges import Count, Discount, LearningRate, Polyak, Positive, Weight, Widths
from bench.learning.replay import ACTION_LIMIT
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

MAX_WEIGHT = 100.0  # of exp(temperature * advantage); policy_learner.py
LOG_STD_RANGE = (-5.0, 0.0)  # policy_network.py


@dataclass(frozen=True)
class Config:
    """Defaults: config/*.yaml of the authors' repository."""

    improvement: Literal["exp_weight", "reverse_kl"] = "exp_weight"  # the IQL paper's row
    # Multiplies the advantage. The authors chose from 0.1 to 30 (figures.ipynb; 0.01 in their yaml
    # is none of these); sail-sg/OPER, branch onestep, runs their code with 1 on all of locomotion.
    temperature: Weight = 1.0
    alpha: Weight = 1.0  # weight of the reverse KL divergence; they tried 0.03 to 10
    samples: Count = 10  # per state: clone's actions for V, policy's for the divergence
    behaviour_steps: Positive = 5e5  # only the proportions of the three matter
    critic_steps: Positive = 2e6
    policy_steps: Positive = 1e5
    discount: Discount = 0.99
    polyak: Polyak = 0.005
    track_every: Count = 2  # critic steps per target step
    learning_rate: LearningRate = 1e-4  # Adam, all
    hidden: Widths = (1024, 1024)  # ReLU, PyTorch's initialisation, all


class Policy(nn.Module):
    """Gaussian with mean and log_std from the halves of one output, both bounded by tanh."""

    def __init__(self, sizes: Sequence[int], streams: Streams, **options: Any):
        super().__init__()
        self.trunk = MLP([*sizes[:-1], 2 * sizes[-1]], streams, **options)

    def distribution(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log_std: (S, B, obs) -> (S, B, act) twice."""
        mean, share = torch.tanh(self.trunk(observations)).chunk(2, dim=-1)
        low, high = LOG_STD_RANGE
        return mean, low + 0.5 * (high - low) * (share + 1)

    def forward(self, observations: Tensor) -> Tensor:
        """Return the mean action: (S, B, obs) -> (S, B, act)."""
        return self.distribution(observations)[0]


def log_prob(mean: Tensor, log_std: Tensor, actions: Tensor) -> Tensor:
    """Return the log density: (S, B, act) twice, (S, ..., act) -> (S, ...)."""
    z = (actions - mean) * (-log_std).exp()
    return -(0.5 * (z.square() + LOG_2PI) + log_std).sum(-1)


@dataclass
class Phases:
    """Updates at which cloning and evaluation end; Python numbers, for `branch`."""

    behaviour: int
    critic: int

    def tensors(self) -> dict[str, Tensor]:
        """Return the phases' ends for a checkpoint."""
        return {"ends": torch.tensor([self.behaviour, self.critic])}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        self.behaviour, self.critic = tensors["ends"].tolist()


@dataclass
class State:
    policy: Learner[Policy]  # a copy of the behaviour's network until improvement starts
    behaviour: Learner[Policy]
    critic: Learner[ValueNet]  # input: state and action in one vector
    target_critic: Target[ValueNet]
    phases: Phases


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; `updates`, the run's length, is divided among the phases."""
    observation, action = spec.observation_dim, spec.action_dim
    rate, device, rule = constant(config.learning_rate), streams.device, torch_default()
    clone = Policy([observation, *config.hidden, action], streams, initialiser=rule)
    q = ValueNet([observation + action, *config.hidden], streams, initialiser=rule)
    policy, critic = Learner(copy.deepcopy(clone), rate, device), Learner(q, rate, device)
    unit = updates / (max(config.behaviour_steps, config.critic_steps) + config.policy_steps)
    phases = Phases(int(unit * config.behaviour_steps), int(unit * config.critic_steps))
    return State(policy, Learner(clone, rate, device), critic, Target(critic), phases)


def columns(data: Transitions, config: Config) -> dict[str, np.ndarray]:
    """Return `next_actions` (N, act), the next row's, and `known` (N,), 1 for a known SARSA target.

    All targets are known if the data has `next_actions`. Otherwise `next_actions` is meaningless
    at an episode's end: either the target needs none, or the row is not known.
    """
    known = np.ones(len(data), np.float32)
    if data.next_actions is not None:
        following = np.asarray(data.next_actions)
    else:
        ends = data.starts() + data.lengths() - 1
        known[ends] = 1 - data.masks[ends]
        following = np.roll(np.asarray(data.actions), -1, axis=0)
    return {"next_actions": following.clip(-ACTION_LIMIT, ACTION_LIMIT), "known": known}


def behaviour_loss(log_density: Tensor) -> Tensor:
    """Return the mean log-likelihood of the data's actions, negated: (S, B) -> (S,)."""
    return -log_density.mean(-1)


def critic_loss(q: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return the squared SARSA errors of the known rows: three (S, B) -> (S,)."""
    return (known * (q - target).square()).mean(-1)


def exp_weight_loss(weights: Tensor, log_density: Tensor) -> Tensor:
    """Return the loss of exponentially weighted imitation: (S, B) twice -> (S,)."""
    return -(weights * log_density).mean(-1)


def reverse_kl_loss(q: Tensor, divergence: Tensor, alpha: float) -> Tensor:
    """Return alpha KL(policy, behaviour) - Q at the policy's actions: (S, B) twice -> (S,)."""
    return (alpha * divergence - q).mean(-1)


def q_values(critic: Learner[ValueNet], observations: Tensor, actions: Tensor) -> Tensor:
    """Return Q of N actions per state: (S, B, obs), (S, N, B, act) -> (S, N, B)."""
    repeated = observations.unsqueeze(1).expand(-1, actions.shape[1], -1, -1)
    pairs = torch.cat([repeated, actions], dim=-1)
    return critic(pairs.flatten(1, 2)).unflatten(1, actions.shape[1:3])


class Steps(NamedTuple):
    """What an update does; if it neither clones nor evaluates, it improves."""

    clone: bool
    evaluate: bool
    track: bool


def branch(state: State, config: Config) -> Steps:
    """Return what the next update does."""
    evaluate = state.critic.updates < state.phases.critic
    return Steps(
        clone=state.behaviour.updates < state.phases.behaviour,
        evaluate=evaluate,
        track=evaluate and (state.critic.updates + 1) % config.track_every == 0,
    )


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update the networks of the current phase; return the metrics, (S,) each."""
    steps = branch(state, config)
    metrics: dict[str, Tensor] = {}
    if steps.clone:
        metrics |= clone(state, batch)
    if steps.evaluate:
        metrics |= evaluate(state, batch, config)
    if steps.track:
        state.target_critic.track(state.critic, config.polyak)
    if not (steps.clone or steps.evaluate):
        metrics |= improve(state, batch, config, streams)
    return metrics


def clone(state: State, batch: Batch) -> dict[str, Tensor]:
    """Take one cloning step of the behaviour and copy it to the policy."""
    mean, log_std = state.behaviour.net.distribution(batch.observations)
    loss = behaviour_loss(log_prob(mean, log_std, batch.actions))
    state.behaviour.descend(loss)
    state.policy.flat.copy_(state.behaviour.flat)
    return {"behaviour_loss": loss.detach(), "behaviour_log_std": log_std.detach().mean((-2, -1))}


def evaluate(state: State, batch: Batch, config: Config) -> dict[str, Tensor]:
    """Take one SARSA step."""
    with torch.no_grad():
        following = [batch.next_observations, batch.columns["next_actions"]]
        next_q = state.target_critic(torch.cat(following, dim=-1))
        target = batch.rewards + config.discount * batch.masks * next_q
    q = state.critic(torch.cat([batch.observations, batch.actions], dim=-1))
    loss = critic_loss(q, target, batch.columns["known"])
    state.critic.descend(loss)
    return {"critic_loss": loss.detach(), "q": q.detach().mean(-1)}


def improve(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Take one step of the policy against the frozen Q."""
    observations, actions, critic = batch.observations, batch.actions, state.critic
    with torch.no_grad():
        mean, log_std = (x.unsqueeze(1) for x in state.behaviour.net.distribution(observations))
    new_mean, new_log_std = (x.unsqueeze(1) for x in state.policy.net.distribution(observations))
    if config.improvement == "exp_weight":
        noise = streams.normal(config.samples, *actions.shape[1:])
        with torch.no_grad():
            v = q_values(critic, observations, mean + log_std.exp() * noise).mean(1)
            q = q_values(critic, observations, actions.unsqueeze(1)).squeeze(1)
        weights = (config.temperature * (q - v)).exp().clamp(max=MAX_WEIGHT)
        log_density = log_prob(new_mean, new_log_std, actions.unsqueeze(1)).squeeze(1)
        loss = exp_weight_loss(weights, log_density)
        metrics = {"advantage": (q - v).mean(-1), "largest_weight": weights.amax(-1)}
    else:
        noise = streams.normal(1 + config.samples, *actions.shape[1:])
        own = new_mean + new_log_std.exp() * noise
        q = q_values(critic, observations, own[:, :1]).squeeze(1)
        ratio = log_prob(new_mean, new_log_std, own[:, 1:]) - log_prob(mean, log_std, own[:, 1:])
        divergence = ratio.mean(1)
        loss = reverse_kl_loss(q, divergence, config.alpha)
        metrics = {"q": q.detach().mean(-1), "divergence": divergence.detach().mean(-1)}
    state.policy.descend(loss)
    return {"actor_loss": loss.detach(), **metrics}


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the mean action, the behaviour's until improvement: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def value(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return Q of the policy's action: (S, N, obs) -> (S, N)."""
    return state.critic(torch.cat([observations, state.policy(observations)], dim=-1))

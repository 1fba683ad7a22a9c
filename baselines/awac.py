"""AWAC: an off-policy critic, and a policy that imitates the data's better actions.

Nair, Gupta, Dalal, Levine, "AWAC: Accelerating Online Reinforcement Learning with Offline
Datasets", arXiv:2006.09359. The critic evaluates the current policy; the policy maximises the
data's likelihood with each action weighted by exp(A / lambda).

The order of the steps and every default are those of the authors' code
(github.com/rail-berkeley/rlkit): all losses use the networks before their steps, which follow in
the order critic, policy, target. Its MuJoCo runs weight actions relative to the batch; its AntMaze
runs (of IQL, with the same policy step) use absolute, clipped weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import LOG_2PI, GaussianPolicy, Initialiser, TwinCritic
from bench.learning.ranges import Discount, LearningRate, Polyak, Positive, Weight, Widths
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

MAX_WEIGHT = 100.0  # of exp(A / lambda) where it is absolute; examples/iql, clip_score
LOG_STD_RANGE = (-6.0, 0.0)  # examples/awac/mujoco/awac1.py


@dataclass(frozen=True)
class Config:
    """Defaults: rlkit, examples/awac/mujoco/awac1.py and rlkit/torch/sac/awac_trainer.py."""

    beta: Positive = 2.0  # the paper's lambda, divides the advantage; 0.1 on AntMaze
    relative: bool = True  # weights: softmax over the batch; else exp, clipped (AntMaze)
    discount: Discount = 0.99
    polyak: Polyak = 0.005  # at every update
    learning_rate: LearningRate = 3e-4  # Adam, both
    weight_decay: Weight = 1e-4  # of the policy, in Adam's gradient; 0 on AntMaze
    policy_hidden: Widths = (256, 256, 256, 256)  # ReLU; two of them on AntMaze
    hidden: Widths = (256, 256)  # critics, ReLU


def uniform(bound: float | None = None) -> Initialiser:
    """Return an initialiser: weight uniform in +-bound, or as rlkit's fanin_init; bias zero.

    rlkit's bound is 1/sqrt(outputs).
    """

    def draw(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        weight = torch.rand(fan_in, fan_out, generator=generator)
        return (2 * weight - 1) * (bound or 1 / math.sqrt(fan_out)), torch.zeros(1, fan_out)

    return draw


class Policy(GaussianPolicy):
    """Policy with mean tanh(net(s)) whose log_std is bounded by a sigmoid instead of a clamp."""

    def bounded_log_std(self) -> Tensor:
        """Return log_std: (S, 1, act)."""
        low, high = self.log_std_range
        return low + (high - low) * torch.sigmoid(self.log_std)

    def std(self) -> Tensor:
        """Return the standard deviation: (S, 1, act)."""
        return self.bounded_log_std().exp()

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return log pi(a|s), summed over action dimensions: (S, B)."""
        log_std = self.bounded_log_std()
        z = (actions - self(observations)) * (-log_std).exp()
        return -(0.5 * z.square() + log_std + 0.5 * LOG_2PI).sum(-1)


@dataclass
class State:
    policy: Learner[Policy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action = spec.observation_dim, spec.action_dim
    rate, device = constant(config.learning_rate), streams.device
    policy = Policy(
        [observation, *config.policy_hidden, action],
        streams,
        log_std_range=LOG_STD_RANGE,
        initialiser=uniform(),
        last=uniform(1e-3),
    )
    sizes = [observation + action, *config.hidden]
    twin = TwinCritic(sizes, streams, initialiser=uniform(), last=uniform(3e-3))
    critic = Learner(twin, rate, device)
    return State(Learner(policy, rate, device, config.weight_decay), critic, Target(critic))


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return both critics' squared Bellman errors: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def weigh(advantage: Tensor, beta: float, relative: bool) -> Tensor:
    """Return exp(A / lambda), divided by its batch mean or clipped: (S, B) -> (S, B)."""
    scaled = advantage / beta
    if relative:
        return scaled.softmax(-1) * scaled.shape[-1]
    return scaled.exp().clamp(max=MAX_WEIGHT)


def policy_loss(weights: Tensor, log_prob: Tensor) -> Tensor:
    """Return the weighted log-likelihood, negated: (S, B), (S, B) -> (S,)."""
    return -(weights * log_prob).mean(-1)


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update critics, policy and target once; return the metrics, (S,) each."""
    observations, policy = batch.observations, state.policy.net
    with torch.no_grad():
        next_actions = policy.sample(batch.next_observations, streams)
        next_q = state.target_critic(batch.next_observations, next_actions).amin(0)
        target = batch.rewards + config.discount * batch.masks * next_q
        v = state.critic(observations, policy.sample(observations, streams)).amin(0)

    q = state.critic(observations, batch.actions)
    weights = weigh(q.detach().amin(0) - v, config.beta, config.relative)
    actor_loss = policy_loss(weights, policy.log_prob(observations, batch.actions))
    q_loss = critic_loss(q, target)

    state.critic.descend(q_loss)
    state.policy.descend(actor_loss)
    state.target_critic.track(state.critic, config.polyak)
    return {
        "critic_loss": q_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "q": q.detach().mean((0, -1)),
        "v": v.mean(-1),
        "largest_weight": weights.amax(-1),
        "std": policy.std().detach().mean((-2, -1)),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the mean action: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def value(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the smaller Q of the policy's action: (S, N, obs) -> (S, N)."""
    return state.critic(observations, state.policy(observations)).amin(0)


def explore(state: State, observations: Tensor, config: Config, streams: Streams) -> Tensor:
    """Sample the policy, as awac1.py's exploration: (S, E, obs) -> (S, E, act)."""
    return state.policy.net.sample(observations, streams)

"""AWR: advantage-weighted regression with TD(lambda) returns and no action values.

Peng, Kumar, Zhang, Levine, "Advantage-Weighted Regression: Simple and Scalable Off-Policy
Reinforcement Learning", arXiv:1910.00177, as in its experiments on static datasets: the data
is the replay buffer, and nothing is added to it. Each iteration of algorithm 1 is two
regressions, one phase of updates each: V on the returns of all rows, then the policy on the
data's actions, weighted by how far the return exceeds the new V.

Phase lengths, normalisation and every default are those of the authors' code
(github.com/xbpeng/awr).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bench.data.transitions import Transitions
from bench.learning.learner import Momentum, constant
from bench.learning.networks import LOG_2PI, MLP, Initialiser, ValueNet
from bench.learning.ranges import Count, Discount, LearningRate, Positive, Share, Weight, Widths
from bench.learning.replay import Replay
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

ADVANTAGE_FLOOR = 1e-5  # added to the advantages' standard deviation; ADV_EPS in awr_agent.py
CHUNK = 16_384  # rows per forward pass of V


@dataclass(frozen=True)
class Config:
    """Defaults: awr_configs.py, or awr_agent.py for settings it leaves out."""

    discount: Discount = 0.99
    td_lambda: Share = 0.95
    temperature: Positive = 1.0  # divides the normalised advantage
    max_weight: Positive = 20.0  # of exp(A / temperature)
    critic_updates: Count = 200  # per iteration
    policy_updates: Count = 1000  # per iteration, after the critic's
    learning_rate: LearningRate = 1e-2  # the critic's; SGD with momentum 0.9, both
    policy_learning_rate: LearningRate = 5e-5  # HalfCheetah and Ant; others in config/methods.yaml
    action_std: Positive = 0.4  # of the policy, fixed; 0.2 for Ant
    bound_weight: Weight = 10.0  # of the loss on means outside [-1, 1]; awr_agent.py
    hidden: Widths = (128, 64)  # ReLU, Xavier initialisation


class MeanPolicy(nn.Module):
    """Unbounded mean of the policy's Gaussian: (S, B, obs) -> (S, B, act)."""

    def __init__(self, sizes: list[int], streams: Streams):
        super().__init__()
        self.trunk = MLP(sizes, streams, initialiser=uniform(xavier), last=uniform(small))

    def forward(self, observations: Tensor) -> Tensor:
        return self.trunk(observations)


@dataclass
class State:
    policy: Momentum[MeanPolicy]
    value: Momentum[ValueNet]  # V (1 - discount), which has the scale of a reward
    returns: Tensor  # (S, N), from V at the end of the last critic phase
    advantages: Tensor  # (S, N), of those returns relative to that V, normalised


def xavier(fan_in: int, fan_out: int) -> float:
    """Return the bound of Glorot and Bengio 2010: hidden layers, critic's head (net_util.py)."""
    return math.sqrt(6 / (fan_in + fan_out))


def small(fan_in: int, fan_out: int) -> float:
    """Return the bound of the policy's last layer (actor_init_output_scale): it starts near 0."""
    return 0.01


def uniform(bound: Callable[[int, int], float]) -> Initialiser:
    """Return an initialiser: weights uniform in +-bound(fan_in, fan_out), biases 0."""

    def draw(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        weight = 2 * torch.rand(fan_in, fan_out, generator=generator) - 1
        return weight * bound(fan_in, fan_out), torch.zeros(1, fan_out)

    return draw


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    sizes, device = [spec.observation_dim, *config.hidden], streams.device
    policy = MeanPolicy([*sizes, spec.action_dim], streams)
    value = ValueNet(sizes, streams, initialiser=uniform(xavier))
    rows = torch.zeros(len(streams), spec.rows, device=device)
    return State(
        policy=Momentum(policy, constant(config.policy_learning_rate), device),
        value=Momentum(value, constant(config.learning_rate), device),
        returns=rows,
        advantages=rows.clone(),
    )


def columns(data: Transitions, config: Config) -> dict[str, np.ndarray]:
    """Return `ends` (N,), 1 in the last row of an episode."""
    ends = np.zeros(len(data), dtype=np.float32)
    ends[data.starts() + data.lengths() - 1] = 1
    return {"ends": ends}


def td_lambda_returns(
    rewards: Tensor, next_values: Tensor, ends: Tensor, discount: float, td_lambda: float
) -> Tensor:
    """Return the TD(lambda) returns of every row: (N,), (S, N), (N,) -> (S, N).

    R_t = r_t + discount ((1 - lambda) V_{t+1} + lambda R_{t+1}) along each episode, and
    r + discount V at its end. `next_values` is 0 where the episode terminated. Unrolled,
    R_t = x_t + c_t R_{t+1}; each pass below doubles its reach, so log2(longest episode)
    passes suffice.
    """
    carry = discount * td_lambda * (1 - ends)
    returns = rewards + (discount - carry) * next_values
    reach = 1
    while carry.any():  # the last row ends an episode, so nothing reaches beyond it
        returns[:, :-reach] += carry[:-reach] * returns[:, reach:]
        carry[:-reach] = carry[:-reach] * carry[reach:]
        reach *= 2
    return returns


def normalise(advantages: Tensor) -> Tensor:
    """Normalise to mean 0 and deviation 1 over each seed's rows: (S, N) -> (S, N)."""
    deviation, mean = torch.std_mean(advantages, 1, correction=0, keepdim=True)
    return (advantages - mean) / (deviation + ADVANTAGE_FLOOR)


def critic_loss(v: Tensor, returns: Tensor, discount: float) -> Tensor:
    """Return algorithm 1's loss of V, with v = (1 - discount) V: (S, B) twice -> (S,)."""
    return 0.5 * ((1 - discount) * returns - v).square().mean(-1)


def log_density(mean: Tensor, actions: Tensor, std: float) -> Tensor:
    """Return log pi(a|s) of the Gaussian with deviation `std`: (S, B, act) twice -> (S, B)."""
    z = (actions - mean) / std
    return -(0.5 * z.square() + math.log(std) + 0.5 * LOG_2PI).sum(-1)


def weigh(advantages: Tensor, config: Config) -> Tensor:
    """Return exp(A / temperature) of normalised advantages, clipped: (S, B) -> (S, B)."""
    return (advantages / config.temperature).exp().clamp(max=config.max_weight)


def policy_loss(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Return algorithm 1's weighted log-likelihood of the policy, negated: (S, B) twice -> (S,)."""
    return -(weight * log_prob).mean(-1)


def bound_loss(mean: Tensor) -> Tensor:
    """Return half the squared distance of the means from [-1, 1]: (S, B, act) -> (S,)."""
    return 0.5 * (mean - mean.clamp(-1, 1)).square().sum(-1).mean(-1)


def position(state: State, config: Config) -> int:
    """Return the number of updates done in the current iteration."""
    done = state.value.updates + state.policy.updates
    return done % (config.critic_updates + config.policy_updates)


def branch(state: State, config: Config) -> bool:
    """Return whether the next update is the critic's."""
    return position(state, config) < config.critic_updates


@torch.no_grad()
def refresh(state: State, replay: Replay, config: Config) -> None:
    """Recompute the returns of all rows and their advantages from the current V.

    This happens before the first update and after each critic phase. The policy phase does not
    change V, so the same returns serve the critic phase that follows.
    """
    if state.value.updates and position(state, config) != config.critic_updates:
        return

    def estimate(observations: Tensor) -> Tensor:
        chunks = map(replay.scaler, observations.split(CHUNK))
        v = [state.value(c.expand(len(state.returns), *c.shape)) for c in chunks]
        return torch.cat(v, dim=1) / (1 - config.discount)

    values, ends = estimate(replay.observations), replay.columns["ends"]
    next_values = values.roll(-1, dims=1)  # a row's next observation is the next row's
    last = ends.nonzero().squeeze(1)
    next_values[:, last] = estimate(replay.next_observations[last])
    returns = td_lambda_returns(
        replay.rewards, next_values * replay.masks, ends, config.discount, config.td_lambda
    )
    state.returns.copy_(returns)
    state.advantages.copy_(normalise(returns - values))


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update the critic or the policy, by phase; return the metrics, (S,) each."""
    rows = batch.columns["rows"]
    if branch(state, config):
        returns = state.returns.gather(1, rows)
        v = state.value(batch.observations)
        loss = critic_loss(v, returns, config.discount)
        state.value.descend(loss)
        v = v.detach().mean(-1) / (1 - config.discount)
        return {"critic_loss": loss.detach(), "v": v, "return": returns.mean(-1)}
    weight = weigh(state.advantages.gather(1, rows), config)
    mean = state.policy(batch.observations)
    log_prob = log_density(mean, batch.actions, config.action_std)
    loss, bound = policy_loss(log_prob, weight), bound_loss(mean)
    state.policy.descend(loss + config.bound_weight * bound)
    return {
        "actor_loss": loss.detach(),
        "bound_loss": bound.detach(),
        "log_prob": log_prob.detach().mean(-1),
        "weight": weight.mean(-1),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the mean action, clipped to the bounds: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations).clamp(-1, 1)

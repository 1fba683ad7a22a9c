"""Behavioural cloning: regression of the data's actions, pi(s) ~ a.

This is the deterministic variant with squared error, used by both the IQL authors' BC
(github.com/ikostrikov/jaxrl, examples/configs/bc_default.py) and CORL
(algorithms/offline/any_percent_bc.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.learning.learner import Learner, constant
from bench.learning.networks import DeterministicPolicy, torch_default
from bench.learning.ranges import LearningRate, Widths
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


@dataclass(frozen=True)
class Config:
    """Defaults: CORL algorithms/offline/any_percent_bc.py."""

    learning_rate: LearningRate = 3e-4  # Adam
    hidden: Widths = (256, 256)  # ReLU, PyTorch's initialisation


@dataclass
class State:
    policy: Learner[DeterministicPolicy]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return a fresh policy; the rate is constant, so `updates` is not used."""
    sizes = [spec.observation_dim, *config.hidden, spec.action_dim]
    policy = DeterministicPolicy(sizes, streams, initialiser=torch_default())
    return State(Learner(policy, constant(config.learning_rate), streams.device))


def cloning_loss(predicted: Tensor, actions: Tensor) -> Tensor:
    """Return the mean squared error over batch and action dimensions: (S, B, act) -> (S,)."""
    return (predicted - actions).square().mean((-2, -1))


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Take one regression step; return the metrics, (S,) each."""
    loss = cloning_loss(state.policy(batch.observations), batch.actions)
    state.policy.descend(loss)
    return {"actor_loss": loss.detach()}


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the policy's action: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)

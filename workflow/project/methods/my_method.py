"""A method of this project: cloning with an absolute instead of a squared error.

Every tensor has a leading axis of S seeds; a loss is (S,). `iql-bench check my_method` says whether
the file does what a method must.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.learning.learner import Learner, constant
from bench.learning.networks import DeterministicPolicy, torch_default
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


@dataclass(frozen=True)
class Config:
    """The settings, which a suite may override."""

    learning_rate: float = 3e-4  # Adam
    hidden: tuple[int, ...] = (256, 256)  # ReLU


@dataclass
class State:
    """What training changes, and a checkpoint holds."""

    policy: Learner[DeterministicPolicy]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks for all seeds of a block."""
    sizes = [spec.observation_dim, *config.hidden, spec.action_dim]
    policy = DeterministicPolicy(sizes, streams, initialiser=torch_default())
    return State(Learner(policy, constant(config.learning_rate), streams.device))


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Take one gradient step on a batch (S, B, ...); metrics are (S,)."""
    error = state.policy(batch.observations) - batch.actions
    loss = error.abs().mean((-2, -1))
    state.policy.descend(loss)
    return {"actor_loss": loss.detach()}


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return actions (S, B, act) for observations (S, B, obs)."""
    return state.policy(observations)

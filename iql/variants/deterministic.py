"""IQL with a deterministic policy: the weighted squared error of CORL and IQL-PyTorch.

Eq. 7 with -|pi(s) - a|^2 in place of log pi(a|s), as for a Gaussian of fixed variance 1/2.
The update is iql.iql's; `log_std_range` has no effect.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from bench.learning.learner import Learner, Target, constant, cosine
from bench.learning.networks import DeterministicPolicy, TwinCritic, ValueNet
from bench.learning.streams import Streams
from bench.learning.types import Spec
from iql.iql import Config, act, update, value

__all__ = ["Config", "State", "act", "init", "update", "value"]


class PointPolicy(DeterministicPolicy):
    """Deterministic policy a = tanh(net(s)), fitted by squared error."""

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return -|pi(s) - a|^2 in place of the log density: (S, B)."""
        return -(self(observations) - actions).square().sum(-1)


@dataclass
class State:
    policy: Learner[PointPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    value: Learner[ValueNet]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks with the weights that iql.init draws, in the same order."""
    observation, action = spec.observation_dim, spec.action_dim
    rate = constant(config.learning_rate)
    actor_rate = cosine(config.learning_rate, updates) if config.cosine_actor else rate
    policy = PointPolicy([observation, *config.hidden, action], streams)
    twin = TwinCritic([observation + action, *config.hidden], streams)
    value = ValueNet([observation, *config.hidden], streams)
    critic = Learner(twin, rate, streams.device)
    return State(
        policy=Learner(policy, actor_rate, streams.device),
        critic=critic,
        target_critic=Target(critic),
        value=Learner(value, rate, streams.device),
    )

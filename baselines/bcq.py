"""BCQ: Q-learning over actions proposed by a model of the data and slightly perturbed by a network.

Fujimoto, Meger, Precup, "Off-Policy Deep Reinforcement Learning without Exploration",
arXiv:1812.02900, algorithm 1. A conditional VAE models the data; the target and the
policy take the best of several of its samples, each moved by at most `perturbation`.

Order of the steps (VAE, critics, perturbation, both targets) and defaults:
github.com/sfujim/BCQ, continuous_BCQ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import MLP, TwinCritic, torch_default
from bench.learning.ranges import Count, Discount, LearningRate, Polyak, Share, Weight, Widths
from bench.learning.streams import Streams
from bench.learning.types import Actor, Batch, Spec
from bench.learning.vae import ActionVAE, best_sample, best_value, repeat


@dataclass(frozen=True)
class Config:
    """Defaults: continuous_BCQ/BCQ.py and main.py of the authors' repository."""

    perturbation: Share = 0.05  # Phi, the largest change of an action in [-1, 1]
    minimum_weight: Share = 0.75  # lambda, share of the lower critic in the target
    target_samples: Count = 10  # actions per state; the target takes the best
    test_samples: Count = 100  # actions per state when acting; a constant in select_action
    kl_weight: Weight = 0.5  # of the VAE's KL divergence
    discount: Discount = 0.99
    polyak: Polyak = 0.005
    learning_rate: LearningRate = 1e-3  # Adam, all networks
    hidden: Widths = (400, 300)  # critics and perturbation; ReLU, PyTorch's initialisation
    vae_hidden: Widths = (750, 750)  # encoder and decoder each


class Perturbation(nn.Module):
    """a + limit * tanh(net(s, a)), within the bounds: (S, B, obs), (S, B, act) -> (S, B, act)."""

    def __init__(self, sizes: Sequence[int], limit: float, streams: Streams, **options: Any):
        super().__init__()
        self.trunk = MLP(sizes, streams, **options)
        self.limit = limit

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        change = torch.tanh(self.trunk(torch.cat([observations, actions], dim=-1)))
        return (actions + self.limit * change).clamp(-1, 1)


@dataclass
class State:
    policy: Learner[Perturbation]
    target_policy: Target[Perturbation]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    vae: Learner[ActionVAE]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action = spec.observation_dim, spec.action_dim
    rate, rule = constant(config.learning_rate), torch_default()
    sizes = [observation + action, *config.hidden]
    perturb = Perturbation([*sizes, action], config.perturbation, streams, initialiser=rule)
    policy = Learner(perturb, rate, streams.device)
    critic = Learner(TwinCritic(sizes, streams, initialiser=rule), rate, streams.device)
    vae = ActionVAE(observation, action, config.vae_hidden, streams, initialiser=rule)
    return State(policy, Target(policy), critic, Target(critic), Learner(vae, rate, streams.device))


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return both critics' squared errors: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def policy_loss(q: Tensor) -> Tensor:
    """Return eq. 12, the first critic's value of perturbed actions, negated: (S, B) -> (S,)."""
    return -q.mean(-1)


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update all networks once; return the metrics, (S,) each."""
    vae = state.vae.net
    reconstruction, kl = vae.losses(batch.observations, batch.actions, streams)
    state.vae.descend(reconstruction + config.kl_weight * kl)

    with torch.no_grad():
        later = repeat(batch.next_observations, config.target_samples)
        next_actions = state.target_policy(later, vae.sample(later, streams))
        next_q = state.target_critic(later, next_actions)
        best = best_value(next_q, config.target_samples, config.minimum_weight)
        target = batch.rewards + config.discount * batch.masks * best
    q = state.critic(batch.observations, batch.actions)
    q_loss = critic_loss(q, target)
    state.critic.descend(q_loss)

    with torch.no_grad():
        proposed = vae.sample(batch.observations, streams)
    perturbed = state.policy(batch.observations, proposed)
    actor_loss = policy_loss(state.critic.net.first(batch.observations, perturbed))
    state.policy.descend(actor_loss)

    state.target_critic.track(state.critic, config.polyak)
    state.target_policy.track(state.policy, config.polyak)
    return {
        "reconstruction_loss": reconstruction.detach(),
        "kl": kl.detach(),
        "critic_loss": q_loss.detach(),
        "q": q.detach().mean((0, -1)),
        "actor_loss": actor_loss.detach(),
        "perturbation": (perturbed.detach() - proposed).abs().mean((-2, -1)),
    }


def begin(state: State, config: Config, streams: Streams, episodes: int) -> Actor:
    """Return the actor of eq. 11: the first critic's best of `test_samples` proposals."""

    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        states = repeat(observations, config.test_samples)
        actions = state.policy(states, state.vae.net.sample(states, streams))
        q = state.critic.net.first(states, actions)
        return best_sample(actions, q, config.test_samples)

    return act

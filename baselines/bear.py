"""BEAR: the policy maximises Q while its samples stay close to those of a model of the data.

Kumar, Fu, Tucker, Levine, "Stabilizing Off-Policy Q-Learning via Bootstrapping Error
Reduction", arXiv:1906.00949, algorithm 1. The distance is the maximum mean discrepancy (MMD)
between a few samples of each, held below a threshold by a Lagrange multiplier.

Order of the steps (VAE, critics, policy, multiplier, both targets): the authors' repository,
github.com/aviralkumar2907/BEAR. Defaults: the authors' later code for D4RL,
github.com/rail-berkeley/d4rl_evaluations, bear.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import TwinCritic, torch_default
from bench.learning.ranges import (
    Count,
    CountFromZero,
    Discount,
    LearningRate,
    Polyak,
    Positive,
    Share,
    Weight,
    Widths,
)
from bench.learning.squashed_gaussian import SquashedGaussianPolicy
from bench.learning.streams import Streams
from bench.learning.types import Actor, Batch, Spec
from bench.learning.vae import ActionVAE, best_sample, best_value, repeat

Kernel = Literal["laplacian", "gaussian"]
LOG_MULTIPLIER_RANGE = (-5.0, 10.0)  # bear.py; algos.py and its lagrange_thresh
LOG_STD_RANGE = (-5.0, 2.0)  # policies.py


@dataclass(frozen=True)
class Config:
    """Defaults: bear.py and examples/bear_hdf5_d4rl.py, or algos.py of 2019 where named."""

    kernel: Kernel = "laplacian"  # per robot, see config/methods.yaml
    bandwidth: Positive = 20.0  # sigma; 10 to 20 in 2019
    threshold: Positive = 0.05  # epsilon, the MMD that the multiplier holds
    match_samples: Count = 4  # samples of policy and model each in the MMD; 5 in 2019 (readme.md)
    warm_start: CountFromZero = 40_000  # updates in which the policy only minimises the MMD
    minimum_weight: Share = 0.75  # lambda, share of the lower critic in the target
    target_samples: Count = 10  # actions per state; the target takes the best
    test_samples: Count = 10  # actions per state when acting (algos.py); 100 for D4RL
    kl_weight: Weight = 0.5  # of the VAE's KL divergence
    discount: Discount = 0.99
    polyak: Polyak = 0.005
    learning_rate: LearningRate = 3e-4  # Adam, critics and VAE; 1e-3 in 2019
    policy_learning_rate: LearningRate = 1e-4  # 1e-3 in 2019
    dual_learning_rate: LearningRate = 1e-3  # of the multiplier's logarithm
    hidden: Widths = (256, 256)  # critics and policy; 400, 300 in 2019
    vae_hidden: Widths = (750, 750)  # encoder and decoder each


class Multiplier(nn.Module):
    """A trained Lagrange multiplier; its logarithm (S, 1, 1) starts at 0."""

    def __init__(self, seeds: int):
        super().__init__()
        self.log = nn.Parameter(torch.zeros(seeds, 1, 1))

    def forward(self) -> Tensor:
        """Return the multiplier: (S, 1)."""
        return self.log.exp().squeeze(-1)


@dataclass
class State:
    policy: Learner[SquashedGaussianPolicy]
    target_policy: Target[SquashedGaussianPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    vae: Learner[ActionVAE]
    multiplier: Learner[Multiplier]


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action, device = spec.observation_dim, spec.action_dim, streams.device
    rate, rule = constant(config.learning_rate), torch_default()
    sizes = [observation, *config.hidden, action]
    squashed = SquashedGaussianPolicy(sizes, streams, log_std_range=LOG_STD_RANGE, initialiser=rule)
    policy = Learner(squashed, constant(config.policy_learning_rate), device)
    twin = TwinCritic([observation + action, *config.hidden], streams, initialiser=rule)
    critic = Learner(twin, rate, device)
    vae = ActionVAE(observation, action, config.vae_hidden, streams, initialiser=rule)
    dual_rate = constant(config.dual_learning_rate)
    return State(
        policy=policy,
        target_policy=Target(policy),
        critic=critic,
        target_critic=Target(critic),
        vae=Learner(vae, rate, device),
        multiplier=Learner(Multiplier(len(streams)), dual_rate, device),
    )


def sample_raw(
    policy: SquashedGaussianPolicy, observations: Tensor, samples: int, streams: Streams
) -> Tensor:
    """Sample raw actions u, where the action is tanh(u): (S, B, obs) -> (S, samples, B, act)."""
    mean, log_std = policy.distribution(observations)
    noise = streams.normal(samples, *mean.shape[1:])
    return mean.unsqueeze(1) + log_std.unsqueeze(1).exp() * noise


def mean_kernel(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """Return the mean of k over all pairs of samples: (S, N, B, act), (S, M, B, act) -> (S, B).

    k(x, y) = exp(-|x - y|_1 / (2 sigma)) or exp(-|x - y|_2^2 / (2 sigma)).
    """
    difference = x.unsqueeze(2) - y.unsqueeze(1)
    power = difference.abs() if kernel == "laplacian" else difference.square()
    return (-power.sum(-1) / (2 * bandwidth)).exp().mean((1, 2))


def sampled_mmd(x: Tensor, y: Tensor, kernel: Kernel, bandwidth: float) -> Tensor:
    """Return the MMD, including pairs of a sample with itself: (S, N, B, act) twice -> (S, B)."""
    own = mean_kernel(x, x, kernel, bandwidth) + mean_kernel(y, y, kernel, bandwidth)
    # The square root has no derivative at 0.
    return (own - 2 * mean_kernel(x, y, kernel, bandwidth) + 1e-6).sqrt()


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return both critics' squared errors: (2, S, B), (S, B) -> (S,)."""
    return (q - target).square().sum(0).mean(-1)


def policy_loss(q: Tensor | None, mmd: Tensor, multiplier: Tensor) -> Tensor:
    """Return eq. 1's Lagrangian for the policy: (2, S, N * B), (S, B), (S, 1) -> (S,).

    The policy maximises the lower critic's value; without `q`, only the MMD counts.
    """
    constraint = (multiplier * mmd).mean(-1)
    return constraint if q is None else constraint - q.amin(0).mean(-1)


def dual_loss(mmd: Tensor, multiplier: Tensor, threshold: float) -> Tensor:
    """Return the negated Lagrangian, which the multiplier descends: (S, B), (S, 1) -> (S,)."""
    return -(multiplier * (mmd - threshold)).mean(-1)


def branch(state: State, config: Config) -> bool:
    """Return whether the policy's next update also maximises Q."""
    return state.policy.updates >= config.warm_start


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update all networks and the multiplier once; return the metrics, (S,) each."""
    seeking, vae = branch(state, config), state.vae.net
    reconstruction, kl = vae.losses(batch.observations, batch.actions, streams)
    state.vae.descend(reconstruction + config.kl_weight * kl)

    with torch.no_grad():
        later = repeat(batch.next_observations, config.target_samples)
        raw = sample_raw(
            state.target_policy.net, batch.next_observations, config.target_samples, streams
        )
        next_q = state.target_critic(later, torch.tanh(raw).flatten(1, 2))
        best = best_value(next_q, config.target_samples, config.minimum_weight)
        target = batch.rewards + config.discount * batch.masks * best
    q = state.critic(batch.observations, batch.actions)
    q_loss = critic_loss(q, target)
    state.critic.descend(q_loss)

    states = repeat(batch.observations, config.match_samples)
    with torch.no_grad():
        modelled = vae.sample_raw(states, streams).unflatten(1, (config.match_samples, -1))
    raw = sample_raw(state.policy.net, batch.observations, config.match_samples, streams)
    # The MMD is taken before tanh, where the gradient does not vanish near the bounds.
    mmd = sampled_mmd(modelled, raw, config.kernel, config.bandwidth)
    policy_q = state.critic(states, torch.tanh(raw).flatten(1, 2)) if seeking else None
    multiplier = state.multiplier()
    actor_loss = policy_loss(policy_q, mmd, multiplier.detach())
    state.policy.descend(actor_loss)
    state.multiplier.descend(dual_loss(mmd.detach(), multiplier, config.threshold))
    state.multiplier.flat.clamp_(*LOG_MULTIPLIER_RANGE)

    state.target_critic.track(state.critic, config.polyak)
    state.target_policy.track(state.policy, config.polyak)
    return {
        "reconstruction_loss": reconstruction.detach(),
        "kl": kl.detach(),
        "critic_loss": q_loss.detach(),
        "q": q.detach().mean((0, -1)),
        "actor_loss": actor_loss.detach(),
        "mmd": mmd.detach().mean(-1),
        "multiplier": multiplier.detach().squeeze(-1),
    }


def begin(state: State, config: Config, streams: Streams, episodes: int) -> Actor:
    """Return the actor: the first critic's best of `test_samples` samples of the policy."""

    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        raw = sample_raw(state.policy.net, observations, config.test_samples, streams)
        actions = torch.tanh(raw).flatten(1, 2)
        q = state.critic.net.first(repeat(observations, config.test_samples), actions)
        return best_sample(actions, q, config.test_samples)

    return act

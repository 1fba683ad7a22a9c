"""Soft Actor-Critic: maximises reward and entropy, online and off-policy.

Haarnoja et al. 2018, "Soft Actor-Critic Algorithms and Applications", arXiv:1812.05905, with a
tuned temperature. Order of the steps and defaults are those of DLR-RM/stable-baselines3,
stable_baselines3/sac/sac.py, with the warm-up of rl-baselines3-zoo, hyperparams/sac.yml: the
temperature, then the critics, then the policy with the new critics and the old temperature.

Registered twice: `sac` starts from fresh networks, `sac_iql` from those of IQL's offline phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.learning.learner import Learner, Target, constant
from bench.learning.networks import TwinCritic, torch_default
from bench.learning.ranges import CountFromZero, Discount, LearningRate, LogStd, Polyak, Widths
from bench.learning.squashed_gaussian import Scalar, SquashedGaussianPolicy, draw
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


@dataclass(frozen=True)
class Config:
    """Defaults: stable_baselines3/sac/sac.py, hyperparams/sac.yml."""

    discount: Discount = 0.99
    polyak: Polyak = 0.005
    learning_rate: LearningRate = 3e-4  # Adam, for all
    warm_up: CountFromZero = 10_000  # initial steps without updates (learning_starts)
    uniform: bool = True  # uniform actions in the warm-up; else the policy's
    log_std_range: tuple[LogStd, LogStd] = (-20.0, 2.0)
    hidden: Widths = (256, 256)  # ReLU, PyTorch's initialisation


@dataclass
class State:
    policy: Learner[SquashedGaussianPolicy]
    critic: Learner[TwinCritic]
    target_critic: Target[TwinCritic]
    temperature: Learner[Scalar]  # log alpha


def init(spec: Spec, config: Config, streams: Streams, updates: int) -> State:
    """Return fresh networks; the rates are constant, so `updates` is not used."""
    observation, action = spec.observation_dim, spec.action_dim
    rate, device = constant(config.learning_rate), streams.device
    policy = SquashedGaussianPolicy(
        [observation, *config.hidden, action],
        streams,
        log_std_range=config.log_std_range,
        initialiser=torch_default(),
    )
    sizes = [observation + action, *config.hidden]
    critic = Learner(TwinCritic(sizes, streams, initialiser=torch_default()), rate, device)
    return State(
        policy=Learner(policy, rate, device),
        critic=critic,
        target_critic=Target(critic),
        temperature=Learner(Scalar(0.0, streams), rate, device),
    )


def adopt(state: State, networks: Mapping[str, Tensor], config: Config) -> None:
    """Start from IQL's critics and policy.

    IQL's mean is tanh(net(s)) too. Its state-independent deviation becomes that of the action
    before tanh, so samples near the bounds spread less than IQL's.
    """
    policy, dim = state.policy.net.trunk, networks["policy.log_std"].shape[-1]
    last = len(policy.weights) - 1
    with torch.no_grad():
        for layer, (weight, bias) in enumerate(zip(policy.weights, policy.biases, strict=True)):
            theirs = (networks[f"policy.trunk.{kind}.{layer}"] for kind in ("weights", "biases"))
            for ours, value in zip((weight, bias), theirs, strict=True):
                ours[..., :dim].copy_(value) if layer == last else ours.copy_(value)
        policy.weights[last][..., dim:].zero_()
        policy.biases[last][..., dim:].copy_(networks["policy.log_std"])
        prefix = "critic."
        critics = {k.removeprefix(prefix): v for k, v in networks.items() if k.startswith(prefix)}
        state.critic.net.load_state_dict(critics)
        state.target_critic.flat.copy_(state.critic.flat)


def temperature_loss(log_temperature: Tensor, log_pi: Tensor, action_dim: int) -> Tensor:
    """Return eq. 18 in log alpha, with target entropy -act: (S, 1), (S, B) -> (S,)."""
    return -(log_temperature * (log_pi - action_dim).detach()).mean(-1)


def critic_loss(q: Tensor, target: Tensor) -> Tensor:
    """Return eq. 5 for both critics: (2, S, B), (S, B) -> (S,)."""
    return 0.5 * (q - target).square().sum(0).mean(-1)


def policy_loss(log_pi: Tensor, q: Tensor, temperature: Tensor) -> Tensor:
    """Return eq. 7, alpha log pi - Q: (S, B), (S, B), (S, 1) -> (S,)."""
    return (temperature * log_pi - q).mean(-1)


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Update all networks once; return the metrics, (S,) each."""
    size, dim = batch.actions.shape[1:]
    noise = streams.normal(2, size, dim)
    actions, log_pi = state.policy.net.sample(batch.observations, noise[:, 0])

    log_temperature = state.temperature()
    temperature = log_temperature.detach().exp()  # before its step
    state.temperature.descend(temperature_loss(log_temperature, log_pi, dim))

    with torch.no_grad():
        ahead, ahead_log_pi = state.policy.net.sample(batch.next_observations, noise[:, 1])
        next_q = state.target_critic(batch.next_observations, ahead).amin(0)
        next_v = next_q - temperature * ahead_log_pi
        target = batch.rewards + config.discount * batch.masks * next_v
    q = state.critic(batch.observations, batch.actions)
    q_loss = critic_loss(q, target)
    state.critic.descend(q_loss)

    score = state.critic(batch.observations, actions).amin(0)
    actor_loss = policy_loss(log_pi, score, temperature)
    state.policy.descend(actor_loss)

    state.target_critic.track(state.critic, config.polyak)
    return {
        "critic_loss": q_loss.detach(),
        "actor_loss": actor_loss.detach(),
        "q": q.detach().mean((0, -1)),
        "entropy": -log_pi.detach().mean(-1),
        "temperature": temperature.squeeze(-1),
    }


def act(state: State, observations: Tensor, config: Config) -> Tensor:
    """Return the action at the mean: (S, B, obs) -> (S, B, act)."""
    return state.policy(observations)


def warm_up(config: Config) -> int:
    """Return the number of initial environment steps without updates."""
    return config.warm_up


def explore(state: State, observations: Tensor, config: Config, streams: Streams) -> Tensor:
    """Sample the policy, or uniformly until the first update: (S, E, obs) -> (S, E, act)."""
    mean, log_std = state.policy.net.distribution(observations)
    if config.uniform and state.critic.updates == 0:
        return 2 * streams.uniform(*mean.shape[1:]) - 1
    return draw(mean, log_std, streams.normal(*mean.shape[1:]))[0]

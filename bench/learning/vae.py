"""A conditional variational autoencoder of actions given states, and draws from it.

BCQ (Fujimoto et al. 2019, arXiv:1812.02900) and BEAR (Kumar et al. 2019, arXiv:1906.00949) model
the behaviour policy with it; Sohn, Lee, Yan 2015. Sizes and constants are those of
github.com/sfujim/BCQ, continuous_BCQ/BCQ.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bench.learning.networks import MLP
from bench.learning.streams import Streams

LOG_STD_RANGE = (-4.0, 15.0)  # bounds of the latent's log_std
LATENT_CLIP = 0.5  # bound of sampled latents: only likely actions are drawn


class ActionVAE(nn.Module):
    """Encoder (s, a) -> mean and log_std of a latent z; decoder (s, z) -> raw action u.

    The action is tanh(u). z has two dimensions per action dimension.
    """

    def __init__(
        self,
        observation_dim: int,
        action_dim: int,
        hidden: Sequence[int],
        streams: Streams,
        **options: Any,
    ):
        super().__init__()
        self.latent_dim = 2 * action_dim
        ends = (observation_dim + action_dim, 2 * self.latent_dim)
        self.encoder = MLP([ends[0], *hidden, ends[1]], streams, **options)
        ends = (observation_dim + self.latent_dim, action_dim)
        self.decoder = MLP([ends[0], *hidden, ends[1]], streams, **options)

    def encode(self, observations: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log_std of z: (S, B, obs), (S, B, act) -> (S, B, latent) twice."""
        mean, log_std = self.encoder(torch.cat([observations, actions], -1)).chunk(2, dim=-1)
        return mean, log_std.clamp(*LOG_STD_RANGE)

    def decode(self, observations: Tensor, latents: Tensor) -> Tensor:
        """Return raw actions: (S, B, obs), (S, B, latent) -> (S, B, act)."""
        raw: Tensor = self.decoder(torch.cat([observations, latents], -1))
        return raw

    def forward(
        self, observations: Tensor, actions: Tensor, streams: Streams
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return reconstructed actions (S, B, act) from one draw of z, and z's mean and log_std."""
        mean, log_std = self.encode(observations, actions)
        latents = mean + log_std.exp() * streams.normal(*mean.shape[1:])
        return torch.tanh(self.decode(observations, latents)), mean, log_std

    def losses(
        self, observations: Tensor, actions: Tensor, streams: Streams
    ) -> tuple[Tensor, Tensor]:
        """Return reconstruction loss and KL divergence, (S,) each, for a weighted sum."""
        predicted, mean, log_std = self(observations, actions, streams)
        return reconstruction_loss(predicted, actions), kl_divergence(mean, log_std)

    def sample_raw(self, observations: Tensor, streams: Streams) -> Tensor:
        """Draw one raw action per state: (S, B, obs) -> (S, B, act)."""
        latents = streams.normal(observations.shape[1], self.latent_dim)
        return self.decode(observations, latents.clamp(-LATENT_CLIP, LATENT_CLIP))

    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        """Draw one action per state: (S, B, obs) -> (S, B, act)."""
        return torch.tanh(self.sample_raw(observations, streams))


def reconstruction_loss(predicted: Tensor, actions: Tensor) -> Tensor:
    """Return the squared error, mean over batch and action dimensions: (S, B, act) -> (S,)."""
    return (predicted - actions).square().mean((-2, -1))


def kl_divergence(mean: Tensor, log_std: Tensor) -> Tensor:
    """Return KL(N(mean, std) || N(0, 1)), mean over batch and latent dimensions: (S,)."""
    kl = 0.5 * (mean.square() + (2 * log_std).exp() - 1) - log_std
    return kl.mean((-2, -1))


def repeat(values: Tensor, count: int) -> Tensor:
    """Return `count` copies of a batch, one after the other: (S, B, d) -> (S, count * B, d).

    Sample n of row b is at n * B + b, so `unflatten(1, (count, -1))` separates the samples.
    """
    return values.unsqueeze(1).expand(-1, count, -1, -1).flatten(1, 2)


def best_sample(actions: Tensor, q: Tensor, count: int) -> Tensor:
    """Return each row's action of highest q: (S, count * B, act), (S, count * B) -> (S, B, act)."""
    index = q.unflatten(1, (count, -1)).argmax(1)[:, None, :, None]  # (S, 1, B, 1)
    candidates = actions.unflatten(1, (count, -1))
    return candidates.gather(1, index.expand(-1, -1, -1, actions.shape[-1])).squeeze(1)


def best_value(q: Tensor, samples: int, minimum_weight: float) -> Tensor:
    """Return max over samples of lambda min Q + (1 - lambda) max Q: (2, S, samples * B) -> (S, B).

    BCQ's eq. 13 without the reward (Fujimoto et al. 2019), and BEAR's algorithm 1.
    """
    mixed = minimum_weight * q.amin(0) + (1 - minimum_weight) * q.amax(0)
    return mixed.unflatten(1, (samples, -1)).amax(1)

"""The VAE of BCQ and BEAR for one seed, from torch's own layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.learning.vae import ActionVAE
from helpers.plain_torch import linear, ordinary, same

SIZE = 8  # of a batch


class PlainVAE(nn.Module):
    """With mean and log_std as two layers, on one state after the other."""

    def __init__(self, vae: ActionVAE):
        super().__init__()
        trunk, self.latent = ordinary(vae.encoder), vae.latent_dim
        last = trunk[-1]
        assert isinstance(last, nn.Linear)
        self.body = trunk[:-1]
        self.mean, self.log_std = (
            linear(w.T, b[None])
            for w, b in zip(last.weight.chunk(2), last.bias.chunk(2), strict=True)
        )
        self.decoder = ordinary(vae.decoder)

    def loss(self, states: Tensor, actions: Tensor, noise: Tensor, kl_weight: float) -> Tensor:
        h = self.body(torch.cat([states, actions], 1))
        mean, std = self.mean(h), self.log_std(h).clamp(-4, 15).exp()
        predicted = self.decoder(torch.cat([states, mean + std * noise], 1)).tanh()
        kl = torch.distributions.kl_divergence(
            torch.distributions.Normal(mean, std), torch.distributions.Normal(0.0, 1.0)
        )
        return nn.functional.mse_loss(predicted, actions) + kl_weight * kl.mean()

    def draw(self, states: Tensor, noise: Tensor) -> Tensor:
        """Raw actions."""
        raw: Tensor = self.decoder(torch.cat([states, noise.clamp(-0.5, 0.5)], 1))
        return raw

    def encoder(self) -> nn.Sequential:
        """Body and both heads, as the one network that ours is."""
        head = nn.Linear(self.mean.in_features, 2 * self.latent)
        head.weight.data.copy_(torch.cat([self.mean.weight, self.log_std.weight]))
        head.bias.data.copy_(torch.cat([self.mean.bias, self.log_std.bias]))
        return nn.Sequential(*self.body, head)


def same_vae(ours: ActionVAE, theirs: PlainVAE) -> None:
    same(ours.encoder, theirs.encoder())
    same(ours.decoder, theirs.decoder)

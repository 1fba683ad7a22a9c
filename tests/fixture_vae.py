"""One seed's networks from torch's own layers, for the references of BCQ and BEAR."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.nets import MLP, TwinCritic
from bench.types import Batch
from bench.vae import ActionVAE

OBS, ACT, SIZE = 3, 2, 8


def batches(count: int, seed: int = 0) -> list[Batch]:
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(1, SIZE, *shape, generator=g)

    return [
        Batch(normal(OBS), normal(ACT).tanh(), normal(), (normal() > -1).float(), normal(OBS))
        for _ in range(count)
    ]


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """From (in, out) and (1, out)."""
    layer = nn.Linear(*weight.shape)
    layer.weight.data.copy_(weight.T)
    layer.bias.data.copy_(bias[0])
    return layer


def ordinary(trunk: MLP, member: int | None = None) -> nn.Sequential:
    """The same network of the first seed."""
    layers: list[nn.Module] = []
    for weight, bias in zip(trunk.weights, trunk.biases, strict=True):
        w, b = (weight, bias) if member is None else (weight[member], bias[member])
        layers += [linear(w[0], b[0]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def twins(critic: TwinCritic) -> nn.ModuleList:
    return nn.ModuleList([ordinary(critic.trunk, m) for m in range(2)])


def values(critics: nn.ModuleList, states: Tensor, actions: Tensor) -> Tensor:
    """Of both critics: (N, obs), (N, act) -> (2, N)."""
    return torch.stack([c(torch.cat([states, actions], 1)).squeeze(1) for c in critics])


def same(ours: MLP, theirs: nn.Sequential, member: int | None = None) -> None:
    expected = ordinary(ours, member)
    for a, b in zip(expected.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def track(target: nn.Module, net: nn.Module, polyak: float) -> None:
    for p, q in zip(target.parameters(), net.parameters(), strict=True):
        p.data.copy_((1 - polyak) * p.data + polyak * q.data)


def descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    adam.zero_grad()
    loss.backward()
    adam.step()


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

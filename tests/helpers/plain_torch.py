"""One seed's networks from torch's own layers, for the references of the methods, and their data.

A reference has its own order of steps, its own losses and torch's own Adam; shared is what copies
weights into it and compares them at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.learning.networks import MLP, TwinCritic
from bench.learning.types import Batch

OBS, ACT, SIZE = 3, 2, 32


def batches(count: int, size: int = SIZE) -> list[Batch]:
    """Random transitions of one seed; every sixth or so is terminal."""
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(1, size, *shape, generator=g)

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
    """The same network of the first seed; of twins, one `member`."""
    layers: list[nn.Module] = []
    for weight, bias in zip(trunk.weights, trunk.biases, strict=True):
        w, b = (weight, bias) if member is None else (weight[member], bias[member])
        layers += [linear(w[0], b[0]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def twins(critic: TwinCritic) -> nn.ModuleList:
    """Both critics."""
    return nn.ModuleList([ordinary(critic.trunk, m) for m in range(2)])


def values(critics: nn.ModuleList, states: Tensor, actions: Tensor) -> Tensor:
    """Of both critics: (N, obs), (N, act) -> (2, N)."""
    return torch.stack([c(torch.cat([states, actions], 1)).squeeze(1) for c in critics])


def same(ours: MLP, theirs: nn.Module, member: int | None = None) -> None:
    """Fail unless all parameters are equal within 1e-5."""
    expected = ordinary(ours, member)
    for a, b in zip(expected.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-5)


def same_twins(ours: TwinCritic, theirs: nn.ModuleList) -> None:
    """The same of both critics."""
    for member, net in enumerate(theirs):
        same(ours.trunk, net, member)


def track(target: nn.Module, net: nn.Module, polyak: float) -> None:
    """target <- (1 - polyak) target + polyak net."""
    for p, q in zip(target.parameters(), net.parameters(), strict=True):
        p.data.copy_((1 - polyak) * p.data + polyak * q.data)


def descend(adam: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step."""
    adam.zero_grad()
    loss.backward()
    adam.step()

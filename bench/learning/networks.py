"""Networks that hold S independent seeds as a leading tensor axis.

A weight is (S, in, out), a bias (S, 1, out), a batch (S, B, in), so one batched product
serves all seeds. The seed axis is the third from last in every parameter; a critic with
several members keeps them on an axis before it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from bench.learning.streams import Streams

LOG_2PI = math.log(2 * math.pi)


class Initialiser(Protocol):
    """Function that draws one layer of one seed: a weight (in, out) and a bias (1, out)."""

    def __call__(
        self, fan_in: int, fan_out: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]: ...


def orthogonal(gain: float = math.sqrt(2)) -> Initialiser:
    """Return an initialiser with orthogonal weights and zero biases.

    The IQL authors use gain sqrt(2) on every layer.
    """

    def draw(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        weight = nn.init.orthogonal_(torch.empty(fan_out, fan_in), gain, generator=generator)
        return weight.T, torch.zeros(1, fan_out)

    return draw


def torch_default() -> Initialiser:
    """Return PyTorch's default initialiser: weight and bias uniform in +-1/sqrt(fan_in)."""

    def draw(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        bound = 1 / math.sqrt(fan_in)
        weight = torch.rand(fan_in, fan_out, generator=generator)
        bias = torch.rand(1, fan_out, generator=generator)
        return (2 * weight - 1) * bound, (2 * bias - 1) * bound

    return draw


class MLP(nn.Module):
    """Linear layers with an activation between them: (S, B, in) -> (S, B, out).

    With `members=M`, M networks see the same input: (S, B, in) -> (M, S, B, out).
    `last` initialises the output layer; by default it is initialised like the others.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        members: int | None = None,
        activation: Callable[[Tensor], Tensor] = torch.relu_,
        initialiser: Initialiser | None = None,
        last: Initialiser | None = None,
    ):
        super().__init__()
        self.members = members
        self.activation = activation
        initialiser = initialiser or orthogonal()
        drawn = [
            [
                _draw_layers(sizes, generator, initialiser, last or initialiser)
                for generator in streams.generators
            ]
            for _ in range(members or 1)
        ]  # [member][seed][layer] -> (weight, bias)
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        for layer in range(len(sizes) - 1):
            for store, part in ((self.weights, 0), (self.biases, 1)):
                stacked = torch.stack(
                    [torch.stack([seed[layer][part] for seed in member]) for member in drawn]
                )  # (M, S, ., out)
                store.append(nn.Parameter(stacked if members else stacked[0]))

    def forward(self, x: Tensor) -> Tensor:
        if self.members is None:
            return self._apply_layers(x, list(self.weights), list(self.biases))
        stacked = x.expand(self.members, *x.shape).flatten(0, 1)
        flat = [[p.flatten(0, 1) for p in store] for store in (self.weights, self.biases)]
        return self._apply_layers(stacked, *flat).unflatten(0, (self.members, x.shape[0]))

    def member(self, index: int, x: Tensor) -> Tensor:
        """Return the output of one member: (S, B, in) -> (S, B, out)."""
        weights, biases = [w[index] for w in self.weights], [b[index] for b in self.biases]
        return self._apply_layers(x, weights, biases)

    def _apply_layers(self, x: Tensor, weights: list[Tensor], biases: list[Tensor]) -> Tensor:
        last = len(weights) - 1
        for layer, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            x = torch.bmm(x, weight).add_(bias)
            if layer < last:
                x = self.activation(x)
        return x


def _draw_layers(
    sizes: Sequence[int], generator: torch.Generator, hidden: Initialiser, last: Initialiser
) -> list[tuple[Tensor, Tensor]]:
    pairs = list(itertools.pairwise(sizes))
    rules = [hidden] * (len(pairs) - 1) + [last]
    return [rule(i, o, generator) for (i, o), rule in zip(pairs, rules, strict=True)]


class ValueNet(nn.Module):
    """State value V(s): (S, B, obs) -> (S, B)."""

    def __init__(self, sizes: Sequence[int], streams: Streams, **options: Any):
        super().__init__()
        self.trunk = MLP([*sizes, 1], streams, **options)

    def forward(self, observations: Tensor) -> Tensor:
        return self.trunk(observations).squeeze(-1)


class TwinCritic(nn.Module):
    """Two action values Q1, Q2 of (s, a): (S, B, obs), (S, B, act) -> (2, S, B)."""

    def __init__(self, sizes: Sequence[int], streams: Streams, **options: Any):
        super().__init__()
        self.trunk = MLP([*sizes, 1], streams, members=2, **options)

    def forward(self, observations: Tensor, actions: Tensor) -> Tensor:
        return self.trunk(torch.cat([observations, actions], dim=-1)).squeeze(-1)

    def first(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return Q1 alone: (S, B)."""
        return self.trunk.member(0, torch.cat([observations, actions], dim=-1)).squeeze(-1)


class DeterministicPolicy(nn.Module):
    """a = tanh(net(s)): (S, B, obs) -> (S, B, act)."""

    def __init__(self, sizes: Sequence[int], streams: Streams, **options: Any):
        super().__init__()
        self.trunk = MLP(sizes, streams, **options)

    def forward(self, observations: Tensor) -> Tensor:
        return torch.tanh(self.trunk(observations))


class GaussianPolicy(nn.Module):
    """Gaussian policy with a state-independent standard deviation and no squashing.

    The mean is tanh(net(s)) if `bounded_mean`, else net(s). log_std is one free parameter
    per action dimension, clamped to `log_std_range` where it is used.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        streams: Streams,
        *,
        bounded_mean: bool = True,
        log_std_range: tuple[float, float] = (-5.0, 2.0),
        **options: Any,
    ):
        super().__init__()
        self.trunk = MLP(sizes, streams, **options)
        self.log_std = nn.Parameter(torch.zeros(len(streams), 1, sizes[-1]))
        self.bounded_mean = bounded_mean
        self.log_std_range = log_std_range

    def forward(self, observations: Tensor) -> Tensor:
        """Return the mean action: (S, B, obs) -> (S, B, act)."""
        mean = self.trunk(observations)
        return torch.tanh(mean) if self.bounded_mean else mean

    def std(self) -> Tensor:
        """Return the standard deviation: (S, 1, act)."""
        return self.log_std.clamp(*self.log_std_range).exp()

    def log_prob(self, observations: Tensor, actions: Tensor) -> Tensor:
        """Return log pi(a|s), summed over action dimensions: (S, B)."""
        log_std = self.log_std.clamp(*self.log_std_range)
        z = (actions - self(observations)) * (-log_std).exp()
        return -(0.5 * z.square() + log_std + 0.5 * LOG_2PI).sum(-1)

    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        """Draw one action per observation: (S, B, act)."""
        mean = self(observations)
        return mean + self.std() * streams.normal(*mean.shape[1:])

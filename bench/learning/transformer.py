"""GPT-2's transformer blocks for S independent seeds at once (see bench.learning.networks).

Tokens are (S, B T, width): the T tokens of each of B sequences, one sequence after the other.
A linear layer is then one batched product, and only attention has to know about sequences.
Random draws come from Streams; without Streams nothing is dropped.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from bench.learning.networks import MLP, Initialiser
from bench.learning.streams import Streams

ALL = slice(None)
EPSILON = 1e-5  # under the root of layer normalisation


def normal(deviation: float) -> Initialiser:
    """Return an initialiser with normal weights and zero biases; GPT-2's deviation is 0.02."""

    def draw(fan_in: int, fan_out: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        weight = torch.randn(fan_in, fan_out, generator=generator)
        return weight * deviation, torch.zeros(1, fan_out)

    return draw


def linear(fan_in: int, fan_out: int, streams: Streams, initialiser: Initialiser) -> MLP:
    """Return one linear layer: (S, N, in) -> (S, N, out)."""
    return MLP([fan_in, fan_out], streams, initialiser=initialiser)


def causal_mask(length: int) -> Tensor:
    """Return (T, T): 0 where the row's token may attend to the column's, -inf elsewhere."""
    return torch.full((length, length), -torch.inf).triu(1)


class Dropout:
    """Sets a `share` of the entries to 0 and scales the others to keep the mean."""

    def __init__(self, share: float, streams: Streams | None):
        self.share = share
        self.streams = streams if share > 0 else None

    def __call__(self, x: Tensor) -> Tensor:
        """Apply dropout: (S, ...) -> (S, ...)."""
        return x if self.streams is None else x * self._factors(self.streams, x)

    def add(self, x: Tensor, change: Tensor) -> Tensor:
        """Return x + dropout(change), the residual connection."""
        if self.streams is None:
            return x + change
        return torch.addcmul(x, change, self._factors(self.streams, change))

    def _factors(self, streams: Streams, x: Tensor) -> Tensor:
        # In place and in floats: creating and applying booleans takes three times as long.
        return streams.uniform(*x.shape[1:]).ge_(self.share).mul_(1 / (1 - self.share))


class _Normalise(torch.autograd.Function):
    """(x - mean) / deviation over the last axis, with a gradient that can be recorded.

    PyTorch's gradient takes a list of booleans, which TorchScript cannot record.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out, _, inverse = torch.native_layer_norm(x, x.shape[-1:], None, None, EPSILON)
        ctx.save_for_backward(out, inverse)
        return out

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        out, inverse = ctx.saved_tensors
        # (g - mean(g) - out mean(g out)) / deviation, in few passes over the large arrays
        shift = gradient.mean(-1, keepdim=True) * inverse
        along = (gradient * out).mean(-1, keepdim=True) * inverse
        return torch.addcmul(shift.neg_(), gradient, inverse).addcmul_(out, along, value=-1)


class LayerNorm(nn.Module):
    """Layer normalisation with a scale and a shift per seed: (S, N, width) -> (S, N, width)."""

    def __init__(self, seeds: int, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(seeds, 1, width))
        self.bias = nn.Parameter(torch.zeros(seeds, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        normalised: Tensor = _Normalise.apply(x)
        return torch.addcmul(self.bias, normalised, self.weight)


class Attention(nn.Module):
    """Multi-head attention: (S, B Q, width) and (S, B T, width) -> (S, B Q, width).

    Keys have no bias: it would add a constant to all scores of a query, which the softmax
    removes. Its gradient would be rounding noise, and Adam would follow it.
    """

    def __init__(self, width: int, heads: int, streams: Streams, initialiser: Initialiser):
        super().__init__()
        assert width % heads == 0, "heads must divide the width"
        self.heads = heads
        self.query = linear(width, width, streams, initialiser)
        drawn = [initialiser(width, width, generator)[0] for generator in streams.generators]
        self.key = nn.Parameter(torch.stack(drawn))
        self.value = linear(width, width, streams, initialiser)
        self.out = linear(width, width, streams, initialiser)

    def forward(self, queries: Tensor, tokens: Tensor, mask: Tensor, dropout: Dropout) -> Tensor:
        """Attend from `queries` to `tokens`; `mask` (Q, T) is added to the scores."""
        rows, columns = mask.shape
        q = self._split(self.query(queries), rows)
        k = self._split(torch.bmm(tokens, self.key), columns)
        v = self._split(self.value(tokens), columns)
        scores = q @ k.transpose(-1, -2)
        weights = torch.add(mask, scores, alpha=1 / math.sqrt(q.shape[-1])).softmax(-1)
        mixed = dropout(weights) @ v
        mixed = mixed.transpose(2, 3).flatten(-2).flatten(1, 2)
        result: Tensor = self.out(mixed)
        return result

    def _split(self, x: Tensor, length: int) -> Tensor:
        """Split heads: (S, B T, width) -> (S, B, heads, T, width / heads)."""
        sequences = x.unflatten(1, (-1, length)).unflatten(-1, (self.heads, -1))
        return sequences.transpose(2, 3)


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)) with ReLU and 4 times the width inside."""

    def __init__(self, width: int, heads: int, streams: Streams, initialiser: Initialiser):
        super().__init__()
        self.attention_norm = LayerNorm(len(streams), width)
        self.attention = Attention(width, heads, streams, initialiser)
        self.mlp_norm = LayerNorm(len(streams), width)
        self.mlp = MLP([width, 4 * width, width], streams, initialiser=initialiser)

    def forward(self, x: Tensor, mask: Tensor, dropout: Dropout, wanted: slice = ALL) -> Tensor:
        """Return the Q `wanted` tokens of each sequence: (S, B T, width) -> (S, B Q, width).

        The last block can skip outputs that nothing uses.
        """
        normed = self.attention_norm(x)
        queries, x = (
            part.unflatten(1, (-1, len(mask)))[:, :, wanted].flatten(1, 2) for part in (normed, x)
        )
        x = dropout.add(x, self.attention(queries, normed, mask[wanted], dropout))
        return dropout.add(x, self.mlp(self.mlp_norm(x)))

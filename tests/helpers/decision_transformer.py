"""A Decision Transformer of one seed from torch's own layers, for sequences padded on the left."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from baselines import dt
from bench.data.transitions import Transitions
from bench.learning.streams import Streams

OBS, ACT = 3, 2
LENGTHS = (1, 3, 9, 6)
SMALL = dt.Config(
    context=4, layers=1, width=8, max_steps=7, return_scale=2.0, target_return=5.0, warmup=0.2,
    learning_rate=1e-3, weight_decay=0.1,
)  # fmt: skip


def make_data() -> Transitions:
    rng = np.random.default_rng(0)
    n = sum(LENGTHS)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal((n, *shape), dtype=np.float32)

    episodes = np.repeat(np.arange(len(LENGTHS), dtype=np.int32), LENGTHS)
    actions = np.tanh(normal(ACT)) * np.float32(0.99)
    return Transitions(
        normal(OBS), actions, normal(), normal(OBS), np.ones(n, np.float32), episodes
    )


Padded = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]  # states, actions, returns, steps, mask


class Plain(nn.Module):
    """The authors' network of one seed, from torch's own layers: every token goes through every
    block, keys have a bias, and a mask (B, K) hides what pads a sequence on the left."""

    def __init__(self, config: dt.Config):
        super().__init__()
        d, self.heads, self.share = config.width, config.heads, config.dropout
        self.embed = nn.ModuleList([nn.Linear(n, d) for n in (1, OBS, ACT)])
        self.time, self.norm = nn.Embedding(config.max_steps, d), nn.LayerNorm(d)
        self.blocks = nn.ModuleList(
            nn.ModuleList(
                [
                    *(nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)),
                    *(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)),
                ]
            )
            for _ in range(config.layers)
        )
        self.last_norm, self.head = nn.LayerNorm(d), nn.Linear(d, ACT)

    def forward(self, padded: Padded, drops: Iterator[Tensor] | None = None) -> Tensor:
        """`drops` are factors for embedding, and per block: weights, attention and MLP."""
        states, actions, returns, steps, mask = padded
        b, k = steps.shape

        def dropped(x: Tensor) -> Tensor:
            return x if drops is None else x * next(drops)

        inputs = (returns.unsqueeze(-1), states, actions)
        parts = [e(x) + self.time(steps) for e, x in zip(self.embed, inputs, strict=True)]
        x = dropped(self.norm(torch.stack(parts, 2).reshape(b, 3 * k, -1)))
        causal = torch.ones(3 * k, 3 * k).tril().bool()
        hidden = (1 - mask.repeat_interleave(3, 1))[:, None, None] * -1e4
        for norm1, joint, out, norm2, up, down in self.blocks:  # type: ignore[misc]
            q, key, v = (
                part.reshape(b, 3 * k, self.heads, -1).transpose(1, 2)
                for part in joint(norm1(x)).chunk(3, -1)
            )
            scores = q @ key.transpose(2, 3) / math.sqrt(q.shape[-1])
            weights = dropped((torch.where(causal, scores, -1e4) + hidden).softmax(-1))
            x = x + dropped(out((weights @ v).transpose(1, 2).reshape(b, 3 * k, -1)))
            x = x + dropped(down(up(norm2(x)).relu()))
        return self.head(self.last_norm(x)[:, 1::3]).tanh()


def ordinary(net: dt.DecisionTransformer, config: dt.Config, seed: int = 0) -> Plain:
    """The plain network with the same parameters, and a key bias of zero."""
    plain = Plain(config)
    named = {k: v.detach()[seed : seed + 1] for k, v in net.named_parameters()}

    def linear(layer: nn.Module, name: str, number: int = 0) -> None:
        layer.weight.data.copy_(named[f"{name}.weights.{number}"][0].T)
        layer.bias.data.copy_(named[f"{name}.biases.{number}"][0, 0])

    def norm(layer: nn.Module, name: str) -> None:
        layer.weight.data.copy_(named[f"{name}.weight"][0, 0])
        layer.bias.data.copy_(named[f"{name}.bias"][0, 0])

    for layer, name in zip(plain.embed, ("return", "state", "action"), strict=True):
        linear(layer, f"embed_{name}")
    plain.time.weight.data.copy_(named["embed_step"][0])
    norm(plain.norm, "embed_norm")
    for number, (norm1, joint, out, norm2, up, down) in enumerate(plain.blocks):
        at = f"blocks.{number}"
        norm(norm1, f"{at}.attention_norm")
        norm(norm2, f"{at}.mlp_norm")
        query, value = f"{at}.attention.query", f"{at}.attention.value"
        weights = (named[f"{query}.weights.0"], named[f"{at}.attention.key"],
                   named[f"{value}.weights.0"])  # fmt: skip
        joint.weight.data.copy_(torch.cat(weights, -1)[0].T)
        bias = named[f"{query}.biases.0"]
        parts = (bias, torch.zeros_like(bias), named[f"{value}.biases.0"])
        joint.bias.data.copy_(torch.cat(parts, -1)[0, 0])
        linear(out, f"{at}.attention.out")
        linear(up, f"{at}.mlp", 0)
        linear(down, f"{at}.mlp", 1)
    norm(plain.last_norm, "last_norm")
    linear(plain.head, "head")
    return plain


def padded_windows(data: Transitions, rows: list[int], config: dt.Config) -> Padded:
    """What the authors' get_batch makes of windows that begin at these rows."""
    starts, k = data.starts(), config.context
    parts: list[list[np.ndarray]] = [[], [], [], [], []]
    for row in rows:
        episode = int(data.episodes[row])
        end = int(starts[episode]) + LENGTHS[episode]
        stop, pad = min(row + k, end), max(row + k - end, 0)
        to_go = [sum(data.rewards[t:end]) / config.return_scale for t in range(row, stop)]
        steps = np.arange(row, stop) - starts[episode]
        parts[0].append(np.pad(data.observations[row:stop], ((pad, 0), (0, 0))))
        filled = np.pad(data.actions[row:stop], ((pad, 0), (0, 0)), constant_values=-10.0)
        parts[1].append(filled)
        parts[2].append(np.pad(np.array(to_go, np.float32), (pad, 0)))
        parts[3].append(np.pad(steps.clip(max=config.max_steps - 1), (pad, 0)))
        parts[4].append(np.pad(np.ones(stop - row, np.float32), (pad, 0)))
    states, actions, returns, times, mask = (torch.from_numpy(np.stack(p)) for p in parts)
    return states, actions, returns, times, mask


def drops_of(streams: Streams, mask: Tensor, config: dt.Config) -> Iterator[Tensor]:
    """The factors of our dropout, moved to where padding on the left puts their tokens."""
    b, k = mask.shape
    d, heads, share = config.width, config.heads, config.dropout
    pads = [3 * int(p) for p in (1 - mask).sum(1)]

    def moved(full: Tensor, axes: tuple[int, ...]) -> Tensor:
        rolled = [x.roll([p] * len(axes), axes) for x, p in zip(full, pads, strict=True)]
        return (torch.stack(rolled) >= share) / (1 - share)

    def of_tokens(last: bool) -> Tensor:
        if not last:
            return moved(streams.uniform(3 * b * k, d)[0].view(b, 3 * k, d), (0,))
        full = torch.ones(b, 3 * k, d)  # the last block draws for the states alone
        full[:, 1::3] = streams.uniform(b * k, d)[0].view(b, k, d)
        return moved(full, (0,))

    yield of_tokens(last=False)
    for number in range(config.layers):
        last = number == config.layers - 1
        full = torch.ones(b, heads, 3 * k, 3 * k)
        rows = slice(1, None, 3) if last else slice(None)
        full[:, :, rows] = streams.uniform(b, heads, k if last else 3 * k, 3 * k)[0]
        yield moved(full, (1, 2))
        yield of_tokens(last)
        yield of_tokens(last)

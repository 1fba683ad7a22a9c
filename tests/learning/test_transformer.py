"""Transformer parts with a seed axis against torch's own, seed by seed."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from bench.learning.streams import Streams
from bench.learning.transformer import Attention, Block, Dropout, LayerNorm, causal_mask, normal

SEEDS = (4, 1)
WIDTH, LENGTH, BATCH = 8, 6, 3


def streams(purpose: str = "initialisation") -> Streams:
    return Streams(SEEDS, purpose)


def test_layer_norm_and_its_gradients_are_those_of_torch() -> None:
    norm = LayerNorm(2, WIDTH)
    norm.weight.data.normal_()
    norm.bias.data.normal_()
    x, up = torch.randn(2, 5, WIDTH, requires_grad=True), torch.randn(2, 5, WIDTH)
    ours = torch.autograd.grad((norm(x) * up).sum(), (x, norm.weight, norm.bias))
    for s in range(2):
        plain = [p.detach().clone().requires_grad_() for p in (x[s], norm.weight[s], norm.bias[s])]
        out = layer_norm(plain[0], (WIDTH,), plain[1].squeeze(0), plain[2].squeeze(0))
        torch.testing.assert_close(norm(x)[s], out)
        theirs = torch.autograd.grad((out * up[s]).sum(), plain)
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a[s], b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_that_of_torch(heads: int) -> None:
    attention = Attention(WIDTH, heads, streams(), normal(1.0))
    x = torch.randn(2, BATCH * LENGTH, WIDTH)
    out = attention(x, x, causal_mask(LENGTH), Dropout(0.0, None))
    for s in range(2):
        q, k, v = (
            (x[s] @ weight[s]).view(BATCH, LENGTH, heads, -1).transpose(1, 2)
            for weight in (
                attention.query.weights[0],
                attention.key,
                attention.value.weights[0],
            )
        )
        mixed = scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
        expected = mixed.reshape(BATCH * LENGTH, WIDTH) @ attention.out.weights[0][s]
        torch.testing.assert_close(out[s], expected, rtol=1e-4, atol=1e-5)


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(AssertionError, match="heads"):
        Attention(WIDTH, 3, streams(), normal(1.0))


def test_wanted_tokens_are_those_of_the_whole_block() -> None:
    block = Block(WIDTH, 2, streams(), normal(0.5))
    x, mask, none = torch.randn(2, BATCH * LENGTH, WIDTH), causal_mask(LENGTH), Dropout(0.0, None)
    whole = block(x, mask, none).view(2, BATCH, LENGTH, WIDTH)
    for wanted in (slice(1, None, 3), slice(-2, -1)):
        some = block(x, mask, none, wanted).view(2, BATCH, -1, WIDTH)
        torch.testing.assert_close(some, whole[:, :, wanted])


def test_dropout_keeps_the_mean_and_its_share() -> None:
    x = torch.full((2, 100, 100), 3.0)
    out = Dropout(0.1, streams("noise"))(x)
    assert out.unique().tolist() == pytest.approx([0.0, 3 / 0.9])
    # 10,000 entries: the deviation of the share is 0.003
    assert ((out == 0).float().mean((1, 2)) - 0.1).abs().max() < 0.015
    assert not torch.equal(out[0], out[1])
    change = torch.randn(2, 100, 100)
    added = Dropout(0.1, streams("noise")).add(x, change)
    torch.testing.assert_close(added, x + change * out / 3.0)


def test_without_a_share_or_streams_nothing_is_drawn() -> None:
    noise, x = streams("noise"), torch.randn(2, 4, 4)
    before = noise.state()
    for dropout in (Dropout(0.0, noise), Dropout(0.5, None)):
        assert torch.equal(dropout(x), x)
        assert torch.equal(dropout.add(x, x), 2 * x)
    assert torch.equal(noise.state(), before)


def test_a_seed_is_drawn_alike_in_any_block() -> None:
    together = Block(WIDTH, 1, streams(), normal(0.02))
    alone = Block(WIDTH, 1, Streams(SEEDS[1:], "initialisation"), normal(0.02))
    for a, b in zip(together.parameters(), alone.parameters(), strict=True):
        assert torch.equal(a[1:], b)

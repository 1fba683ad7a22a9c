"""Random streams: one generator per seed and purpose, whatever the block."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.learning.streams import Streams
from bench.seeds import derive

DRAWS: dict[str, Callable[[Streams], torch.Tensor]] = {
    "normal": lambda s: s.normal(3, 2),
    "integers": lambda s: s.integers(1000, 3, 2),
    "permutation": lambda s: s.permutation(50),
}


def test_derived_seeds_are_distinct_and_fit_63_bits() -> None:
    purposes = ["initialisation", "batches", "noise", "evaluation 0", "evaluation 500", ""]
    derived = [derive(seed, purpose) for seed in range(200) for purpose in purposes]
    assert len(set(derived)) == len(derived)
    assert all(0 <= value < 2**63 for value in derived)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.text(max_size=20))
def test_a_derived_seed_is_a_function_of_its_arguments(seed: int, purpose: str) -> None:
    assert derive(seed, purpose) == derive(seed, purpose)
    assert derive(seed, purpose) != derive(seed + 1, purpose)
    assert derive(seed, purpose) != derive(seed, purpose + "x")


@pytest.mark.parametrize("kind", DRAWS)
def test_a_seed_draws_the_same_alone_and_in_a_block(kind: str) -> None:
    draw = DRAWS[kind]
    block, alone = Streams([3, 8, 5], "noise"), Streams([8], "noise")
    for _ in range(3):
        together = draw(block)
        assert torch.equal(draw(alone)[0], together[1])
        assert not torch.equal(together[0], together[1])


def test_purposes_do_not_disturb_each_other() -> None:
    first = Streams([1], "batches")
    other = Streams([1], "noise")
    other.normal(100)
    assert torch.equal(first.normal(5), Streams([1], "batches").normal(5))
    assert not torch.equal(Streams([1], "batches").normal(5), Streams([1], "noise").normal(5))


def test_shapes_and_ranges() -> None:
    streams = Streams([0, 1, 2], "x")
    assert len(streams) == 3
    integers = streams.integers(4, 500)
    assert integers.shape == (3, 500)
    assert sorted(integers.unique().tolist()) == [0, 1, 2, 3]
    normal = streams.normal(10_000)
    assert normal.mean().abs() < 0.03  # five deviations of the mean of 30,000
    assert abs(normal.std().item() - 1) < 0.03
    permutation = streams.permutation(20)
    assert (permutation.sort(dim=1).values == torch.arange(20)).all()


def test_a_restored_stream_continues() -> None:
    streams = Streams([2, 6], "batches")
    streams.normal(7)  # an odd number: torch keeps half of a pair
    state = streams.state()
    expected = [draw(streams) for draw in DRAWS.values()]
    other = Streams([0, 0], "elsewhere")
    other.restore(state)
    for draw, value in zip(DRAWS.values(), expected, strict=True):
        assert torch.equal(draw(other), value)


def test_a_state_of_another_number_of_seeds_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Streams([0], "x").restore(Streams([0, 1], "x").state())

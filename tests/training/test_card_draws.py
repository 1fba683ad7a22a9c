"""Numbers drawn in blocks by generators of the device: on the processor here, as on a card."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.errors import BenchError
from bench.learning.streams import Streams
from bench.training.cards import draws
from bench.training.cards.draws import CardStreams, Request


@pytest.fixture(autouse=True)
def _short_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of about 40 numbers, so that a few draws need several."""
    monkeypatch.setattr(draws, "BLOCK", 40)


def streams(seeds: tuple[int, ...] = (0, 3)) -> CardStreams:
    return CardStreams(seeds, "noise", "cpu")


def some(of: Streams, rounds: int) -> list[Tensor]:
    """What an update with three kinds of draws takes in some rounds."""
    return [
        draw for _ in range(rounds) for draw in (of.normal(4, 3), of.uniform(2), of.normal(4, 3))
    ]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_seed_draws_alone_what_it_draws_in_a_block() -> None:
    block, alone = some(streams(), 5), some(streams((3,)), 5)
    assert [tuple(x.shape) for x in block[:2]] == [(2, 4, 3), (2, 2)]
    assert same([x[1:] for x in block], alone)


def test_no_number_comes_twice() -> None:
    of = streams()
    numbers = torch.cat([of.normal(4, 3).flatten() for _ in range(20)])
    assert len(numbers.unique()) == len(numbers) == 20 * 24
    assert abs(numbers.mean()) < 0.2
    assert 0.8 < numbers.std() < 1.2


def test_rows_are_below_their_bound_and_of_every_seed_its_own() -> None:
    rows = streams().integers(7, 2, 5)
    assert rows.shape == (2, 2, 5)
    assert rows.dtype == torch.int64
    assert 0 <= rows.min() <= rows.max() < 7
    assert not torch.equal(rows[0], rows[1])


@pytest.mark.parametrize("before", [0, 1, 2, 4])
def test_a_checkpoint_in_the_middle_of_a_block_changes_nothing(before: int) -> None:
    whole, first = streams(), streams()
    some(whole, before)
    some(first, before)
    whole.permutation(9)
    first.permutation(9)
    again = streams()
    again.restore(first.state().clone())
    assert same(some(again, 4), some(whole, 4))
    assert torch.equal(again.permutation(9), whole.permutation(9))


def test_a_block_is_no_longer_than_it_has_to_be() -> None:
    assert Request("normal", (4, 3)).served == 3
    assert Request("normal", (1000,)).served == 1
    assert Request("integers", (10**6, 2)).served == 20
    assert Request("uniform", ()).served == 40


def test_a_run_of_the_processor_goes_on_on_a_card_and_not_the_other_way_round() -> None:
    plain, on_card = Streams((0, 3), "noise"), streams()
    on_card.restore(plain.state())
    assert torch.equal(on_card.permutation(9), plain.permutation(9))
    with pytest.raises(BenchError, match="drawn on a GPU; continue there"):
        plain.restore(on_card.state())

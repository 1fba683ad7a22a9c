"""The probability of improvement: against rliable and the definition of its interval."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from rliable import metrics

from bench.statistics.improvement import Improvement, newcombe

RNG = np.random.default_rng(3)
OURS = [np.round(RNG.normal(60, 10, 6)) for _ in range(4)]  # rounded, so that there are ties
THEIRS = [np.round(RNG.normal(55, 10, 5)) for _ in range(4)]


def test_the_value_is_rliables() -> None:
    expected = metrics.probability_of_improvement(np.stack(OURS, 1), np.stack(THEIRS, 1))
    assert Improvement.of(OURS, THEIRS).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("tasks", range(1, 13))
def test_identical_scores_give_exactly_one_half(tasks: int) -> None:
    scores = [RNG.normal(size=5) for _ in range(tasks)]
    found = Improvement.of(scores, scores)
    assert found.value == 0.5
    low, high = found.interval()
    assert 0.5 - low == pytest.approx(high - 0.5)
    assert low < 0.45


@pytest.mark.parametrize(("chance", "ours", "theirs"), [(0.7, 5, 5), (0.96, 10, 3), (0.5, 4, 9)])
def test_the_ends_are_one_quantile_from_the_estimate(chance: float, ours: int, theirs: int) -> None:
    """Hanley and McNeil's variance, written as in their paper, at each end."""
    for end in newcombe(chance, ((ours, theirs),)):
        others = (ours + theirs) / 2 - 1
        one, two = end / (2 - end), 2 * end**2 / (1 + end)
        variance = end * (1 - end) + others * (one - end**2) + others * (two - end**2)
        error = math.sqrt(variance / (ours * theirs))
        assert abs(chance - end) / error == pytest.approx(1.959964, rel=1e-5)


def test_the_interval_is_mirrored_and_never_without_width() -> None:
    for ours, theirs in itertools.product((3, 5, 10), repeat=2):
        low, high = newcombe(0.8, ((ours, theirs),))
        assert newcombe(0.2, ((ours, theirs),)) == pytest.approx((1 - high, 1 - low))
        low, high = newcombe(1.0, ((ours, theirs),))
        assert (low < 0.9, high) == (True, 1.0)
    assert newcombe(1.0, ((5, 5),)) == pytest.approx(
        (0.643, 1), abs=1e-3
    )  # a bootstrap says [1, 1]


def test_one_task_won_and_one_lost_leave_it_open() -> None:
    won, lost = np.arange(5.0) + 10, np.arange(5.0) - 10
    found = Improvement.of([won, lost], [np.arange(5.0)] * 2)
    low, high = found.interval()
    assert found.value == 0.5
    alone = newcombe(0.5, ((5, 5),))
    assert 0.5 - low == pytest.approx(high - 0.5)
    assert 0.15 < 0.5 - low < 0.5 - alone[0]


def test_more_tasks_are_worth_more_pairs() -> None:
    """Two tasks have half the variance of one, whatever the order of unequal numbers of seeds."""
    assert newcombe(0.7, ((5, 5), (5, 5))) == pytest.approx(_ends(0.7, 5, 5, 2))
    assert newcombe(0.7, ((3, 5), (10, 4))) == newcombe(0.7, ((10, 4), (3, 5)))


def _ends(chance: float, ours: int, theirs: int, tasks: int) -> tuple[float, float]:
    """The ends on a grid."""
    theta = np.linspace(0, 1, 2_000_001)[1:-1]
    others = (ours + theirs) / 2 - 1
    q1, q2 = theta / (2 - theta), 2 * theta**2 / (1 + theta)
    variance = theta * (1 - theta) + others * (q1 + q2 - 2 * theta**2)
    held = theta[(theta - chance) ** 2 <= 1.959964**2 * variance / (ours * theirs * tasks)]
    return held[0], held[-1]


def test_two_seeds_have_no_interval() -> None:
    assert np.isnan(Improvement.of([np.arange(2.0)], [np.arange(5.0)]).interval()).all()


def test_it_covers_for_normal_scores() -> None:
    """With five seeds and a truth of 0.92: one method nearly always wins."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(1000):
        low, high = Improvement.of([rng.normal(1.987, 1, 5)], [rng.normal(0, 1, 5)]).interval()
        hits += low <= 0.92 <= high
    assert 930 <= hits <= 980

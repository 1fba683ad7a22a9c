"""Intervals of one mean: hand computations, limits, and what they may not claim."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench.statistics import intervals


def rounded(scores: list[float], episodes: float) -> tuple[float, float]:
    low, high = intervals.success_interval(np.array(scores), episodes)
    return round(float(low), 1), round(float(high), 1)


def test_t_interval_by_hand() -> None:
    # mean 30, deviation 15.8114, t(0.975, 4) = 2.77645: 30 -+ 2.77645 * 15.8114 / sqrt(5)
    low, high = intervals.t_interval(np.array([10.0, 20, 30, 40, 50]))
    assert (low, high) == pytest.approx((10.3676, 49.6324), abs=1e-4)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_seeds_have_no_interval(count: int) -> None:
    assert np.isnan(intervals.t_interval(np.arange(count, dtype=float))).all()
    assert np.isnan(intervals.success_interval(np.arange(count, dtype=float), 50)).all()


def test_equal_unbounded_scores_have_no_interval() -> None:
    assert np.isnan(intervals.t_interval(np.full(5, 70.1))).all()


@pytest.mark.parametrize(
    ("scores", "episodes", "expected"),
    [
        ([100.0] * 5, 50, (85.3, 100.0)),  # 0.025 ** (1 / 23.1)
        ([0.0] * 3, 50, (0.0, 23.3)),
        ([0.0] * 10, 100, (0.0, 7.4)),
        ([12.0, 44, 42], 50, (2.2, 83.6)),
    ],
)
def test_success_rates_by_hand(
    scores: list[float], episodes: int, expected: tuple[float, float]
) -> None:
    assert rounded(scores, episodes) == expected


def test_a_success_rate_is_clopper_and_pearsons_of_the_effective_episodes() -> None:
    scores, episodes = np.array([60.0, 80, 70, 90]), 100
    rate, variance = 0.75, np.var([0.6, 0.8, 0.7, 0.9], ddof=1) / 4
    cautious = stats.t.ppf(0.975, 399) / stats.t.ppf(0.975, 3)
    effective = rate * (1 - rate) / variance * cautious**2
    assert effective < 400 / (1 + 99 * 0.2)  # here the seeds' spread decides, not the floor
    k, n = rate * effective, effective
    expected = stats.beta.ppf(0.025, k, n - k + 1), stats.beta.ppf(0.975, k + 1, n - k)
    found = intervals.success_interval(scores, episodes)
    assert np.array(found) == pytest.approx(100 * np.array(expected), rel=1e-9)


def test_seeds_that_agree_are_worth_fewer_episodes_than_they_played() -> None:
    agree = intervals.success_interval(np.full(5, 50.0), 100)
    assert intervals.effective_episodes(5, 100) == pytest.approx(500 / 20.8)
    exact = stats.binomtest(12, 24).proportion_ci().high  # about as many episodes
    assert agree[1] == pytest.approx(100 * exact, abs=0.2)


@given(st.lists(st.integers(0, 20), min_size=3, max_size=10), st.sampled_from([0.8, 0.95, 0.99]))
def test_a_success_interval_holds_the_mean_inside_the_scale(wins: list[int], level: float) -> None:
    scores = 100 * np.array(wins) / 20
    low, high = intervals.success_interval(scores, 20, level)
    assert 0 <= low <= scores.mean() + 1e-9
    assert scores.mean() - 1e-9 <= high <= 100
    assert high - low > 5  # never without width


def test_many_experiments_at_once_are_each_by_itself() -> None:
    scores = np.array([[100.0, 100, 100], [12, 44, 42], [0, 0, 5]])
    low, high = intervals.success_interval(scores, 20)
    for row, *ends in zip(scores, low, high, strict=True):
        assert tuple(ends) == intervals.success_interval(row, 20)


@pytest.mark.parametrize(("seeds", "bound"), [(3, 0.63), (5, 0.45), (10, 0.26)])
def test_failures_that_seeds_cannot_show(seeds: int, bound: float) -> None:
    found = intervals.unseen_failures(seeds)
    assert round(found, 2) == bound
    assert (1 - found) ** seeds == pytest.approx(0.05)  # the chance to see none of them

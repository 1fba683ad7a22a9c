"""Sums and differences over seeds: against SciPy, by hand, and where nothing varies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bench.statistics.inference import Sample, contrast
from bench.statistics.seed_scores import SeedScores, estimate

A = [60.0, 66.0, 58.0, 71.0, 63.0]
B = [50.0, 49.0, 55.0, 52.0, 40.0]


def cell(
    scores: Sequence[float], episodes: float | None = None, seeds: Sequence[int] | None = None
) -> SeedScores:
    index = range(len(scores)) if seeds is None else seeds
    return SeedScores(pd.Series(scores, index=index, dtype=float), episodes)


def test_the_same_seeds_are_compared_in_pairs() -> None:
    found = estimate([cell(A)], [cell(B)])
    expected = stats.ttest_rel(A, B)
    assert found.p_value() == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)


@pytest.mark.parametrize("seeds", [[5, 6, 7, 8, 9], [3, 4, 5, 6, 7]])
def test_other_seeds_are_compared_by_welchs_method(seeds: list[int]) -> None:
    found = estimate([cell(A)], [cell(B, seeds=seeds)])
    expected = stats.ttest_ind(A, B, equal_var=False)
    assert found.p_value() == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)
    unpaired = estimate([cell(A)], [cell(B)], paired=False)
    assert unpaired.interval() == pytest.approx(found.interval(), rel=1e-12)


def test_a_missing_seed_leaves_the_pairs_of_the_others() -> None:
    found = estimate([cell(A[:4])], [cell(B)])
    assert found.interval() == estimate([cell(A[:4])], [cell(B[:4])]).interval()


def test_a_total_is_summed_per_seed() -> None:
    """Tasks that rise and fall with the seed make the total as uncertain as it is."""
    up, down = [10.0, 20, 30], [30.0, 20, 10]
    apart = estimate([cell(up), cell(up)])
    assert apart.interval() == pytest.approx((-9.683, 89.683), abs=1e-3)  # 40 -+ 4.303 x 11.547
    terms = [(1.0, Sample.of(np.array(up)))] * 2
    assert contrast(terms).error == pytest.approx(apart.error / np.sqrt(2))
    assert not estimate([cell(up), cell(down)]).known  # every seed has 40: no spread
    by_seed = np.add(A, B)
    assert estimate([cell(A), cell(B)]).interval() == pytest.approx(
        stats.ttest_1samp(by_seed, 0).confidence_interval(0.95), rel=1e-9
    )


def test_a_factor_and_a_published_sample_by_hand() -> None:
    paper = Sample(50.0, 4.0, 10, ours=False)
    found = estimate([cell(A)], [cell(B)], factor=2, fixed=[(-1.0, paper)])
    differences = np.array(A) - 2 * np.array(B)
    assert found.value == pytest.approx(differences.mean() - 50)
    variance = [differences.var(ddof=1) / 5, 1.6]
    assert found.error == pytest.approx(np.sqrt(sum(variance)))
    freedom = sum(variance) ** 2 / (variance[0] ** 2 / 4 + variance[1] ** 2 / 9)
    assert found.freedom == pytest.approx(freedom)


def test_one_success_rate_has_its_own_interval() -> None:
    rate = cell([12.0, 44, 42], 50)
    assert rate.interval() == pytest.approx((2.2, 83.6), abs=0.05)
    for level in (0.9, 0.95, 0.99):
        assert estimate([rate]).interval(level) == rate.interval(level)


# --- where nothing varies -----------------------------------------------------------------


def test_success_rates_without_spread_do_not_decide() -> None:
    iql, cql = cell([40.0] * 3, 100), cell([19.9] * 3, 100)
    assert estimate([iql], [cql], factor=2).interval()[0] < 0
    assert estimate([cell([1.0] * 3, 100)], [cell([0.0] * 3, 100)]).interval()[0] < 0
    low, high = estimate([cell([0.0] * 3, 100)] * 6).interval()
    assert low == 0
    assert high > 30  # six tasks without a success in three seeds each


def test_a_difference_without_spread_rests_on_the_episodes() -> None:
    found = estimate([cell([100.0] * 3, 50)], [cell([0.0] * 3, 50)])
    # 13.9 effective episodes; rates of 15.9 and 2 of 17.9; Student's quantile with two degrees
    rate, count = 15.889 / 17.889, 13.889
    half = 4.30265 * 100 * np.sqrt(2 * rate * (1 - rate) / count)
    assert found.interval() == pytest.approx((100 - half, 100), abs=0.01)
    assert 0.001 < found.p_value() < 0.05


def test_a_factor_weighs_the_deviation_assumed_and_the_bounds() -> None:
    """Rates of 40 and 20% of 300 episodes worth 14.4, Agresti and Coull's 42.2 and 26.5%."""
    found = estimate([cell([40.0] * 3, 100)], [cell([20.0] * 3, 100)], factor=2)
    count = 300 / (1 + 99 * 0.2)
    rates = [(share * count + 2) / (count + 4) for share in (0.4, 0.2)]
    errors = [factor**2 * r * (1 - r) / count for factor, r in zip((1, 2), rates, strict=True)]
    half = 4.30265 * 100 * np.sqrt(sum(errors))
    assert found.interval() == pytest.approx((-half, min(half, 100)), abs=0.01)
    lowest = estimate([cell([0.0] * 3, 10)], [cell([100.0, 100, 90], 10)], factor=2)
    assert -200 <= lowest.interval()[0] < -150


def test_unbounded_scores_without_spread_have_no_interval() -> None:
    found = estimate([cell([70.0] * 5)], [cell([60.0] * 5)])
    assert np.isnan(found.interval()).all()
    assert found.p_value() == 1
    one = estimate([cell(A)], [cell([60.0] * 5, seeds=range(5, 10))])
    assert not one.known  # the other's spread says nothing of this one


@pytest.mark.parametrize("count", [0, 1, 2])
def test_below_three_seeds_there_is_no_interval(count: int) -> None:
    few = cell([10.0, 20.0][:count], 10)
    for found in (estimate([few]), estimate([few, few]), estimate([few], [cell(A, 10)])):
        assert np.isnan(found.interval()).all()


def test_intervals_stay_within_what_rates_can_be() -> None:
    low, high = estimate([cell([90.0, 100, 100], 10)] * 2).interval()
    assert (low > 0, high) == (True, 200)
    low, high = estimate([cell([100.0] * 3, 10)], [cell([0.0] * 3, 10)]).interval()
    assert high == 100


def test_rows_of_scores_become_a_cell() -> None:
    rows = pd.DataFrame({"seed": [1, 0], "score": [20.0, 10.0], "episodes": [50, 30]})
    bounded, other = (SeedScores.of(rows, bounded) for bounded in (True, False))
    assert list(bounded.values) == [10, 20]
    assert (bounded.episodes, other.episodes) == (40, None)

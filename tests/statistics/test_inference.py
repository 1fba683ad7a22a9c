"""Weighted sums of means, their intervals and p-values: against SciPy and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.statistics.inference import Sample, contrast, corrected

A = np.array([60.0, 66.0, 58.0, 71.0, 63.0])
B = np.array([50.0, 49.0, 55.0])


def test_a_difference_is_welchs() -> None:
    found = contrast([(1, Sample.of(A)), (-1, Sample.of(B))])
    expected = stats.ttest_ind(A, B, equal_var=False)
    assert found.value / found.error == pytest.approx(expected.statistic, rel=1e-12)
    assert found.freedom == pytest.approx(expected.df, rel=1e-12)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)


def test_a_weighted_sum_by_hand() -> None:
    # 1 x (mean 4, variance 4 / 4 seeds) - 2 x (mean 1, variance 9 / 9 seeds): error^2 = 1 + 4
    found = contrast([(1, Sample(4, 2, 4)), (-2, Sample(1, 3, 9))])
    assert (found.value, found.error) == pytest.approx((2, np.sqrt(5)))
    assert found.freedom == pytest.approx(25 / (1 / 3 + 16 / 8))


def test_what_does_not_vary_is_not_decided() -> None:
    terms = [(1, Sample.of(np.full(3, 0.1)))]
    found = contrast(terms)
    assert np.isnan(found.interval()).all()
    assert found.p_value() == 1


def test_a_published_number_without_spread_is_exact() -> None:
    exact = contrast([(1, Sample.of(A)), (-1, Sample(60.0, 0.0, 2, ours=False))])
    expected = stats.ttest_1samp(A, 60)
    assert exact.p_value() == pytest.approx(expected.pvalue, rel=1e-9)
    assert exact.interval() == pytest.approx(
        np.array(expected.confidence_interval(0.95)) - 60, rel=1e-9
    )


def test_the_p_value_and_the_interval_agree() -> None:
    found = contrast([(1, Sample.of(A))])
    for end in found.interval():
        assert found.p_value(end) == pytest.approx(0.05)
    assert found.p_value(found.interval(0.99)[0]) == pytest.approx(0.01)


def test_a_least_deviation_bounds_the_error_from_below() -> None:
    """The normal interval of that deviation, whatever the freedom and the number of terms."""
    found = contrast([(1, Sample(10, 0.0, 4, least=6.0)), (-1, Sample(3, 0.0, 9, least=12.0))])
    half = 1.959964 * np.sqrt(36 / 4 + 144 / 9)
    assert found.interval() == pytest.approx((7 - half, 7 + half))
    wide = contrast([(1, Sample(10, 60.0, 4, least=6.0))])
    assert wide == contrast([(1, Sample(10, 60.0, 4))])


def test_one_of_several_has_a_corrected_level() -> None:
    assert [corrected(n) for n in (1, 10)] == pytest.approx([0.95, 0.995])

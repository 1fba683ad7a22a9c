"""Intervals, tests and seeds needed: against SciPy, hand computations and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from rliable import metrics
from scipy import stats

from bench.statistics.inference import (
    Above,
    Estimate,
    Sample,
    Within,
    bootstrap_interval,
    contrast,
    corrected,
    improvement,
    seeds_needed,
    seeds_needed_by_error,
)

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


def test_more_seeds_shrink_our_errors_and_not_theirs() -> None:
    terms = [(1, Sample(4, 2, 4)), (-1, Sample(1, 3, 9, ours=False))]
    assert contrast(terms, seeds=16).error == pytest.approx(np.sqrt(4 / 16 + 1))


def test_what_does_not_vary_is_not_decided() -> None:
    terms = [(1, Sample.of(np.full(3, 0.1)))]
    found = contrast(terms)
    assert np.isnan(found.interval()).all()
    assert Above(0.0).decide(found) == "inconclusive"
    assert Within(-1.0, 1.0).decide(found) == "inconclusive"
    assert seeds_needed(terms, Above(0.0)) is None


def test_a_least_deviation_bounds_the_error_from_below() -> None:
    """The normal interval of that deviation, whatever the freedom and the number of terms."""
    found = contrast([(1, Sample(10, 0.0, 4, least=6.0)), (-1, Sample(3, 0.0, 9, least=12.0))])
    half = 1.959964 * np.sqrt(36 / 4 + 144 / 9)
    assert found.interval() == pytest.approx((7 - half, 7 + half))
    wide = contrast([(1, Sample(10, 60.0, 4, least=6.0))])
    assert wide == contrast([(1, Sample(10, 60.0, 4))])


@pytest.mark.parametrize(
    ("bound", "sign", "expected"),
    [
        # A: mean 63.6, its 95 % interval is 57.2 to 70.0
        (57.0, 1, "reproduced"),
        (58.0, 1, "inconclusive"),
        (71.0, 1, "not reproduced"),
        (71.0, -1, "reproduced"),
        (57.0, -1, "not reproduced"),
        (63.0, -1, "inconclusive"),
    ],
)
def test_a_bound_is_decided_by_the_interval(bound: float, sign: int, expected: str) -> None:
    estimate = contrast([(1, Sample.of(A))])
    assert estimate.interval() == pytest.approx((57.232, 69.968), abs=1e-3)
    assert Above(bound, sign).decide(estimate) == expected


def test_one_of_many_parts_refutes_at_a_corrected_level() -> None:
    estimate = contrast([(1, Sample.of(A))])
    assert corrected(10) == pytest.approx(0.995)
    high = estimate.interval(0.995)[1]
    assert Above(71.0).decide(estimate, 10) == "inconclusive"
    assert Above(high + 0.01).decide(estimate, 10) == "not reproduced"
    assert Above(57.0).decide(estimate, 10) == "reproduced"  # all must hold: no correction


@pytest.mark.parametrize("margin", [4.0, 6.0, 7.0, 9.0])
def test_equivalence_is_two_one_sided_tests(margin: float) -> None:
    goal = 62.0
    low = stats.ttest_1samp(A, goal - margin, alternative="greater").pvalue
    high = stats.ttest_1samp(A, goal + margin, alternative="less").pvalue
    decision = Within(goal - margin, goal + margin).decide(contrast([(1, Sample.of(A))]))
    assert (decision == "reproduced") == (max(low, high) < 0.05)


def test_equivalence_of_two_means_by_hand() -> None:
    # SciPy's Welch tests of shifted samples; the published one is known by mean, std and count.
    theirs = Sample(60.0, 4.0, 10, ours=False)
    estimate = contrast([(1, Sample.of(A)), (-1, theirs)])
    assert estimate.interval(0.9)[1] == pytest.approx(8.616, abs=1e-3)
    for margin, expected in ((8.61, "inconclusive"), (8.62, "reproduced")):
        shifted = stats.ttest_ind_from_stats(
            *(A.mean(), A.std(ddof=1), 5, 60.0 + margin, 4.0, 10), equal_var=False
        )
        assert (shifted.pvalue / 2 < 0.05) == (expected == "reproduced")
        assert Within(-margin, margin).decide(estimate) == expected


def test_a_score_wholly_outside_the_margin_is_not_equal() -> None:
    estimate = contrast([(1, Sample.of(A))])
    assert Within(70.1, 80).decide(estimate) == "not reproduced"
    assert Within(69.9, 80).decide(estimate) == "inconclusive"
    assert Within(40, 57.0).decide(estimate) == "not reproduced"
    assert Within(70.1, 80).decide(estimate, 3) == "inconclusive"


def decided(test: Above | Within, mean: float, std: float, seeds: int, parts: int) -> float:
    """The share of simulated experiments that decide."""
    values = np.random.default_rng(0).normal(mean, std, (3000, seeds))
    errors = values.std(axis=1, ddof=1) / np.sqrt(seeds)
    found = [Estimate(m, e, seeds - 1) for m, e in zip(values.mean(axis=1), errors, strict=True)]
    return float(np.mean([test.decide(e, parts) != "inconclusive" for e in found]))


@pytest.mark.parametrize(
    ("test", "mean", "parts"),
    [
        (Above(0.0), 0.8, 1),
        (Above(0.0, -1), 0.8, 4),
        (Above(-0.6), 0.0, 1),
        (Within(-1.0, 1.0), 0.1, 1),
        (Within(-1.0, 1.0), 1.9, 3),
    ],
)
def test_the_seeds_needed_give_the_power_in_simulation(
    test: Above | Within, mean: float, parts: int
) -> None:
    pilot = Sample(mean, 1.0, 4)
    needed = seeds_needed([(1.0, pilot)], test, parts)
    assert needed is not None
    assert 5 < needed < 60
    assert decided(test, mean, 1.0, needed, parts) == pytest.approx(0.82, abs=0.03)
    assert decided(test, mean, 1.0, needed - 2, parts) < 0.81


def test_where_seeds_do_not_help() -> None:
    exact, vague = Sample(50.0, 5.0, 5), Sample(50.0, 30.0, 10, ours=False)
    assert seeds_needed([(1, exact), (-1, vague)], Within(-10, 10)) is None
    assert seeds_needed([(1, Sample(0.0, 1.0, 5))], Above(0.0)) is None


RNG = np.random.default_rng(3)
OURS = [RNG.normal(60, 10, 6) for _ in range(4)]
THEIRS = [np.round(RNG.normal(55, 10, 5)) for _ in range(4)]


def test_the_probability_of_improvement_is_rliables() -> None:
    ours = [np.round(x) for x in OURS]  # rounded, so that there are ties
    value, _ = improvement(ours, THEIRS, 10)
    expected = metrics.probability_of_improvement(np.stack(ours, 1), np.stack(THEIRS, 1))
    assert value == pytest.approx(expected, abs=1e-12)


def test_its_bootstrap_draws_each_methods_seeds_within_tasks() -> None:
    """Against a plain resampling with another generator."""
    _, draws = improvement(OURS, THEIRS, 4000)
    rng = np.random.default_rng(9)
    plain = []
    for _ in range(4000):
        pairs = [(rng.choice(x, len(x)), rng.choice(y, len(y))) for x, y in zip(OURS, THEIRS)]  # noqa: B905
        plain.append(
            np.mean([(x[:, None] > y).mean() + (x[:, None] == y).mean() / 2 for x, y in pairs])
        )
    assert draws.mean() == pytest.approx(np.mean(plain), abs=0.01)
    assert draws.std() == pytest.approx(np.std(plain), rel=0.07)
    assert bootstrap_interval(draws) == pytest.approx(np.percentile(plain, [2.5, 97.5]), abs=0.02)


def test_seeds_for_the_probability_of_improvement_by_hand() -> None:
    draws = np.array([0.5, 0.7])  # deviation 0.1
    # (1.960 + 0.842)^2 x (0.1 / 0.2)^2 x 4 seeds = 7.85
    assert seeds_needed_by_error(0.7, 0.5, draws, 4) == 8
    assert seeds_needed_by_error(0.5, 0.5, draws, 4) is None

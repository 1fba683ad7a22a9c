"""Ranks and corrected comparisons of the methods on one task, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from bench.statistics.comparisons import against, holm, rank
from bench.statistics.seed_scores import SeedScores

RNG = np.random.default_rng(0)


def cell(scores: object, episodes: float | None = None) -> SeedScores:
    return SeedScores(pd.Series(scores, dtype=float), episodes)


def test_holm_by_hand() -> None:
    # sorted: 0.01 x 3, 0.02 x 2 = 0.04, 0.04 x 1
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []


@settings(max_examples=30)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(expected, abs=1e-15)


def test_comparisons_are_paired_and_corrected_for_their_number() -> None:
    methods = {name: RNG.normal(60 - 10 * k, 5, 5) for k, name in enumerate("abcd")}
    found = against({m: cell(v) for m, v in methods.items() if m != "a"}, cell(methods["a"]))
    plain = [stats.ttest_rel(methods[m], methods["a"]).pvalue for m in "bcd"]
    assert [found[m][0].p_value() for m in "bcd"] == pytest.approx(plain, rel=1e-9)
    assert [found[m][1] for m in "bcd"] == pytest.approx(holm(plain))
    assert found["b"][0].value == pytest.approx((methods["b"] - methods["a"]).mean())


def test_rank_by_hand() -> None:
    ranks = rank(
        {
            "best": cell([50.0, 60, 70]),
            "near": cell([45.0, 50, 68]),  # differences 5, 10, 2: t = 2.43, p = 0.14
            "far": cell([0.0, 11, 22]),  # 50, 49, 48: t = 85
            "few": cell([99.0, 99]),
        }
    )
    assert ranks == {"best": "best", "near": "tied", "far": "", "few": "n/a"}


def test_one_of_many_is_ranked_at_a_corrected_level() -> None:
    """A difference that is significant alone may not be among ten."""
    leader = np.array([60.0, 61, 62, 63, 64])
    lower = leader - np.array([4.0, 10, 2, 9, 1])  # t = 2.84, p = 0.047
    assert stats.ttest_rel(leader, lower).pvalue == pytest.approx(0.047, abs=5e-4)
    assert rank({"a": cell(leader), "b": cell(lower)})["b"] == ""
    others = {f"m{k}": cell(leader - RNG.permutation(5)) for k in range(9)}
    assert rank({"a": cell(leader), "b": cell(lower), **others})["b"] == "tied"


def test_what_does_not_vary_is_not_ranked_below() -> None:
    same, lower = [100.0] * 3, [99.0] * 3
    assert rank({"a": cell(same), "b": cell(same), "c": cell(lower)}) == {
        "a": "best",
        "b": "best",
        "c": "tied",
    }
    rates = {"a": cell(same, 100), "b": cell(lower, 100), "c": cell([0.0] * 3, 100)}
    assert rank(rates) == {"a": "best", "b": "tied", "c": ""}


def test_without_three_seeds_nothing_is_ranked() -> None:
    assert rank({"a": cell([1.0, 2]), "b": cell([3.0])}) == {"a": "n/a", "b": "n/a"}
    assert against({"a": cell([1.0, 2, 3])}, cell([1.0, 2])) == {}

"""Pooling equals metafor's, and the rule decides as it is printed."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from helpers.paths import TESTS
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize

from bench.literature.pooling import (
    DOES_NOT,
    NOISY,
    RULE,
    WITHIN_5,
    WITHIN_10,
    Pooled,
    pool,
    verdict,
)

# Log risk ratios and variances of the thirteen BCG trials, metafor's dat.bcg.
BCG = (
    [-0.8893113339, -1.5853886572, -1.3480731483, -1.4415512004, -0.2175473222, -0.7861155858,
     -1.6208982235, 0.0119523335, -0.4694176487, -1.3713448035, -0.3393588283, 0.4459134006,
     -0.0173139482],
    [0.3255847650, 0.1945811214, 0.4153679654, 0.0200100319, 0.0512101722, 0.0069056185,
     0.2230172476, 0.0039615793, 0.0564342105, 0.0730247936, 0.0124122139, 0.5325058452,
     0.0714046597],
)  # fmt: skip
GOLDEN = pd.read_csv(TESTS / "golden/metafor.csv", skipinitialspace=True)
INPUT = pd.read_csv(TESTS / "golden/metafor_input.csv")


@pytest.mark.parametrize(
    "row",
    GOLDEN.to_dict("records"),
    ids=lambda r: f"{r['method']} {r['task']} {r['estimator']}",
)
def test_it_is_what_metafor_computes(row: dict) -> None:
    cell = INPUT[(INPUT["method"] == row["method"]) & (INPUT["task"] == row["task"])]
    effects, variances = cell["difference"].to_list(), cell["variance"].to_list()
    found = pool(effects, variances, row["estimator"].lower())
    plain = pool(effects, variances, row["estimator"].lower(), floor=False)
    assert found.k == row["k"]
    # statsmodels stops Paule and Mandel's iteration at 1e-5 of the estimating equation.
    scale = max(1.0, abs(row["high"] - row["low"]))
    for name, mine in (
        ("value", found.value),
        ("q", found.q),
        ("low", plain.low),
        ("high", plain.high),
        ("floor_low", found.low),
        ("floor_high", found.high),
        ("next_low", found.next_low),
        ("next_high", found.next_high),
    ):
        assert mine == pytest.approx(row[name], abs=2e-4 * scale), name
    assert found.between_sd**2 == pytest.approx(row["tau2"], rel=2e-4, abs=2e-4)


def test_the_recorded_cells_include_table_1s() -> None:
    assert len(GOLDEN[GOLDEN["method"] == "iql"]) == 18
    assert (GOLDEN.groupby(["method", "task"])["estimator"].nunique() == 2).all()


@pytest.mark.parametrize(
    ("between", "tau2", "value", "low", "high"),
    [("pm", 0.3181, -0.7150, -1.1091, -0.3208), ("dl", 0.3088, -0.7141, -1.1078, -0.3204)],
)
def test_the_bcg_trials_give_metafors_published_numbers(
    between: str, tau2: float, value: float, low: float, high: float
) -> None:
    found = pool(*BCG, between, floor=False)  # type: ignore[arg-type]
    assert (found.between_sd**2, found.value) == pytest.approx((tau2, value), abs=5e-5)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)
    assert (found.q, found.k) == (pytest.approx(152.233, abs=5e-4), 13)


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.05, 60)), min_size=2, max_size=12))
def test_the_variance_between_solves_paule_and_mandels_equation(pairs: list) -> None:
    effects, variances = (np.array(column) for column in zip(*pairs, strict=True))

    def excess(tau2: float) -> float:
        weights = 1 / (variances + tau2)
        centre = (weights * effects).sum() / weights.sum()
        return float((weights * (effects - centre) ** 2).sum()) - (len(effects) - 1)

    found = pool(effects.tolist(), variances.tolist())
    if excess(0.0) <= 0:
        assert found.between_sd == 0
    else:
        root = optimize.brentq(excess, 0.0, 1e5, xtol=1e-12)
        assert found.between_sd**2 == pytest.approx(root, rel=1e-3, abs=1e-3)
    assert sum(found.weights) == pytest.approx(100)


def test_the_interval_is_never_narrower_than_the_classical_one() -> None:
    effects, variances = [1.0, 1.0, 1.0], [4.0, 4.0, 4.0]
    narrow, wide = pool(effects, variances, floor=False), pool(effects, variances)
    assert narrow.error == pytest.approx(0.0, abs=1e-12)
    assert wide.error == pytest.approx(math.sqrt(4 / 3))


def test_one_reproduction_has_an_interval_and_no_prediction() -> None:
    found = pool([3.0], [4.0])
    assert (found.k, found.value, found.error) == (1, 3.0, 2.0)
    assert (found.low, found.high) == pytest.approx((3 - 3.92, 3 + 3.92), abs=1e-3)
    assert math.isnan(found.next_low)
    assert math.isnan(pool([1.0, 2.0], [1.0, 1.0]).next_low)


def test_a_shared_error_of_the_target_widens_but_does_not_move() -> None:
    alone, shared = (
        pool([1.0, 2.0, 4.0], [1.0, 1.0, 1.0]),
        pool([1.0, 2.0, 4.0], [1.0] * 3, target=9),
    )
    assert shared.value == alone.value
    assert shared.error == pytest.approx(math.hypot(alone.error, 3))


def test_nothing_cannot_be_pooled() -> None:
    with pytest.raises(ValueError, match="nothing to pool"):
        pool([], [])


def made(low: float, high: float, k: int = 5) -> Pooled:
    return Pooled(k, (low + high) / 2, 1, low, high, 0, 0, 0, low, high, ())


@pytest.mark.parametrize(
    ("low", "high", "k", "expected"),
    [
        (-4.9, 4.9, 3, WITHIN_5),
        (-4.9, 5.0, 3, WITHIN_10),  # a bound is outside
        (6.0, 9.9, 3, WITHIN_10),  # certainly more than 5, certainly less than 10
        (5.1, 10.1, 3, DOES_NOT),
        (-30.0, -5.1, 3, DOES_NOT),
        (-30.0, -5.0, 3, NOISY),
        (4.0, 11.0, 3, NOISY),
        (-20.0, 20.0, 9, NOISY),
        (-0.1, 0.1, 2, NOISY),  # too few
    ],
)
def test_the_rule(low: float, high: float, k: int, expected: str) -> None:
    assert verdict(made(low, high, k)) == expected


def test_a_cell_that_nobody_reran_is_undecided_and_the_rule_says_so() -> None:
    assert verdict(None) == NOISY
    for word in ("fewer than 3", "±5", "±10", "beyond 5", NOISY, "95%"):
        assert word in RULE

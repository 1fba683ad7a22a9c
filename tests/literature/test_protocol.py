"""What the choice of evaluation, the number of seeds and the source do to a score."""

from __future__ import annotations

import math

import numpy as np
import pytest
from helpers.record import analysis, record

from bench.literature.conflicts import WIDE, conflicts
from bench.literature.protocol import LATE, choices, late_ranges, summary
from bench.literature.seeds_needed import MOST, needed
from bench.literature.sensitivity import ALTERNATIVES, left_out
from bench.statistics import published


def test_the_maximum_of_a_mean_curve_is_38_points_above_its_last() -> None:
    rows = analysis().choices
    top = rows.loc[rows[rows["choice"] == "max_of_mean_curve"]["difference"].idxmax()]
    assert (top["source"], top["task"]) == ("nnabla-rl", "hopper-medium-expert-v2")
    assert (top["last"], top["chosen"]) == pytest.approx((59.01, 97.4))


def test_a_best_score_is_never_below_the_last_of_the_same_runs() -> None:
    rows = choices(record())
    best = rows[rows["choice"] == "best"]
    assert len(best) > 400
    assert (best["difference"] >= -0.05).all()
    assert best["source"].nunique() >= 5


def test_the_summary_counts_its_cells() -> None:
    rows = analysis().choices
    table = summary(rows).set_index(["choice", "method"])
    assert table.loc[("best", "all"), "cells"] == (rows["choice"] == "best").sum()
    iql = rows[(rows["choice"] == "best") & (rows["method"] == "iql")]["difference"]
    assert table.loc[("best", "iql"), "median"] == iql.median()
    assert table.loc[("best", "iql"), "most"] == iql.max()


def test_late_ranges_are_those_of_the_seed_mean() -> None:
    row = (
        analysis()
        .late.set_index(["source", "task", "phase"])
        .loc[("nnabla-rl", "hopper-medium-expert-v2", "offline")]
    )
    curve = record().curves
    curve = curve[(curve["source"] == "nnabla-rl") & (curve["method"] == "iql")]
    mean = curve[curve["task"] == "hopper-medium-expert-v2"].groupby("step")["score"].mean()
    late = mean[mean.index >= LATE * 1_000_000]
    assert (row["low"], row["high"]) == pytest.approx((late.min(), late.max()))
    assert row["last"] == pytest.approx(mean.iloc[-1])
    assert (late_ranges(record())["range"].diff().dropna() <= 0).all()


def test_seeds_needed_are_those_of_a_normal_mean() -> None:
    values = np.linspace(-1, 1, 400)  # uniform, deviation about 0.58
    values *= 10 / values.std(ddof=1)
    count = needed(values, 5.0, np.random.default_rng(0))
    assert count is not None
    assert abs(count - (1.96 * 10 / 5) ** 2) <= 2
    assert needed(values, 0.5, np.random.default_rng(0)) is None
    assert needed(np.array([1.0, 1.0, 1.0]), 5.0, np.random.default_rng(0)) == 1


def test_few_runs_are_stretched() -> None:
    few = np.array([-12.0, -6.0, -1.0, 2.0, 7.0, 10.0])
    counts = [
        needed(values, 2.0, np.random.default_rng(0)) or math.inf
        for values in (few, np.repeat(few, 100))
    ]
    assert counts[0] < MOST
    assert counts[0] / counts[1] == pytest.approx(6 / 5, abs=0.09)


def test_conflicts_list_every_source_once_and_say_where_the_paper_is() -> None:
    frame = conflicts(record())
    assert (frame["range"] > WIDE).all()
    row = frame.set_index(["task", "method"]).loc[("hopper-medium-replay-v2", "iql")]
    listed = [part.rpartition(" ")[0] for part in f"{row['low']}, {row['high']}".split(", ")]
    assert len(listed) == len(set(listed)) == row["sources"] == 10
    assert row["paper"] == "high"
    assert "nnabla-rl 48.6" in row["low"]
    td3 = frame.set_index(["task", "method"]).loc[("antmaze-umaze-v0", "td3_bc")]
    assert td3["odd"] == "harness-orl"
    assert set(frame["method"]) <= {"iql", "bc", "bc10", "dt", "awac", "td3_bc", "cql", "xql"}


def test_the_paper_is_not_odd_where_it_has_company() -> None:
    frame = conflicts(record())
    paper = {(t, m) for t, m in published.paper_scores()}
    for row in frame.to_dict("records"):
        assert bool(row["paper"]) == ((row["task"], row["method"]) in paper)
        assert row["odd"] == "" or row["odd"] in f"{row['low']}, {row['high']}"


def test_every_alternative_differs_from_the_report_somewhere() -> None:
    reported = analysis().alternatives["as reported"]
    for e, first in zip(analysis().iql, reported, strict=True):
        assert str(e.pooled) == str(first.pooled)
    for other in ALTERNATIVES[1:]:
        rows = analysis().alternatives[other.name]
        pairs = zip(rows, reported, strict=True)
        assert any(str(a.headline) != str(b.headline) for a, b in pairs), other.name


def test_leaving_a_source_out_leaves_the_others() -> None:
    for e in analysis().locomotion:
        assert e.headline
        rest = left_out(e)
        assert len(rest) == e.headline.k
        assert {p.k for p in rest.values()} == {e.headline.k - 1}
    assert "nnabla-rl" in analysis().decisive["hopper-medium-replay-v2"]

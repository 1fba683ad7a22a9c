"""The simulated coverage: rliable's own intervals, known truths, and what the report says of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from rliable import library, metrics

from bench.paths import COVERAGE
from bench.statistics import aggregates, interval_coverage
from bench.statistics.interval_coverage import BOOTSTRAPPED, STUDENT, normal

MATRIX = np.random.default_rng(1).normal(70, 30, (5, 4))


def test_the_vectorised_bootstrap_is_rliables() -> None:
    np.random.seed(0)
    _, expected = library.get_interval_estimates({"x": MATRIX}, aggregates._metrics, reps=300)
    np.random.seed(0)
    found = interval_coverage.bootstrap_ends(MATRIX, 300, np.random.randint)
    assert np.abs(found - expected["x"]).max() < 1e-12


def test_the_metrics_are_rliables() -> None:
    found = interval_coverage.metrics(np.stack([MATRIX, MATRIX + 1]))
    expected = [
        metrics.aggregate_iqm(MATRIX),
        metrics.aggregate_median(MATRIX),
        metrics.aggregate_mean(MATRIX),
        metrics.aggregate_optimality_gap(MATRIX, 100),
    ]
    assert found[0] == pytest.approx(expected, abs=1e-12)
    assert found[1, 2] == pytest.approx(expected[2] + 1, abs=1e-12)


def test_the_t_interval_of_normal_scores_holds_its_level() -> None:
    row = dict(
        zip(
            interval_coverage.COLUMNS,
            interval_coverage.t_coverage("normal", normal, 4, 2000),
            strict=True,
        )
    )
    assert row["coverage"] == pytest.approx(0.95, abs=0.015)  # three standard errors
    assert row["error"] == pytest.approx(np.sqrt(0.95 * 0.05 / 2000), rel=0.15)
    # 2 x 3.182 x 10 x E[s]/sigma (0.9213) / sqrt(4)
    assert row["width"] == pytest.approx(29.3, rel=0.03)


def test_bootstraps_of_few_seeds_are_too_narrow() -> None:
    rows = interval_coverage.bootstrap_coverage("normal", normal, 3, 300, 300)
    assert [row[0] for row in rows] == list(BOOTSTRAPPED)
    mean = dict(zip(interval_coverage.COLUMNS, rows[2], strict=True))
    # Nine tasks of three seeds: the plug-in deviation is sqrt(2/3) of the true one, so that the
    # interval reaches 1.96 x 0.816 deviations, and P(|z| < 1.6) = 0.89; it varies besides.
    assert 0.8 < mean["coverage"] < 0.92


def test_what_was_measured_is_what_the_report_says() -> None:
    frame = pd.read_csv(COVERAGE)
    assert set(frame["seeds"]) == {3, 5, 10}
    usual = frame[(frame["interval"] == STUDENT) & (frame["scores"] == "normal")]
    assert (usual["coverage"] - 0.95).abs().max() < 0.025
    uneven = frame[(frame["interval"] == STUDENT) & (frame["scores"] == "one in five fails")]
    assert uneven["coverage"].max() < 0.9
    iqm = frame[(frame["interval"] == BOOTSTRAPPED[0]) & (frame["scores"] == "normal")]
    assert iqm["coverage"].iloc[0] < 0.92 < iqm["coverage"].iloc[2]
    first, second = interval_coverage.sentences()
    for row, text in ((usual, first), (uneven, first), (iqm, second)):
        for share, seeds in zip(row["coverage"], row["seeds"], strict=True):
            assert f"{100 * share:.0f}% at {seeds}" in text


def test_nothing_is_said_of_what_was_not_measured(tmp_path: Path) -> None:
    assert interval_coverage.sentences(tmp_path / "coverage.csv") == []


def test_the_published_table_is_the_measured_one() -> None:
    frame = pd.read_csv(COVERAGE)
    text = (ROOT / "docs/results/intervals.md").read_text()
    for (kind, name), rows in frame.groupby(["interval", "scores"]):
        shares = " | ".join(f"{100 * x:.0f}%" for x in rows.sort_values("seeds")["coverage"])
        assert kind == BOOTSTRAPPED[3] or f"| {kind} | {name} | {shares} |" in text

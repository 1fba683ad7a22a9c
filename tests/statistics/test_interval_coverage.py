"""The simulated coverage: rliable's own intervals, known truths, and what is said of it."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from rliable import library, metrics

from bench.paths import COVERAGE
from bench.report import prose
from bench.statistics import aggregates, interval_coverage
from bench.statistics import coverage_of_comparisons as comparisons
from bench.statistics.intervals import ICC, success_interval, unseen_failures
from bench.statistics.simulated_scores import MAZE, MOSTLY, NORMAL, SHARED, SINGLE

MATRIX = np.random.default_rng(1).normal(70, 30, (5, 4))


def test_the_vectorised_bootstrap_is_rliables() -> None:
    np.random.seed(0)
    _, expected = library.get_interval_estimates({"x": MATRIX}, aggregates.metrics, reps=300)
    np.random.seed(0)
    found = interval_coverage.bootstrap_ends(MATRIX, 300, np.random.randint)
    assert np.abs(found[0] - expected["x"]).max() < 1e-12


def test_the_metrics_are_rliables() -> None:
    found = aggregates.metrics(np.stack([MATRIX, MATRIX + 1]))
    expected = [
        metrics.aggregate_iqm(MATRIX),
        metrics.aggregate_median(MATRIX),
        metrics.aggregate_mean(MATRIX),
        metrics.aggregate_optimality_gap(MATRIX, 100),
    ]
    assert found[0] == pytest.approx(expected, abs=1e-12)
    assert found[1, 2] == pytest.approx(expected[2] + 1, abs=1e-12)


def test_a_wider_level_is_from_the_same_draws() -> None:
    levels = (0.95, 0.99)
    np.random.seed(0)
    found = interval_coverage.bootstrap_ends(MATRIX, 300, np.random.randint, levels)
    np.random.seed(0)
    alone = interval_coverage.bootstrap_ends(MATRIX, 300, np.random.randint, levels[1:])
    assert (found[1] == alone[0]).all()
    assert (found[1, 0] <= found[0, 0]).all()
    assert (found[1, 1] >= found[0, 1]).all()


def test_the_bootstrap_of_improvement_draws_each_methods_seeds_within_tasks() -> None:
    """Against a plain resampling with another generator."""
    rng = np.random.default_rng(3)
    ours, theirs = rng.normal(60, 10, (4, 6)), rng.normal(55, 10, (4, 6))
    found = comparisons.win_bootstrap(ours, theirs, 4000, rng)
    draws = []
    for _ in range(2000):
        pairs = [(rng.choice(x, 6), rng.choice(y, 6)) for x, y in zip(ours, theirs, strict=True)]
        draws.append(np.mean([(x[:, None] > y).mean() for x, y in pairs]))
    assert found == pytest.approx(np.percentile(draws, [2.5, 97.5]), abs=0.03)


def rows_of(rows: list[dict[str, object]], **wanted: object) -> dict[str, Any]:
    (found,) = (r for r in rows if all(r[key] == value for key, value in wanted.items()))
    return found


def test_the_t_interval_of_normal_scores_holds_its_level() -> None:
    (found,) = interval_coverage.task_rows(NORMAL, 4, 2000)
    assert found["coverage"] == pytest.approx(0.95, abs=0.015)  # three standard errors
    assert found["error"] == pytest.approx(np.sqrt(0.95 * 0.05 / 2000), rel=0.15)
    # 2 x 3.182 x 10 x E[s]/sigma (0.9213) / sqrt(4)
    assert found["width"] == pytest.approx(29.3, rel=0.03)
    assert found["printed"]
    assert np.isnan(found["both_kinds"])


def test_what_no_seed_shows_no_interval_covers() -> None:
    rows = interval_coverage.task_rows(MOSTLY, 5, 600)
    found = rows_of(rows, printed=True)
    assert found["both_kinds"] == pytest.approx(1 - 0.8**5 - 0.2**5, abs=0.06)
    assert found["coverage"] == pytest.approx(found["both_kinds"])  # in those, and in no others
    assert found["coverage_of_both"] == 1
    assert not rows_of(rows, interval=interval_coverage.STUDENT)["printed"]


def test_bootstraps_of_few_seeds_are_too_narrow_and_sums_per_seed_are_not() -> None:
    rows = interval_coverage.aggregate_rows(SHARED, 3, 100, 100)
    mean = interval_coverage.MEAN
    plain = rows_of(rows, quantity=mean, interval=comparisons.PERCENTILE)
    assert plain["coverage"] < 0.8  # the tasks of a seed go together
    assert rows_of(rows, quantity=mean, printed=True)["coverage"] > 0.92
    assert not any(row["printed"] for row in rows if row["quantity"] == interval_coverage.MEDIAN)


def test_uncorrected_marks_set_equal_methods_apart() -> None:
    rows = comparisons.mark_rows(MAZE, 5, 40)
    many = comparisons.MARKS.format(11)
    assert rows_of(rows, quantity=many, printed=False)["coverage"] < 0.8
    assert rows_of(rows, quantity=many, printed=True)["coverage"] > 0.95


FRAME = pd.read_csv(COVERAGE)


def test_printed_intervals_of_success_rates_cover_where_seeds_show_what_there_is() -> None:
    """Nominal 95% covers at least 92% with 3, 5 and 10 seeds; all-or-nothing says why not."""
    assert set(FRAME["seeds"]) == {3, 5, 10}
    cells = FRAME[FRAME["printed"] & (FRAME["quantity"] == interval_coverage.TASK)]
    bounded = {scores.name for scores in SINGLE if scores.success}
    found = cells[cells["scores"].isin(bounded)]
    assert len(found) == 3 * len(bounded) == 21
    short = found[found["coverage"] < 0.92]
    assert set(short["scores"]) == {"all or nothing, 80%", "all or nothing, 20%"}
    assert (short["coverage_of_both"] > 0.99).all()
    assert (short["both_kinds"] < 0.92).all()


def test_printed_comparisons_keep_their_level() -> None:
    found = FRAME[FRAME["printed"] & (FRAME["quantity"] == comparisons.DIFFERENCE)]
    assert len(found) == 3 * len(SINGLE)
    assert found["coverage"].min() > 0.93
    chance = FRAME[FRAME["printed"] & FRAME["quantity"].str.startswith(comparisons.IMPROVEMENT)]
    assert chance["coverage"].min() >= 0.9


def test_what_was_measured_is_what_the_report_says() -> None:
    printed = FRAME[FRAME["printed"]].set_index(["quantity", "scores"])
    rows = prose.coverage_rows()
    assert [name for name, *_ in rows] == [name for name, *_ in prose.SIMULATED]
    for (_, *shares), (_, quantity, scores) in zip(rows, prose.SIMULATED, strict=True):
        of = printed.loc[[(quantity, scores.name)]].set_index("seeds")["coverage"]
        assert shares == [f"{100 * of[n]:.0f}%" for n in (3, 5, 10)]
        assert list(of.index) == [3, 5, 10]


def test_nothing_is_said_of_what_was_not_measured(tmp_path: Path) -> None:
    assert prose.coverage_rows(tmp_path / "coverage.csv") == []


PLAIN = {
    interval_coverage.STUDENT,
    comparisons.OVERLAP,
    comparisons.UNCORRECTED,
    comparisons.PERCENTILE,
}


def test_the_published_table_is_the_measured_one() -> None:
    text = (ROOT / "docs/results/intervals.md").read_text()
    for (quantity, scores), rows in FRAME.groupby(["quantity", "scores"]):
        cells = []
        for chosen in (rows[rows["interval"].isin(PLAIN)], rows[rows["printed"]]):
            shares = chosen.set_index("seeds")["coverage"].reindex([3, 5, 10])
            cells.append(", ".join("n/a" if pd.isna(x) else f"{100 * x:.0f}" for x in shares))
        assert f"| {quantity} | {scores} | {' | '.join(cells)} |" in text


def test_the_sentences_beside_the_table_are_measured() -> None:
    text = " ".join((ROOT / "docs/results/intervals.md").read_text().split())
    low, high = success_interval(np.full(5, 100.0), 50)
    assert f"[{low:.1f}, {high:.1f}]" in text
    low, high = success_interval(np.array([12.0, 44, 42]), 50)
    assert f"[{low:.1f}, {high:.1f}]" in text
    bounds = [f"{100 * unseen_failures(n):.0f}" for n in (3, 5, 10)]
    assert f"{bounds[0]}, {bounds[1]} and {bounds[2]}% with 3, 5 and 10 seeds" in text
    script = runpy.run_path(str(ROOT / "benchmarks/seed_correlations.py"))
    corl, ours = script["of_corl"](), script["of_ours"](ROOT / "results/published/local")
    assert (
        f"nine in ten of {len(corl)} cells of CORL's have at most {np.quantile(corl, 0.9):.2f}"
        in text
    )
    assert f"and of {len(ours)} cells of ours at most {np.quantile(ours, 0.9):.2f}" in text
    assert max(np.quantile(found, 0.9) for found in (corl, ours)) < ICC
    marks = FRAME[FRAME["printed"] & (FRAME["quantity"] == comparisons.MARKS.format(11))]
    wrong = 100 * (1 - marks.set_index("scores")["coverage"])
    for scores, words in (
        ("normal", "in {} to {}% of the tasks with unbounded scores"),
        ("maze success", "and in {} to {}% with success rates"),
    ):
        ends = (f"{wrong[scores].min():.0f}", f"{wrong[scores].max():.0f}")
        assert words.format(*ends) in text

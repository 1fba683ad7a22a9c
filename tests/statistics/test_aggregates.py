"""Statistics against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from helpers.suite_results import MAZES, TASKS, UPDATES, catalogue, make_suite
from rliable import library, metrics
from scipy import stats

from bench.statistics import aggregates, over_tasks
from bench.statistics.intervals import success_interval
from bench.statistics.scores import SCORE_COLUMNS

A, B = TASKS[:2]
ROWS = catalogue().tasks


def frame(finals: Mapping[tuple[str, str], Sequence[float]], step: int = UPDATES) -> pd.DataFrame:
    """scores.csv with the last score of each seed; `finals` maps (task, method) to seeds."""
    rows = [
        ("fixture", task, method, seed, "offline", step, score, 0.0, score, 4)
        for (task, method), values in finals.items()
        for seed, score in enumerate(values)
        if not np.isnan(score)
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def cell(summary: pd.DataFrame, method: str) -> pd.Series:
    return summary.set_index("method").loc[method]


# --- summary --------------------------------------------------------------------------


def test_summary_takes_the_last_evaluation() -> None:
    early = frame({(A, "iql"): [90, 10, 10]}, step=500)
    online = frame({(A, "iql"): [99, 99, 99]}).assign(phase="online")
    scores = pd.concat([early, online, frame({(A, "iql"): [10, 20, 60]})])
    row = cell(aggregates.summarise(scores, make_suite([A]), ROWS), "iql")
    assert (row["seeds"], row["mean"], row["diverged"]) == (3, 30, 0)
    assert row["std"] == pytest.approx(26.4575, abs=1e-4)  # sqrt((400 + 100 + 900) / 2)
    assert row["best"] == pytest.approx((90 + 20 + 60) / 3)
    assert row["last10"] == pytest.approx((50 + 15 + 35) / 3)


def test_last10_takes_ten_evaluations() -> None:
    steps = [UPDATES - 100 * k for k in range(12)]
    scores = pd.concat([frame({(A, "iql"): [float(k)]}, s) for k, s in enumerate(steps)])
    row = cell(aggregates.summarise(scores, make_suite([A]), ROWS), "iql")
    assert row["last10"] == pytest.approx(4.5)  # the mean of 0 to 9


def test_a_diverged_seed_counts_as_diverged() -> None:
    early = frame({(A, "iql"): [1, 1, 1, 1], (A, "bc"): [1]}, step=500)
    scores = pd.concat([early, frame({(A, "iql"): [10, 20, 30]})])
    summary = aggregates.summarise(scores, make_suite([A]), ROWS)
    assert tuple(cell(summary, "iql")[["seeds", "diverged"]]) == (3, 1)
    bc = cell(summary, "bc")
    assert tuple(bc[["seeds", "diverged", "tied"]]) == (0, 1, "n/a")
    assert np.isnan(bc["mean"])


def test_a_success_rate_has_the_interval_of_its_episodes() -> None:
    task = MAZES[0]
    scores = frame({(task, "iql"): [0, 0, 25], (task, "bc"): [100, 100, 100]})
    summary = aggregates.summarise(scores, make_suite([task]), ROWS)
    row = cell(summary, "bc")
    low, _ = success_interval(np.full(3, 100.0), 4)  # the fixture has four episodes
    assert (row["ci_low"], row["ci_high"]) == (pytest.approx(low), 100)
    assert cell(summary, "iql")["ci_low"] > 0  # each of its successes is seen
    other = aggregates.summarise(frame({(A, "iql"): [100, 100, 100]}), make_suite([A]), ROWS)
    assert np.isnan(cell(other, "iql")["ci_low"])


def test_ranks_are_of_the_last_scores_of_a_task() -> None:
    scores = frame({(A, "iql"): [50, 60, 70], (A, "bc"): [0, 11, 22]})
    summary = aggregates.summarise(scores, make_suite([A]), ROWS)
    assert list(summary["tied"]) == ["best", ""]


# --- aggregates -----------------------------------------------------------------------


def values(aggregate: pd.DataFrame, method: str = "iql", group: str = "all") -> dict[str, float]:
    chosen = aggregate[(aggregate["method"] == method) & (aggregate["group"] == group)]
    return dict(zip(chosen["metric"], chosen["value"], strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (5, 4), (7, 9)])
def test_the_metrics_are_those_of_rliable(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).uniform(-20, 130, shape)
    expected = [
        metrics.aggregate_iqm(matrix),
        metrics.aggregate_median(matrix),
        metrics.aggregate_mean(matrix),
        metrics.aggregate_optimality_gap(matrix, gamma=100.0),
    ]
    np.testing.assert_allclose(aggregates.metrics(matrix), expected, rtol=0, atol=1e-12)


def test_aggregates_by_hand() -> None:
    # Without the lowest and the highest two of eight, the IQM averages 20, 30, 40 and 50.
    scores = frame({(A, "iql"): [0, 10, 20, 30], (B, "iql"): [40, 50, 60, 150]})
    found = values(over_tasks.aggregate(scores, make_suite(), ROWS, 10))
    assert found == pytest.approx(
        {"IQM": 35, "median": 45, "mean": 45, "optimality gap": 100 - 310 / 8}
    )


def test_median_is_over_tasks_of_means_over_seeds() -> None:
    # Task means 0, 20 and 90; the means of seeds over tasks would give 33.3.
    finals = {(t, "iql"): v for t, v in zip(TASKS, ([0] * 3, [10, 10, 40], [90] * 3), strict=False)}
    aggregate = over_tasks.aggregate(frame(finals), make_suite(TASKS[:3]), ROWS, 10)
    assert values(aggregate)["median"] == pytest.approx(20)
    assert set(aggregate["tasks"]) == set(aggregate["seeds"]) == {3}


def test_seeds_are_those_common_to_all_tasks() -> None:
    scores = frame({(A, "iql"): [10, 20, 30, 40], (B, "iql"): [np.nan, 20, 30, 40]})
    aggregate = over_tasks.aggregate(scores, make_suite(), ROWS, 10)
    assert set(aggregate["seeds"]) == {3}
    assert values(aggregate)["mean"] == pytest.approx(30)


def test_an_incomplete_method_is_left_out_and_named() -> None:
    finals = {(A, "iql"): [1.0] * 3, (B, "iql"): [1.0] * 3, (A, "bc"): [2.0] * 3}
    suite = make_suite()
    aggregate = over_tasks.aggregate(frame(finals), suite, ROWS, 10)
    assert set(aggregate["method"]) == {"iql"}
    reason = [("all", "bc", f"no last score on {B}")]
    assert aggregates.left_out(frame(finals), suite, ROWS) == reason
    apart = frame({**finals, (B, "bc"): [np.nan] * 3 + [2.0]})
    assert aggregates.left_out(apart, suite, ROWS) == [
        ("all", "bc", "no seed is common to all tasks")
    ]


def test_groups_are_families_with_two_tasks() -> None:
    suite = make_suite([A, B, MAZES[0]])
    assert aggregates.groups(suite, ROWS) == {"all": [A, B, MAZES[0]], "locomotion": [A, B]}
    assert aggregates.groups(make_suite(), ROWS) == {"all": [A, B]}


def ends(aggregate: pd.DataFrame, metric: str) -> tuple[float, float]:
    row = aggregate[(aggregate["metric"] == metric) & (aggregate["group"] == "all")].iloc[0]
    return row["ci_low"], row["ci_high"]


def drawn(seeds: int, tasks: Sequence[str] = (A, B)) -> dict[tuple[str, str], np.ndarray]:
    rng = np.random.default_rng(0)
    return {(t, "iql"): rng.uniform(0, 100, seeds) for t in tasks}


def test_the_mean_has_the_interval_of_the_total_per_seed() -> None:
    finals = drawn(5)
    found = over_tasks.aggregate(frame(finals), make_suite(), ROWS, 20)
    by_seed = np.mean(list(finals.values()), axis=0)
    expected = stats.ttest_1samp(by_seed, 0).confidence_interval(0.95)
    assert ends(found, "mean") == pytest.approx(tuple(expected))
    gap = 100 - np.array(expected)[::-1]  # no score is above 100
    assert ends(found, "optimality gap") == pytest.approx(tuple(gap))


def test_one_task_has_the_interval_of_its_row() -> None:
    suite = make_suite([MAZES[0]], ["iql"])
    scores = frame({(MAZES[0], "iql"): [25, 50, 100]})
    row = cell(aggregates.summarise(scores, suite, ROWS), "iql")
    found = over_tasks.aggregate(scores, suite, ROWS, 20)
    assert ends(found, "mean") == pytest.approx((row["ci_low"], row["ci_high"]))
    failures = (100 - row["ci_high"], 100 - row["ci_low"])
    assert ends(found, "optimality gap") == pytest.approx(failures)


def test_iqm_and_median_are_rliables_at_the_level_of_few_seeds() -> None:
    finals = drawn(10)
    found = over_tasks.aggregate(frame(finals), make_suite(), ROWS, 200)
    matrix = np.stack(list(finals.values()), axis=1)
    np.random.seed(0)
    level = aggregates.bootstrap_level(10, 2)
    _, expected = library.get_interval_estimates(
        {"iql": matrix},
        lambda x: np.array([metrics.aggregate_iqm(x), metrics.aggregate_median(x)]),
        reps=200,
        confidence_interval_size=level,
    )
    for column, metric in enumerate(("IQM", "median")):
        assert ends(found, metric) == pytest.approx(expected["iql"][:, column], abs=1e-12)


@pytest.mark.parametrize(
    ("seeds", "tasks", "level"), [(3, 6, 0.9924), (5, 9, 0.9766), (100, 9, 0.9514)]
)
def test_the_level_of_few_seeds_by_hand(seeds: int, tasks: int, level: float) -> None:
    # 3 seeds, 6 tasks: sqrt(3 / 2) x t(0.975, 12) = 1.2247 x 2.1788 = 2.668, and P(|z| < 2.668)
    assert aggregates.bootstrap_level(seeds, tasks) == pytest.approx(level, abs=5e-5)


@pytest.mark.parametrize(("seeds", "known"), [(3, False), (9, False), (10, True)])
def test_a_median_has_an_interval_from_ten_seeds(seeds: int, known: bool) -> None:
    found = over_tasks.aggregate(frame(drawn(seeds)), make_suite(seeds=seeds), ROWS, 20)
    assert np.isfinite(ends(found, "median")).all() == known
    assert np.isfinite(ends(found, "IQM")).all()


def test_two_seeds_give_no_interval() -> None:
    aggregate = over_tasks.aggregate(
        frame({(A, "iql"): [1, 2], (B, "iql"): [3, 4]}), make_suite(), ROWS, 10
    )
    assert aggregate["ci_low"].isna().all()
    assert values(aggregate)["mean"] == pytest.approx(2.5)


def test_the_bootstrap_is_seeded_and_leaves_numpy_alone() -> None:
    finals = {(t, "iql"): np.random.default_rng(0).uniform(0, 100, 5) for t in (A, B)}
    np.random.seed(1)
    first = over_tasks.aggregate(frame(finals), make_suite(), ROWS, 50)
    after = np.random.random()
    np.random.seed(1)
    assert np.random.random() == after
    np.random.seed(2)
    second = over_tasks.aggregate(frame(finals), make_suite(), ROWS, 50)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    more = frame({**finals, (A, "bc"): [1, 2, 3], (B, "bc"): [1, 2, 3]})
    third = over_tasks.aggregate(more, make_suite(methods=["bc", "iql"]), ROWS, 50)
    kept = third[third["method"] == "iql"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, kept, check_exact=True)


GAP = "optimality gap"


def test_a_score_above_100_leaves_no_gap() -> None:
    """Neither in the value nor in the interval, which is that of min(score, 100)."""
    finals = {(task, "iql"): [80.0, 90, 130] for task in (A, B)}
    capped = {(task, "iql"): [80.0, 90, 100] for task in (A, B)}
    found, expected = (
        over_tasks.aggregate(frame(each), make_suite(), ROWS, 10).query("metric == @GAP")
        for each in (finals, capped)
    )
    assert len(found) == 1
    pd.testing.assert_frame_equal(found, expected)

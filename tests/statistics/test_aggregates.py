"""Statistics against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rliable.metrics
from helpers.suite_results import MAZES, TASKS, UPDATES, catalogue, make_suite, write_run
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import BenchError
from bench.records.layouts import FolderRun
from bench.statistics import aggregates, intervals
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS, collect_scores

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


# --- scores.csv -----------------------------------------------------------------------


def test_scores_are_normalised_means_of_episodes(tmp_path: Path) -> None:
    suite = make_suite()
    run = write_run(tmp_path, suite, "iql", A, [0, 1], {(500, 0): [100, 300], (500, 1): [1000]})
    collect_scores([FolderRun(run)], tmp_path / "scores.csv")
    assert (tmp_path / "scores.csv").read_text() == (
        "suite,task,method,seed,phase,step,return_mean,return_std,score,episodes\n"
        # 100 * 200 / 1000, and the deviation of 100 and 300 with one degree of freedom
        f"fixture,{A},iql,0,offline,500,200.000000,141.421356,20.000000,2\n"
        f"fixture,{A},iql,1,offline,500,1000.000000,,100.000000,1\n"
    )


def test_the_order_of_folders_does_not_matter(tmp_path: Path) -> None:
    suite = make_suite()
    runs = [
        FolderRun(
            write_run(tmp_path, suite, method, task, [0], {(500, 0): [1.0], (1000, 0): [2.0]})
        )
        for method in ("iql", "bc")
        for task in (A, B)
    ]
    collect_scores(runs, tmp_path / "one.csv")
    collect_scores(runs[::-1], tmp_path / "two.csv")
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"one.csv", "two.csv", "runs"}


def test_no_runs_give_a_header(tmp_path: Path) -> None:
    collect_scores([], tmp_path / "scores.csv")
    scores = read_csv(tmp_path / "scores.csv", SCORE_COLUMNS)
    assert scores.empty
    assert aggregates.summarise(scores, make_suite(), ROWS).empty
    assert aggregates.aggregate(scores, make_suite(), ROWS, 10).empty


def test_the_same_seed_in_two_runs_is_an_error(tmp_path: Path) -> None:
    suite = make_suite()
    one = write_run(tmp_path, suite, "iql", A, [0, 1], {(500, 1): [1.0]})
    two = write_run(tmp_path, suite, "iql", A, [1, 2], {(500, 1): [1.0]})
    with pytest.raises(BenchError, match=r"1-2/evaluations.csv: seed 1 of iql .* step 500 .*0-1"):
        collect_scores([FolderRun(one), FolderRun(two)], tmp_path / "scores.csv")
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("phase,step,seed,episode,length\n", "the column 'return' is missing"),
        ("", "not a CSV file"),
        ("phase,step,seed,episode,return,length\noffline,5,0,0,nan,1\n", "return: not a finite"),
        ("phase,step,seed,episode,return,length\noffline,5,0,0,x,1\n", "return: not a finite"),
        (
            "phase,step,seed,episode,return,length\noffline,5,0,0,1,1\noffline,5,0,0,2,1\n",
            "episode: the same episode occurs twice",
        ),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    run = write_run(tmp_path, make_suite(), "iql", A, [0], {})
    (run / "evaluations.csv").write_text(text)
    with pytest.raises(BenchError, match=f"evaluations.csv: {message}"):
        collect_scores([FolderRun(run)], tmp_path / "scores.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not valid JSON"), ("[]", "expected a JSON object"), ("{}", "settings: unreadable")],
)
def test_a_malformed_run_is_named(tmp_path: Path, text: str, message: str) -> None:
    run = write_run(tmp_path, make_suite(), "iql", A, [0], {})
    (run / "run.json").write_text(text)
    with pytest.raises(BenchError, match=f"run.json: {message}"):
        collect_scores([FolderRun(run)], tmp_path / "scores.csv")


# --- intervals ------------------------------------------------------------------------


def test_t_interval_by_hand() -> None:
    # mean 30, deviation 15.8114, t(0.975, 4) = 2.77645: 30 -+ 2.77645 * 15.8114 / sqrt(5)
    low, high = intervals.t_interval(np.array([10.0, 20, 30, 40, 50]))
    assert (low, high) == pytest.approx((10.3676, 49.6324), abs=1e-4)


def test_bounded_scores_clip_the_interval() -> None:
    values = np.array([80.0, 100, 100])
    assert intervals.t_interval(values)[1] > 100
    assert intervals.t_interval(values, bounded=True)[1] == 100


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_seeds_have_no_interval(count: int) -> None:
    assert np.isnan(intervals.t_interval(np.arange(count, dtype=float))).all()


@given(st.floats(-100, 200), st.integers(3, 10))
def test_equal_values_have_zero_width(value: float, count: int) -> None:
    low, high = intervals.t_interval(np.full(count, value))
    assert low == high == pytest.approx(value)


@given(st.lists(st.floats(0, 100), min_size=3, max_size=10))
def test_an_interval_holds_the_mean(values: list[float]) -> None:
    low, high = intervals.t_interval(np.array(values), bounded=True)
    assert 0 <= low <= np.mean(values) + 1e-9
    assert np.mean(values) - 1e-9 <= high <= 100


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


def test_a_bounded_task_is_clipped() -> None:
    task = MAZES[0]
    summary = aggregates.summarise(frame({(task, "iql"): [0, 0, 25]}), make_suite([task]), ROWS)
    assert cell(summary, "iql")["ci_low"] == 0


def test_rank_by_hand() -> None:
    ranks = intervals.rank(
        {
            "best": np.array([50.0, 60, 70]),
            "near": np.array([40.0, 50, 60]),  # t = 10 / 8.165 = 1.22, p = 0.29
            "far": np.array([0.0, 1, 2]),
            "few": np.array([99.0, 99]),
        }
    )
    assert ranks == {"best": "best", "near": "tied", "far": "", "few": "n/a"}


def test_rank_without_spread() -> None:
    same, lower = np.full(3, 100.0), np.full(3, 99.9)
    assert intervals.rank({"a": same, "b": same, "c": lower}) == {"a": "best", "b": "best", "c": ""}


# --- aggregates -----------------------------------------------------------------------


def values(aggregate: pd.DataFrame, method: str = "iql", group: str = "all") -> dict[str, float]:
    chosen = aggregate[(aggregate["method"] == method) & (aggregate["group"] == group)]
    return dict(zip(chosen["metric"], chosen["value"], strict=True))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (5, 4), (7, 9)])
def test_the_metrics_are_those_of_rliable(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).uniform(-20, 130, shape)
    expected = [
        rliable.metrics.aggregate_iqm(matrix),
        rliable.metrics.aggregate_median(matrix),
        rliable.metrics.aggregate_mean(matrix),
        rliable.metrics.aggregate_optimality_gap(matrix, gamma=100.0),
    ]
    np.testing.assert_allclose(aggregates._metrics(matrix), expected, rtol=0, atol=1e-12)


def test_aggregates_by_hand() -> None:
    # Without the lowest and the highest two of eight, the IQM averages 20, 30, 40 and 50.
    scores = frame({(A, "iql"): [0, 10, 20, 30], (B, "iql"): [40, 50, 60, 150]})
    found = values(aggregates.aggregate(scores, make_suite(), ROWS, 10))
    assert found == pytest.approx(
        {"IQM": 35, "median": 45, "mean": 45, "optimality gap": 100 - 310 / 8}
    )


def test_median_is_over_tasks_of_means_over_seeds() -> None:
    # Task means 0, 20 and 90; the means of seeds over tasks would give 33.3.
    finals = {(t, "iql"): v for t, v in zip(TASKS, ([0] * 3, [10, 10, 40], [90] * 3), strict=False)}
    aggregate = aggregates.aggregate(frame(finals), make_suite(TASKS[:3]), ROWS, 10)
    assert values(aggregate)["median"] == pytest.approx(20)
    assert set(aggregate["tasks"]) == set(aggregate["seeds"]) == {3}


def test_seeds_are_those_common_to_all_tasks() -> None:
    scores = frame({(A, "iql"): [10, 20, 30, 40], (B, "iql"): [np.nan, 20, 30, 40]})
    aggregate = aggregates.aggregate(scores, make_suite(), ROWS, 10)
    assert set(aggregate["seeds"]) == {3}
    assert values(aggregate)["mean"] == pytest.approx(30)


def test_an_incomplete_method_is_left_out_and_named() -> None:
    finals = {(A, "iql"): [1.0] * 3, (B, "iql"): [1.0] * 3, (A, "bc"): [2.0] * 3}
    suite = make_suite()
    aggregate = aggregates.aggregate(frame(finals), suite, ROWS, 10)
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


def test_two_seeds_give_no_interval() -> None:
    aggregate = aggregates.aggregate(
        frame({(A, "iql"): [1, 2], (B, "iql"): [3, 4]}), make_suite(), ROWS, 10
    )
    assert aggregate["ci_low"].isna().all()
    assert values(aggregate)["mean"] == pytest.approx(2.5)


def test_the_bootstrap_is_seeded_and_leaves_numpy_alone() -> None:
    finals = {(t, "iql"): np.random.default_rng(0).uniform(0, 100, 5) for t in (A, B)}
    np.random.seed(1)
    first = aggregates.aggregate(frame(finals), make_suite(), ROWS, 50)
    after = np.random.random()
    np.random.seed(1)
    assert np.random.random() == after
    np.random.seed(2)
    second = aggregates.aggregate(frame(finals), make_suite(), ROWS, 50)
    pd.testing.assert_frame_equal(first, second, check_exact=True)
    more = frame({**finals, (A, "bc"): [1, 2, 3], (B, "bc"): [1, 2, 3]})
    third = aggregates.aggregate(more, make_suite(methods=["bc", "iql"]), ROWS, 50)
    kept = third[third["method"] == "iql"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, kept, check_exact=True)

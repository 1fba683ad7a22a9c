"""scores.csv from the runs' episodes, by hand, and what a malformed run says."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.suite_results import TASKS, catalogue, make_suite, write_run

from bench.errors import BenchError
from bench.records.layouts import FolderRun
from bench.statistics import aggregates, over_tasks
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS, collect_scores

A, B = TASKS[:2]
ROWS = catalogue().tasks


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
    assert over_tasks.aggregate(scores, make_suite(), ROWS, 10).empty


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

"""One's own episodes against the shipped ones: the documented example, and numbers by hand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from scipy import stats

from bench.errors import BenchError
from bench.jobs.compare import compared, read_own, read_shipped

QUICK = ROOT / "results/published/quick"
HOPPER, MAZE = "hopper-medium-replay", "pointmaze-large-stitch"


def test_the_documented_example_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs/your-method.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "results").symlink_to(ROOT / "results")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", block],
        cwd=tmp_path,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    frame = pd.read_csv(tmp_path / "hold_still-compared.csv")
    assert set(frame["task"]) == {HOPPER, "walker2d-medium-expert", "all"}
    assert set(frame["method"]) == {"hold_still", "iql", "td3_bc", "bc10", "bc"}
    assert len(frame) == 15
    assert "hold_still" in done.stdout


def test_the_shipped_scores_are_those_of_the_summary() -> None:
    tasks, shipped = read_shipped(QUICK)
    summary = pd.read_csv(QUICK / "summary.csv")
    assert len(shipped) == len(summary) == 16
    for row in summary.itertuples():
        assert shipped[row.task, row.method].mean() == pytest.approx(row.mean, abs=1e-5)
    assert tasks[MAZE].bounded


def test_differences_by_hand() -> None:
    tasks, _ = read_shipped(QUICK)
    a, b = np.array([10.0, 14.0, 12.0, 11.0, 13.0]), np.array([9.0, 12.5, 8.0, 10.0, 9.5])
    frame = compared({HOPPER: a}, {(HOPPER, "iql"): b}, "mine", tasks)
    mine, theirs = frame.to_dict("records")
    assert (mine["method"], mine["mean"], mine["seeds"]) == ("mine", 12.0, 5)
    expected = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.95)
    assert theirs["difference"] == pytest.approx(12 - 9.8)
    ends = (theirs["difference_low"], theirs["difference_high"])
    assert ends == pytest.approx(tuple(expected), rel=1e-9)
    # of 25 pairs ours is ahead but of (10, 12.5), (11, 12.5), (12, 12.5); (10, 10) is half
    assert theirs["improvement"] == pytest.approx(21.5 / 25)
    assert theirs["improvement_low"] < 0.86 < theirs["improvement_high"]


def test_all_tasks_weigh_the_same_and_few_seeds_have_no_interval() -> None:
    tasks, _ = read_shipped(QUICK)
    ours = {HOPPER: np.array([10.0, 20.0, 30.0]), MAZE: np.array([0.0, 100.0])}
    shipped = {(HOPPER, "iql"): np.zeros(5), (MAZE, "iql"): np.zeros(5), (HOPPER, "bc"): np.ones(5)}
    frame = compared(ours, shipped, "mine", tasks).set_index(["task", "method"])
    assert [m for t, m in frame.index if t == "all"] == ["mine", "iql"]
    assert frame.loc["all", "mine"]["mean"] == pytest.approx((20 + 50) / 2)
    assert frame.loc["all", "iql"]["difference"] == pytest.approx(35)
    assert frame.loc[HOPPER, "bc"]["difference"] == pytest.approx(19)
    assert np.isnan(frame.loc["all", "iql"]["difference_low"])
    assert frame.loc[HOPPER, "iql"]["difference_low"] < 20
    assert np.isnan(frame.loc[HOPPER, "iql"]["improvement_low"])
    assert frame.loc[HOPPER, "mine"]["ci_low"] == pytest.approx(20 - 4.303 * 10 / 3**0.5, abs=0.01)


def test_the_interval_over_tasks_by_hand() -> None:
    tasks, _ = read_shipped(QUICK)
    ours = {HOPPER: np.array([10.0, 20.0, 30.0]), MAZE: np.array([40.0, 50.0, 60.0])}
    shipped = {(HOPPER, "iql"): np.full(3, 5.0), (MAZE, "iql"): np.full(3, 5.0)}
    frame = compared(ours, shipped, "mine", tasks).set_index(["task", "method"])
    # (20 + 50) / 2, error sqrt(2 x 100 / 3) / 2, and 4 degrees of freedom
    half = stats.t.ppf(0.975, 4) * np.sqrt(200 / 3) / 2
    assert frame.loc["all", "mine"]["ci_low"] == pytest.approx(35 - half)
    assert frame.loc["all", "iql"]["difference_high"] == pytest.approx(30 + half)


GOOD = f"task,seed,episode,return\n{HOPPER},0,0,100\n{HOPPER},0,1,300\n{HOPPER},1,0,50\n"


def test_a_seeds_score_is_the_mean_of_its_episodes(tmp_path: Path) -> None:
    tasks, _ = read_shipped(QUICK)
    path = tmp_path / "mine.csv"
    path.write_text(GOOD)
    low, high = tasks[HOPPER].ref_min_score, tasks[HOPPER].ref_max_score
    expected = [100 * (value - low) / (high - low) for value in (200, 50)]
    assert read_own(path, tasks)[HOPPER] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("return", "score"), "not a CSV with task, seed, episode, return; see"),
        ("a\nb,c,d\n", "not a CSV with"),
        (GOOD.replace("300", "nan"), "return: not a finite number"),
        (GOOD.replace("0,1,300", "0,0,300"), "the same episode occurs twice"),
        (GOOD.replace(HOPPER, "hopper-medium-reply"), f"did you mean '{HOPPER}'"),
        ("task,seed,episode,return\n", "return: not a finite number in every row"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    tasks, _ = read_shipped(QUICK)
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"mine\.csv") as caught:
        read_own(path, tasks)
    assert expected in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"mine\.csv: file not found; name"):
        read_own(tmp_path / "mine.csv", {})


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no runs found"):
        read_shipped(tmp_path)

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
from bench.statistics.seed_scores import SeedScores

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
        found = shipped[row.task, row.method]
        assert found.values.mean() == pytest.approx(row.mean, abs=1e-5)
        ends = pytest.approx((row.ci_low, row.ci_high), abs=1e-5, nan_ok=True)
        assert found.interval() == ends  # one quantity, one interval
    assert tasks[MAZE].bounded


def cell(scores: object, episodes: float | None = None) -> SeedScores:
    return SeedScores(pd.Series(scores, dtype=float), episodes)


def test_differences_by_hand() -> None:
    a, b = np.array([10.0, 14.0, 12.0, 11.0, 13.0]), np.array([9.0, 12.5, 8.0, 10.0, 9.5])
    frame = compared({HOPPER: cell(a)}, {(HOPPER, "iql"): cell(b)}, "mine")
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
    ours = {HOPPER: cell([10, 20, 30]), MAZE: cell([0, 100], 10)}
    zeros, ones = cell([0, 1, 0, 0, 0]), cell([1, 1, 1, 1, 2])
    shipped = {(HOPPER, "iql"): zeros, (MAZE, "iql"): cell([0] * 5, 10), (HOPPER, "bc"): ones}
    frame = compared(ours, shipped, "mine").set_index(["task", "method"])
    assert [m for t, m in frame.index if t == "all"] == ["mine", "iql"]
    # over all tasks, of the two seeds that have both: (15 + 50) / 2
    assert frame.loc["all", "mine"][["seeds", "mean"]].tolist() == [2, 32.5]
    assert frame.loc[HOPPER, "bc"]["difference"] == pytest.approx(18.8)
    assert np.isnan(frame.loc["all", "iql"]["difference_low"])
    assert np.isnan(frame.loc["all", "iql"]["improvement_low"])
    assert frame.loc[HOPPER, "iql"]["difference_low"] < 20
    won = frame.loc[HOPPER, "iql"]
    assert (won["improvement"], won["improvement_high"]) == (1, 1)
    assert 0.5 < won["improvement_low"] < 0.7  # three seeds that all win are no certainty
    assert frame.loc[HOPPER, "mine"]["ci_low"] == pytest.approx(20 - 4.303 * 10 / 3**0.5, abs=0.01)


def test_the_interval_over_tasks_by_hand() -> None:
    """Summed per seed: three seeds of 25, 35 and 45."""
    ours = {HOPPER: cell([10, 20, 30]), MAZE: cell([40, 50, 60])}
    shipped = {(HOPPER, "iql"): cell([5, 6, 4]), (MAZE, "iql"): cell([4, 5, 6])}
    frame = compared(ours, shipped, "mine").set_index(["task", "method"])
    expected = stats.ttest_1samp([25, 35, 45], 0).confidence_interval(0.95)
    assert frame.loc["all", "mine"]["ci_low"] == pytest.approx(expected.low)
    expected = stats.ttest_ind([25, 35, 45], [4.5, 5.5, 5], equal_var=False)
    high = expected.confidence_interval(0.95).high
    assert frame.loc["all", "iql"]["difference_high"] == pytest.approx(high)


GOOD = f"task,seed,episode,return\n{HOPPER},0,0,100\n{HOPPER},0,1,300\n{HOPPER},1,0,50\n"


def test_a_seeds_score_is_the_mean_of_its_episodes(tmp_path: Path) -> None:
    tasks, _ = read_shipped(QUICK)
    path = tmp_path / "mine.csv"
    path.write_text(GOOD)
    low, high = tasks[HOPPER].ref_min_score, tasks[HOPPER].ref_max_score
    expected = [100 * (value - low) / (high - low) for value in (200, 50)]
    assert read_own(path, tasks)[HOPPER].values == pytest.approx(expected)


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

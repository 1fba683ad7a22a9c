"""One's own episodes against the shipped ones: the documented example, and numbers by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.paths import ROOT
from helpers.warm_jobs import printed
from scipy import stats

from bench.errors import BenchError
from bench.jobs.compare import basis, compared, read_own, read_shipped
from bench.jobs.own_episodes import read_episodes
from bench.records.packed import RECORDS
from bench.statistics.seed_scores import SeedScores

QUICK = ROOT / "results/published/quick"
HOPPER, MAZE = "hopper-medium-replay", "pointmaze-large-stitch"


def test_the_documented_example_runs(tmp_path: Path) -> None:
    text = (ROOT / "docs/your-method.md").read_text()
    (block,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    (tmp_path / "results").symlink_to(ROOT / "results")
    said = printed(tmp_path, "bash", "-ec", block, PYTHONPATH=str(ROOT))
    frame = pd.read_csv(tmp_path / "hold_still-compared.csv")
    assert set(frame["task"]) == {HOPPER, "walker2d-medium-expert", "all"}
    assert set(frame["method"]) == {"hold_still", "iql", "td3_bc", "bc10", "bc"}
    assert len(frame) == 15
    assert "hold_still" in said


def test_the_shipped_scores_are_those_of_the_summary() -> None:
    shipped = read_shipped(QUICK)
    summary = pd.read_csv(QUICK / "summary.csv")
    assert len(shipped.scores) == len(summary) == 16
    for row in summary.itertuples():
        found = shipped.scores[row.task, row.method]
        assert found.values.mean() == pytest.approx(row.mean, abs=1e-5)
        ends = pytest.approx((row.ci_low, row.ci_high), abs=1e-5, nan_ok=True)
        assert found.interval() == ends  # one quantity, one interval
    assert shipped.tasks[MAZE].bounded
    assert set(shipped.episodes.values()) == {10}
    assert shipped.notes == []


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


ROWS = [(HOPPER, seed, episode, 100 + 50 * episode) for seed in (0, 1) for episode in (0, 1)]
GOOD = "task,seed,episode,return\n" + "".join(",".join(map(str, row)) + "\n" for row in ROWS)
SPARSE = "task,seed,episode,return\n" + "".join(f"{MAZE},{seed},0,1\n" for seed in range(3))


def test_a_seeds_score_is_the_mean_of_its_episodes(tmp_path: Path) -> None:
    tasks = read_shipped(QUICK).tasks
    path = tmp_path / "mine.csv"
    path.write_text(GOOD)
    low, high = tasks[HOPPER].ref_min_score, tasks[HOPPER].ref_max_score
    expected = [100 * (value - low) / (high - low) for value in (125, 125)]
    assert read_own(read_episodes(path, tasks), tasks)[HOPPER].values == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("return", "score"), "not a CSV with task, seed, episode, return; see"),
        ("a\nb,c,d\n", "not a CSV with"),
        (GOOD.replace("150", "nan", 1), "return: not a finite number"),
        (GOOD.replace("0,1,150", "0,0,150"), "line 3: episode: the same episode occurs twice"),
        (GOOD.replace(HOPPER, "hopper-medium-reply"), f"did you mean '{HOPPER}'"),
        ("task,seed,episode,return\n", "return: not a finite number in every row"),
        (GOOD.replace(",1,0,100", ",,0,100"), "line 4: seed: missing, or not a whole number"),
        (GOOD.replace(",1,0,100", ",1e19,0,100"), "line 4: seed: missing, or not a whole number"),
        (GOOD.replace(",1,0,100", ",1,0,1\x0000"), "not a CSV with task"),
        (GOOD.replace("episode,return", "return,return"), "not a CSV with task"),
        (GOOD.replace(",1,0,100", ",1.5,0,100"), "line 4: seed: missing, or not a whole number"),
        (GOOD.replace(",1,0,100", ",1,x,100"), "line 4: episode: missing, or not a whole number"),
        (
            GOOD.replace(f"{HOPPER},1,1,150\n", ""),
            f"episode: seed 1 has 1 episodes of {HOPPER} and seed 0 has 2; give each seed as many",
        ),
        (GOOD + f"{MAZE},0,0,1\n", f"seed: 1 has no episodes of {MAZE}; add them"),
        (
            GOOD.replace("150", "1000000", 1),
            f"line 3: return: 1e+06, but the returns of {HOPPER} lie between -6,529 and 9,743;",
        ),
        (SPARSE.replace("2,0,1", "2,0,80"), "line 4: return: 80, but an episode of"),
        (SPARSE.replace("2,0,1", "2,0,80"), "this looks like a percentage or a normalised score"),
        (SPARSE.replace("2,0,1", "2,0,0.5"), f"0.5, but an episode of {MAZE} returns 0 or 1"),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    with pytest.raises(BenchError, match=r"mine\.csv") as caught:
        read_episodes(path, read_shipped(QUICK).tasks)
    assert expected in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"mine\.csv: file not found; name"):
        read_episodes(tmp_path / "mine.csv", {})


def test_a_folder_without_runs(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no verified runs"):
        read_shipped(tmp_path)


def lines(tmp_path: Path, text: str, results: Path) -> list[str]:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    shipped = read_shipped(results)
    return basis(read_episodes(path, shipped.tasks), shipped)


def test_what_is_taken_and_left_out_is_said(tmp_path: Path) -> None:
    first, fewer, others = lines(tmp_path, SPARSE, QUICK)
    assert first == f"taken: {MAZE}: 3 seeds (0, 1, 2), 1 episodes each, returns 1 to 1"
    assert fewer.startswith(f"{MAZE}: 1 episodes per seed of yours, 10 of the others")
    assert others.startswith("left out: halfcheetah-medium-replay, hopper-medium-replay, walker")
    scores = GOOD.replace("150", "66").replace("100", "61")
    assert (
        "if these are normalised scores, they are not returns: an expert returns 3,234"
        in (lines(tmp_path, scores, QUICK)[0])
    )
    assert "normalised" not in lines(tmp_path, GOOD.replace("150", "850"), QUICK)[0]


def test_untrained_networks_and_offline_scores_are_said(tmp_path: Path) -> None:
    text = SPARSE.replace(MAZE, "antmaze-umaze")
    found = "\n".join(lines(tmp_path, text, QUICK.parent / "finetune"))
    assert "left out: ppo, ppo_iql, sac, sac_iql: no offline updates, so" in found
    assert "awac, cal_ql, cql, iql: scores at the end of the offline phase, not after it" in found
    methods = {m for _, m in read_shipped(QUICK.parent / "finetune").scores}
    assert methods == {"awac", "cal_ql", "cql", "iql"}


def test_a_changed_run_is_left_out_by_name(tmp_path: Path) -> None:
    for name in (RECORDS, "evaluations.csv"):
        (tmp_path / name).write_bytes((QUICK / name).read_bytes())
    path = tmp_path / "evaluations.csv"
    run = f"iql,{MAZE},0-4,offline,"
    row = next(r for r in path.read_text().splitlines() if r.startswith(run) and ",1.0," in r)
    path.write_text(path.read_text().replace(row, row.replace(",1.0,", ",0.0,"), 1))
    shipped = read_shipped(tmp_path)
    assert (MAZE, "iql") not in shipped.scores
    assert len(shipped.scores) == 15
    (note,) = shipped.notes
    assert note.startswith(f"left out: iql/{MAZE}/0-4: {tmp_path / RECORDS}, line ")
    assert "evaluations.csv: differs from its seal" in note

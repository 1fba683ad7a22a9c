"""Table 2, regret and steps to success from made-up scores, and the paper's own numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from helpers.finetuning_results import CATALOGUE, EPISODES, MAZE, ROBOT, SCORES, suite
from helpers.finetuning_results import scores as scores_of
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from bench.errors import BenchError
from bench.records.layouts import FolderRun
from bench.statistics import aggregates, finetuning, scores
from bench.statistics.intervals import success_interval


def frame() -> pd.DataFrame:
    result = finetuning.fine_tuning(SCORES, EPISODES, suite(), CATALOGUE.tasks)
    assert list(result.columns) == finetuning.COLUMNS
    return result.set_index(["task", "method"])


def t_half(values: list[float]) -> float:
    n = len(values)
    return float(student.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))


def test_before_is_the_last_offline_and_after_the_last_online_evaluation() -> None:
    row = frame().loc[(MAZE, "iql")]
    assert (row.seeds, row.before, row.after, row.change) == (3, 20, 70, 50)
    expected = success_interval(np.array([10.0, 20, 30]), 4)
    assert (row.before_low, row.before_high) == pytest.approx(expected)
    half = t_half([90, 70, -10])
    assert (row.change_low, row.change_high) == pytest.approx((max(50 - half, -100), 100))


def test_a_seed_without_both_is_left_out() -> None:
    row = frame().loc[(MAZE, "cql")]
    assert (row.seeds, row.before, row.after) == (2, 46, 5)
    assert np.isnan(row.before_low)  # two seeds give no interval


def test_regret_is_the_share_of_training_episodes_that_failed() -> None:
    row = frame().loc[(MAZE, "iql")]
    assert row.regret == pytest.approx((0.25 + 0.5 + 1) / 3)
    expected = success_interval(np.array([25.0, 50, 100]), 8 / 3)
    assert (row.regret_low, row.regret_high) == pytest.approx(np.array(expected) / 100)
    assert frame().loc[(MAZE, "cql")].regret == pytest.approx((1 + 0.75) / 2)


def test_steps_to_success_are_a_median_over_all_seeds() -> None:
    table = frame()
    row = table.loc[(MAZE, "iql")]  # 200, 100 and never
    assert (row.steps_to_90, row.reached_90) == (200, 2)
    row = table.loc[(MAZE, "cql")]  # before the phase, and never
    assert (np.isnan(row.steps_to_90), row.reached_90) == (True, 1)


def test_no_success_where_scores_have_no_bounds() -> None:
    row = frame().loc[(ROBOT, "iql")]
    assert row[["regret", "steps_to_90", "reached_90"]].isna().all()
    assert (row.before, row.after) == (2, 5)


def test_the_sum_is_over_tasks_seed_by_seed() -> None:
    table = frame()
    row = table.loc[(finetuning.TOTAL, "iql")]
    assert (row.seeds, row.before, row.after) == (3, 22, 75)
    # Three seeds of four episodes in the maze are worth 7.5, so its rate is (1.5 + 2) / 11.5.
    half = 100 * 1.96 * np.sqrt(3.5 * 8 / 11.5**2 / 7.5)
    assert half > t_half([11, 22, 33])
    assert (row.before_low, row.before_high) == pytest.approx((22 - half, 22 + half), abs=0.01)
    assert (finetuning.TOTAL, "cql") not in table.index  # it did not run on one of the tasks


def test_changes_are_corrected_over_the_methods_of_a_task() -> None:
    made = pd.concat(
        [
            SCORES[SCORES["method"] == "iql"],
            scores_of(
                ROBOT, "cql", {0: [0, 1, 2, 3, 15], 1: [0, 2, 2, 3, 18], 2: [0, 3, 2, 3, 12]}
            ),
        ]
    )
    table = finetuning.fine_tuning(made, EPISODES, suite(), CATALOGUE.tasks)
    table = table.set_index(["task", "method"])
    plain = [ttest_1samp(changes, 0).pvalue for changes in ([4, 6, -1], [14, 16, 9])]
    assert table.loc[(ROBOT, "cql")].change_p_holm == pytest.approx(2 * plain[1])
    assert table.loc[(ROBOT, "iql")].change_p_holm == pytest.approx(plain[0])
    assert table.loc[(MAZE, "iql")].change_p_holm < 0.5  # alone: not corrected


def test_offline_tables_do_not_see_the_online_phase() -> None:
    summary = aggregates.summarise(SCORES, suite(), CATALOGUE.tasks).set_index(["task", "method"])
    assert summary.loc[(MAZE, "iql")]["mean"] == 20
    assert summary.loc[(MAZE, "iql")]["best"] == 99
    aggregate = aggregates.aggregate(SCORES, suite(), CATALOGUE.tasks, 20)
    mean = aggregate[(aggregate.method == "iql") & (aggregate.metric == "mean")]
    assert mean.value.iloc[0] == pytest.approx((20 + 2) / 2)


def test_training_episodes_are_read_from_the_runs(tmp_path: Path) -> None:
    settings = {"task": {"task": MAZE}, "method": "iql"}
    for name, lines in (("a", ["online,30,0,0,1.0,30"]), ("b", [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"settings": settings}))
        text = "\n".join([",".join(scores.EPISODE_COLUMNS), *lines, ""])
        (tmp_path / name / "episodes.csv").write_text(text)
    found = finetuning.read_episodes([FolderRun(tmp_path / name) for name in "ab"])
    assert found[["task", "method", "seed", "return"]].values.tolist() == [[MAZE, "iql", 0, 1.0]]
    assert finetuning.read_episodes([FolderRun(tmp_path / "b")]).empty


# --- the paper's numbers --------------------------------------------------------------


def test_the_papers_rows_add_up_to_its_printed_sums() -> None:
    paper = finetuning.published()
    for method in ("iql", "awac", "cql"):
        rows = [p for (t, m), p in paper.items() if m == method and t != finetuning.TOTAL]
        assert len(rows) == 6
        total = paper[finetuning.TOTAL, method]
        # The paper prints 151.5 for CQL, where its rows add up to 149.2.
        slip = 2.3 if method == "cql" else 0.0
        assert sum(p.before for p in rows) == pytest.approx(total.before - slip, abs=0.01)
        assert sum(p.after for p in rows) == pytest.approx(total.after, abs=0.01)


def test_the_papers_rows_are_of_tasks_and_methods_that_exist() -> None:
    from bench.config.catalogue import Catalogue

    known = Catalogue()
    for task, method in finetuning.published():
        assert method in known.methods
        assert task == finetuning.TOTAL or task in known.tasks


def test_a_bad_row_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "table2.csv"
    path.write_text("task,method,before,after,standing,source\na,b,x,1,printed,c\n")
    with pytest.raises(BenchError, match=r"table2\.csv: before"):
        finetuning.published(path)

"""Table 2, regret and steps to success from made-up scores, and the paper's own numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fixture_results import MAZES, TASKS, catalogue, make_suite
from scipy.stats import t as student

from bench import finetune, finetune_report, stats
from bench import page as html
from bench.errors import BenchError
from bench.layouts import FolderRun
from bench.runs import Runs
from bench.suite import Online, Override, Suite

MAZE, ROBOT = MAZES[0], TASKS[0]
CATALOGUE = catalogue()
SEEDS = (0, 1, 2)


def suite(tasks: tuple[str, ...] = (MAZE, ROBOT)) -> Suite:
    online = Online(steps=300, every=100, episodes=4)
    return make_suite(tasks, ("iql", "cql"), seeds=3).model_copy(update={"online": online})


def scores(task: str, method: str, curves: dict[int, list[float]]) -> pd.DataFrame:
    """Scores by seed: at offline steps 1500 and 2000 and at online steps 100, 200, 300."""
    points = [("offline", 1500), ("offline", 2000), *(("online", n) for n in (100, 200, 300))]
    rows = [
        ("fixture", task, method, seed, phase, step, score, 0.0, score, 4)
        for seed, values in curves.items()
        for (phase, step), score in zip(points, values, strict=False)
    ]
    return pd.DataFrame(rows, columns=stats.SCORE_COLUMNS)


def episodes(task: str, method: str, returns: dict[int, list[float]]) -> pd.DataFrame:
    rows = [
        (task, method, "online", 10 * e, seed, e, value, 10)
        for seed, values in returns.items()
        for e, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["task", "method", *stats.EPISODE_COLUMNS])


SCORES = pd.concat(
    [
        scores(MAZE, "iql", {
            0: [99, 10, 50, 95, 100], 1: [99, 20, 91, 20, 90], 2: [99, 30, 0, 0, 20]}),
        scores(MAZE, "cql", {0: [0, 92, 0, 0, 0], 1: [0, 0, 0, 0, 10], 2: [0, 0, 0, 0]}),
        scores(ROBOT, "iql", {0: [0, 1, 2, 3, 5], 1: [0, 2, 2, 3, 8], 2: [0, 3, 2, 3, 2]}),
    ]
)  # fmt: skip
EPISODES = pd.concat(
    [
        episodes(MAZE, "iql", {0: [0, 1, 1, 1], 1: [1, 0], 2: [0, 0]}),
        episodes(MAZE, "cql", {0: [0], 1: [0, 0, 1, 0]}),
        episodes(ROBOT, "iql", {0: [500.0]}),
    ]
)


def frame() -> pd.DataFrame:
    result = finetune.fine_tuning(SCORES, EPISODES, suite(), CATALOGUE.tasks)
    assert list(result.columns) == finetune.COLUMNS
    return result.set_index(["task", "method"])


def t_half(values: list[float]) -> float:
    n = len(values)
    return float(student.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n))


def test_before_is_the_last_offline_and_after_the_last_online_evaluation() -> None:
    row = frame().loc[(MAZE, "iql")]
    assert (row.seeds, row.before, row.after, row.change) == (3, 20, 70, 50)
    half = t_half([10, 20, 30])
    assert (row.before_low, row.before_high) == pytest.approx((max(20 - half, 0), 20 + half))
    half = t_half([90, 70, -10])
    assert (row.change_low, row.change_high) == pytest.approx((50 - half, 50 + half))  # unclipped


def test_a_seed_without_both_is_left_out() -> None:
    row = frame().loc[(MAZE, "cql")]
    assert (row.seeds, row.before, row.after) == (2, 46, 5)
    assert np.isnan(row.before_low)  # two seeds give no interval


def test_regret_is_the_share_of_training_episodes_that_failed() -> None:
    row = frame().loc[(MAZE, "iql")]
    assert row.regret == pytest.approx((0.25 + 0.5 + 1) / 3)
    assert row.regret_high == 1  # clipped
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
    row = table.loc[(finetune.TOTAL, "iql")]
    assert (row.seeds, row.before, row.after) == (3, 22, 75)
    half = t_half([11, 22, 33])
    assert (row.before_low, row.before_high) == pytest.approx((22 - half, 22 + half))
    assert (finetune.TOTAL, "cql") not in table.index  # it did not run on one of the tasks


def test_offline_tables_do_not_see_the_online_phase() -> None:
    summary = stats.summarise(SCORES, suite(), CATALOGUE.tasks).set_index(["task", "method"])
    assert summary.loc[(MAZE, "iql")]["mean"] == 20
    assert summary.loc[(MAZE, "iql")]["best"] == 99
    aggregate = stats.aggregate(SCORES, suite(), CATALOGUE.tasks, 20)
    mean = aggregate[(aggregate.method == "iql") & (aggregate.metric == "mean")]
    assert mean.value.iloc[0] == pytest.approx((20 + 2) / 2)


def test_training_episodes_are_read_from_the_runs(tmp_path: Path) -> None:
    settings = {"task": {"task": MAZE}, "method": "iql"}
    for name, lines in (("a", ["online,30,0,0,1.0,30"]), ("b", [])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text(json.dumps({"settings": settings}))
        text = "\n".join([",".join(stats.EPISODE_COLUMNS), *lines, ""])
        (tmp_path / name / "episodes.csv").write_text(text)
    found = finetune.read_episodes([FolderRun(tmp_path / name) for name in "ab"])
    assert found[["task", "method", "seed", "return"]].values.tolist() == [[MAZE, "iql", 0, 1.0]]
    assert finetune.read_episodes([FolderRun(tmp_path / "b")]).empty


# --- the paper's numbers --------------------------------------------------------------


def test_the_papers_rows_add_up_to_its_printed_sums() -> None:
    paper = finetune.published()
    for method in ("iql", "awac", "cql"):
        rows = [p for (t, m), p in paper.items() if m == method and t != finetune.TOTAL]
        assert len(rows) == 6
        total = paper[finetune.TOTAL, method]
        # The paper prints 151.5 for CQL, where its rows add up to 149.2.
        slip = 2.3 if method == "cql" else 0.0
        assert sum(p.before for p in rows) == pytest.approx(total.before - slip, abs=0.01)
        assert sum(p.after for p in rows) == pytest.approx(total.after, abs=0.01)


def test_the_papers_rows_are_of_tasks_and_methods_that_exist() -> None:
    from bench.catalogue import Catalogue

    known = Catalogue()
    for task, method in finetune.published():
        assert method in known.methods
        assert task == finetune.TOTAL or task in known.tasks


def test_a_bad_row_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "table2.csv"
    path.write_text("task,method,before,after,standing,source\na,b,x,1,printed,c\n")
    with pytest.raises(BenchError, match=r"table2\.csv: before"):
        finetune.published(path)


# --- the page -------------------------------------------------------------------------


def page(tmp_path: Path, chosen: Suite) -> dict[str, object]:
    result = finetune.fine_tuning(SCORES, EPISODES, chosen, CATALOGUE.tasks)
    stats.write_csv(result, tmp_path / "finetune.csv")
    seconds = {"total": 12.0, "updates": 8.0, "environments": 2.0}
    run = {"settings": {"method": "iql", "task": {"task": MAZE}}, "online_seconds": seconds}
    runs = Runs({"a": run}, [], [])
    return finetune_report.page(chosen, CATALOGUE, tmp_path, SCORES, runs, tmp_path)


def test_the_pages_tables(tmp_path: Path) -> None:
    content = page(tmp_path, suite())
    assert (tmp_path / "figures/finetune.svg").exists()
    table = (tmp_path / "tables/finetune.csv").read_text().splitlines()
    assert table[0] == "task,IQL,CQL"
    assert table[1].startswith(f'{MAZE},"20.0 → 70.0 [')
    assert "46.0 → 5.0 n/a → n/a 2 of 3 seeds" in table[1]
    assert table[2].endswith(",not run")
    assert table[3].startswith("sum,")
    lines = (tmp_path / "tables/regret.csv").read_text().splitlines()
    assert lines[1].startswith(f'{MAZE},regret,"0.58 [')
    assert lines[2] == ",steps to 90 %,200 2 of 3 seeds,not reached 1 of 2 seeds"
    assert len(lines) == 3  # the robot's scores have no bounds
    cost = (tmp_path / "tables/online_cost.csv").read_text().splitlines()
    assert cost[1:] == ["IQL,8,2,12,1.20", "CQL,not run,not run,not run,not run"]
    assert set(content) == {"key_result", "finetune"}


def test_a_task_whose_methods_with_a_phase_have_not_run_has_an_empty_panel(tmp_path: Path) -> None:
    some = [Override(methods=("cql",), online=suite().online, reason="r")]
    chosen = suite().model_copy(update={"online": None, "overrides": tuple(some)})
    only_iql = SCORES[SCORES["method"] == "iql"]
    rows = {t: CATALOGUE.tasks[t] for t in (MAZE, ROBOT)}
    finetune_report.curves(only_iql, chosen, {"cql": "CQL"}, rows, {}, tmp_path / "figure")
    assert (tmp_path / "figure.svg").exists()


def test_the_html_curves_run_through_both_phases() -> None:
    drawn = html.curves(SCORES, suite(), CATALOGUE)
    first = drawn["charts"][MAZE][0]
    assert drawn["steps"] == "offline updates | online steps"
    assert (first["method"], first["step"]) == ("iql", [-500, 0, 100, 200, 300])
    assert first["mean"][1:3] == [20, 47]
    offline = html.curves(SCORES[SCORES["phase"] == "offline"], suite(), CATALOGUE)
    assert offline["charts"][MAZE][0]["step"] == [1500, 2000]


def test_a_change_without_doubt_is_marked(tmp_path: Path) -> None:
    sure = scores(MAZE, "iql", {s: [0, 10 + s, 0, 0, 60] for s in SEEDS})
    result = finetune.fine_tuning(sure, EPISODES, suite((MAZE,)), CATALOGUE.tasks)
    cells = {(r["task"], r["method"]): r for r in result.to_dict("records")}
    labels = {"iql": "IQL"}
    theirs = finetune.Published(
        task=MAZE, method="iql", before=1.0, after=2.0, standing="believed", source="a test"
    )
    table = finetune_report.before_and_after(
        cells, suite((MAZE,)), labels, [MAZE], {(MAZE, "iql"): theirs}, {(MAZE, "iql")}, tmp_path
    )
    cell = table.rows[0][1]
    assert cell.mark == "changed"
    assert cell.notes[-2:] == ("stale", "paper: 1.0 → 2.0 (believed)")


def test_the_key_result_is_of_the_online_phase() -> None:
    def row(change: float, after: float, width: float = 5.0) -> dict[str, float]:
        around = {"change": change, "after": after}
        low = {f"{k}_low": v - width for k, v in around.items()}
        return low | {f"{k}_high": v + width for k, v in around.items()}

    cells = {
        (MAZE, "iql"): row(30, 90),
        (ROBOT, "iql"): row(2, 20),
        (MAZE, "cql"): row(-40, 10),
        (ROBOT, "cql"): row(6, 31),
        (MAZE, "awac"): row(30, 90, np.nan),
    }
    labels = {"cql": "CQL", "iql": "IQL", "awac": "AWAC"}
    assert finetune_report.key_result(cells, labels, [MAZE, ROBOT]) == [
        f"IQL rises online on 1 of 2 tasks ({MAZE}) and falls on 0.",
        f"CQL rises online on 1 of 2 ({ROBOT}) and falls on 1 ({MAZE}). Afterwards IQL lies above "
        "it on 1 and below it on 1.",
        "AWAC: no task has three seeds through both phases.",
        finetune_report.DEFINED,
    ]
    alone = finetune_report.key_result(cells, {"cql": "CQL"}, [ROBOT])
    assert alone[0] == f"CQL rises online on 1 of 1 tasks ({ROBOT}) and falls on 0."


def test_a_suite_without_an_online_phase_has_no_page(tmp_path: Path) -> None:
    assert page(tmp_path, make_suite((MAZE,), ("iql", "bc"), seeds=3)) == {}

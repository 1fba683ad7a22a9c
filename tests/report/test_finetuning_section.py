"""The section on fine-tuning: its tables, its curves and their points, its key result."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from helpers.finetuning_results import (
    CATALOGUE,
    EPISODES,
    MAZE,
    ROBOT,
    SCORES,
    SEEDS,
    scores,
    suite,
)
from helpers.suite_results import make_suite

from bench.config.types import Override, Suite
from bench.report import build, plotted
from bench.report.figures import style
from bench.report.figures.finetuning import curves
from bench.report.section import Section
from bench.report.sections import finetuning
from bench.statistics.comparisons import Lead
from bench.statistics.finetuning import Published, fine_tuning


def made(tmp_path: Path, chosen: Suite) -> Section | None:
    """The section of such a suite, drawn."""
    result = fine_tuning(SCORES, EPISODES, chosen, CATALOGUE.tasks)
    seconds = {"total": 12.0, "updates": 8.0, "environments": 2.0}
    run = {"settings": {"method": "iql", "task": {"task": MAZE}}, "online_seconds": seconds}
    older = {"settings": {"method": "iql", "task": {"task": MAZE}}}
    inputs = SimpleNamespace(
        suite=chosen, catalogue=CATALOGUE, tasks={t: CATALOGUE.tasks[t] for t in chosen.tasks},
        finetune=result if chosen.online else None, scores=SCORES, stale=set(), diverged=set(),
        records=[run, older],
    )  # fmt: skip
    section = finetuning.section(inputs)
    if section is not None:
        build.write_files(section, tmp_path)
        build.write_files(finetuning.details(inputs), tmp_path)
        assert finetuning.key_result_of(inputs)[-1] == finetuning.DEFINED
    return section


def test_the_pages_tables(tmp_path: Path) -> None:
    made(tmp_path, suite())
    assert (tmp_path / "figures/finetune.svg").exists()
    table = (tmp_path / "tables/finetune.csv").read_text().splitlines()
    assert table[0] == "task,IQL,CQL"
    assert table[1].startswith(f'{MAZE},"20.0 → 70.0 [')
    assert "46.0 → 5.0 n/a → n/a 2 of 3 seeds" in table[1]
    assert table[2].endswith(",not run")
    assert table[3].startswith("sum,")
    lines = (tmp_path / "tables/regret.csv").read_text().splitlines()
    assert lines[1].startswith(f'{MAZE}: regret,"0.58 [')
    assert lines[2] == f"{MAZE}: steps to 90%,200 2 of 3 seeds,not reached 1 of 2 seeds"
    assert len(lines) == 3  # the robot's scores have no bounds
    cost = (tmp_path / "tables/online_cost.csv").read_text().splitlines()
    assert cost[1:] == ["IQL,8,2,12,1.20", "CQL,not run,not run,not run,not run"]


def test_a_task_whose_methods_with_a_phase_have_not_run_has_an_empty_panel(tmp_path: Path) -> None:
    some = [Override(methods=("cql",), online=suite().online, reason="r")]
    chosen = suite().model_copy(update={"online": None, "overrides": tuple(some)})
    only_iql = SCORES[SCORES["method"] == "iql"]
    rows = {t: CATALOGUE.tasks[t] for t in (MAZE, ROBOT)}
    draw = partial(curves, only_iql, chosen, {"cql": "CQL"}, rows, {})
    style.write(draw, tmp_path / "figure")
    assert (tmp_path / "figure.svg").exists()


def test_the_points_of_curves_run_through_both_phases() -> None:
    read = SimpleNamespace(scores=SCORES, suite=suite(), tasks=CATALOGUE.tasks)
    both = plotted.curves(read, ["iql"], [MAZE], online=True)
    assert both["step"].to_list() == [-500, 0, 100, 200, 300]
    assert both["mean"].to_list()[1:3] == [20, 47]
    offline = plotted.curves(read, ["iql"], [MAZE])
    assert offline["step"].to_list() == [1500, 2000]


def test_a_change_without_doubt_is_marked() -> None:
    sure = scores(MAZE, "iql", {s: [0, 10 + s, 0, 0, 60] for s in SEEDS})
    result = fine_tuning(sure, EPISODES, suite((MAZE,)), CATALOGUE.tasks)
    cells = {(r["task"], r["method"]): r for r in result.to_dict("records")}
    labels = {"iql": "IQL"}
    theirs = Published(
        task=MAZE, method="iql", before=1.0, after=2.0, standing="printed", source="a test"
    )
    table = finetuning.before_and_after(
        cells, suite((MAZE,)), labels, [MAZE], {(MAZE, "iql"): theirs}, {(MAZE, "iql")}
    )
    cell = table.rows[0][1]
    assert cell.mark == "changed"
    assert cell.notes[-2:] == ("stale", "paper: 1.0 → 2.0")
    for diverged, shown in (((), "not run"), ([(MAZE, "iql")], "diverged")):
        lost = finetuning.before_and_after({}, suite((MAZE,)), labels, [MAZE], {}, set(), diverged)
        assert lost.rows[0][1].text == shown


def phase(
    cells: dict[tuple[str, str], tuple[float, float]], labels: dict[str, str], **leads: float
) -> finetuning.Phase:
    """A phase; `cells` are changes from 10 with their p-values, `leads` of IQL on the maze."""
    rows = {
        cell: {"before": 10.0, "after": 10.0 + c, "change": c, "change_p_holm": p}
        for cell, (c, p) in cells.items()
    }
    where = {
        (MAZE, method): Lead(50.0, 50.0 - lead, lead, lead - 1, lead + 1, 0.01, 3)
        for method, lead in leads.items()
    }
    tasks = {task: CATALOGUE.tasks[task] for task in dict.fromkeys(task for task, _ in cells)}
    return finetuning.Phase(rows, labels, tasks, where)


def test_the_key_result_is_of_the_online_phase() -> None:
    cells = {
        (MAZE, "iql"): (30, 0.01),
        (ROBOT, "iql"): (2, 0.2),
        (MAZE, "cql"): (-40, 0.04),
        (ROBOT, "cql"): (6, 0.049),
        (MAZE, "awac"): (30, np.nan),
        (MAZE, "dt"): (30, 0.4),
    }
    labels = {"cql": "CQL", "iql": "IQL", "awac": "AWAC", "dt": "DT"}
    assert finetuning.key_result(phase(cells, labels, cql=7.0, dt=-2.0)) == [
        f"Fine-tuning improves IQL on 1 of 2 ({MAZE} 10.0 → 40.0).",
        f"Fine-tuning improves CQL on 1 of 2 ({ROBOT} 10.0 → 16.0) and degrades CQL on 1 of 2 "
        f"({MAZE} 10.0 → −30.0).",
        "No detectable change on any task: DT.",
        "Fewer than three seeds through both phases: AWAC.",
        "After fine-tuning IQL scores higher than another method in 1 of 2 comparisons, lower in "
        "1; 0 are undecided.",
        finetuning.DEFINED,
    ]


def test_a_change_that_loses_its_significance_changes_the_sentence() -> None:
    unsure = {(MAZE, "iql"): (3, 0.3), (ROBOT, "iql"): (-2, 0.9)}
    first = finetuning.key_result(phase(unsure, {"iql": "IQL"}))[0]
    assert first == (
        f"Fine-tuning changes IQL on no task detectably ({MAZE} 10.0 → 13.0, {ROBOT} 10.0 → 8.0)."
    )
    sure = unsure | {(ROBOT, "iql"): (-2, 0.01)}
    first = finetuning.key_result(phase(sure, {"iql": "IQL"}))[0]
    assert first == f"Fine-tuning degrades IQL on 1 of 2 ({ROBOT} 10.0 → 8.0)."


def test_the_papers_numbers_stand_beside_those_of_its_own_version_of_the_task() -> None:
    found = finetuning.beside(["antmaze-large-play", "hopper-medium-replay"])
    row = found["antmaze-large-play", "iql"]
    assert (row.task, row.before, row.after) == ("antmaze-large-play-v0", 25.5, 46.0)
    assert ("antmaze-large-play", "awac") not in found  # no text prints them
    assert {task for task, _ in found} == {"antmaze-large-play"}
    assert "D4RL" in finetuning.theirs(["antmaze-large-play"])
    assert finetuning.theirs(["antmaze-large-play-v0"]) == ""


def test_a_suite_without_an_online_phase_has_no_page(tmp_path: Path) -> None:
    assert made(tmp_path, make_suite((MAZE,), ("iql", "bc"), seeds=3)) is None

"""The section on data: ways through the mazes, and cards that lack what came later."""

from __future__ import annotations

from pathlib import Path

from helpers.maze_walks import ELSEWHERE, GOAL, START, trajectories

from bench.data.maze_coverage import proof
from bench.maze_plans import STITCH
from bench.report.sections.data import crossings_table
from bench.report.table import write


def test_a_row_a_task_in_the_report(tmp_path: Path) -> None:
    """A card without rows at the goal has no distances; a task without data has no row."""
    mazes = {"far": STITCH, "near": STITCH, "none": STITCH}
    data = {"far": trajectories(2 * [ELSEWHERE]), "near": trajectories([START, GOAL])}
    cards = {t: {"episodes": 2, "proof": proof(rows, STITCH)} for t, rows in data.items()}
    write(crossings_table(mazes, cards), tmp_path)
    assert (tmp_path / "crossings.csv").read_text().splitlines()[1:] == [
        "far,2,0,0,0,11.2,n/a,n/a,1 of 46",
        "near,2,1,1,1,11.2,11.2,11.2,1 of 46",
    ]


def test_an_older_card_has_not_recorded_all(tmp_path: Path) -> None:
    card = {"episodes": 1200, "proof": {"reach_goal": 3, "from_start_to_goal": 0}}
    write(crossings_table({"old": STITCH}, {"old": card}), tmp_path)
    assert (tmp_path / "crossings.csv").read_text().splitlines()[1] == (
        'old,"1,200",not recorded,3,0,11.2,n/a,n/a,not recorded'
    )

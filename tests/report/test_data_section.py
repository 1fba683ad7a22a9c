"""The section on data: ways through the mazes, and cards that lack what came later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.maze_walks import ELSEWHERE, GOAL, START, trajectories

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import source_of
from bench.data.maze_coverage import proof
from bench.maze_plans import STITCH
from bench.report.sections.data import beside_d4rl, crossings_table
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


def card_of(origin: str) -> dict[str, Any]:
    returns = {"mean": 1400.4, "min": 9.0, "max": 3000.0}
    return {"rows": 7_000, "origin": origin, "return": returns, "length": {"mean": 450.2}}


def test_local_data_stand_beside_d4rls_of_the_same_name(tmp_path: Path) -> None:
    tasks = ("hopper-medium", "walker2d-medium", "antmaze-umaze", "hopper-medium-replay")
    catalogue = Catalogue()
    suite = catalogue.read_suite(None).model_copy(update={"tasks": tasks})
    cards = {"hopper-medium": card_of("local"), "antmaze-umaze": card_of("local")}
    cards["walker2d-medium"] = card_of("D4RL")
    write(beside_d4rl(cards, suite, catalogue), tmp_path)
    assert (tmp_path / "beside_d4rl.csv").read_text().splitlines()[1:] == [
        'hopper-medium,local,"7,000","1,400",9,"3,000",450',
        ',D4RL,"1,000,000","1,422",316,"3,222",457',
    ]


def test_a_length_is_that_of_complete_episodes() -> None:
    walker = source_of("walker2d-medium-v2")
    assert (walker.rows, walker.complete_rows, walker.segments) == (1_000_000, 999_995, 1191)
    assert walker.length_mean == pytest.approx(999_995 / 1190)
    cheetah = source_of("halfcheetah-medium-v2")
    assert cheetah.length_mean == 1000.0  # its last episode is whole

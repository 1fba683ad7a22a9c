"""Seeds that must never confirm a claim: missing, equal, diverged, or identical to the rival's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from helpers.claims import LARGE, PAPER, Cell, assess, mazes, scattered

PLAY, DIVERSE = LARGE
Record = dict[str, Any]


def spoilt(change: Callable[[dict[Cell, np.ndarray]], object]) -> dict[Cell, np.ndarray]:
    cells = mazes(60, 15)
    change(cells)
    return cells


def missing(cells: dict[Cell, np.ndarray]) -> None:
    cells[PLAY, "iql"] = cells[PLAY, "iql"][:5]  # one block of two


def three_seeds(cells: dict[Cell, np.ndarray]) -> None:
    for cell in cells:
        cells[cell] = np.where(np.arange(10) < 3, cells[cell], np.nan)


def all_equal(cells: dict[Cell, np.ndarray]) -> None:
    for cell, value in cells.items():
        cells[cell] = np.full(10, value.mean())


def one_method_equal(cells: dict[Cell, np.ndarray]) -> None:
    cells[PLAY, "iql"] = np.full(10, 60.0)


def all_or_nothing(cells: dict[Cell, np.ndarray]) -> None:
    for task, method in cells:
        cells[task, method] = np.full(10, 100.0 if method == "iql" else 0.0)


def not_a_number(cells: dict[Cell, np.ndarray]) -> None:
    cells[PLAY, "cql"][4] = np.nan


SEEDS = {
    "a block not run": (missing, "incomplete: {iql} on antmaze-large-play-v0 lacks seeds 5, 6"),
    "three seeds of ten": (three_seeds, "incomplete"),
    "all seeds equal": (all_equal, "have the same score, 60"),
    "one method equal": (one_method_equal, "all seeds of {iql} on antmaze-large-play-v0"),
    "all and nothing": (all_or_nothing, "no spread between seeds"),
    "a score that is not there": (not_a_number, "{cql} on antmaze-large-play-v0 lacks seed 4"),
}


@pytest.mark.parametrize(("change", "reason"), SEEDS.values(), ids=SEEDS.keys())
@pytest.mark.parametrize("claim", [{"factor": 2}, {"each_task": True}], ids=["total", "each"])
def test_incomplete_or_equal_seeds_decide_nothing(
    change: Callable[[dict[Cell, np.ndarray]], None], reason: str, claim: dict[str, Any]
) -> None:
    found = assess(cells=spoilt(change), **claim)
    assert found["verdict"] == "inconclusive"
    assert reason in found["reason"]
    assert found["needed"] is None


def test_identical_scores_of_two_methods_are_no_improvement() -> None:
    """The mean of nine halves was once 0.5000000000000001, and above one half."""
    tasks = [t for t in PAPER.tasks if not t.startswith("antmaze")]
    cells = {(t, m): scattered(50, at=i) for i, t in enumerate(tasks) for m in ("iql", "bc")}
    claim = {"tasks": tasks, "against": ["bc"], "quantity": "improvement", "test": {"above": 0.5}}
    found = assess(cells=cells, **claim)
    assert (found["measured"], found["verdict"]) == (0.5, "inconclusive")
    assert found["reason"] == "identical scores of both methods"


@pytest.mark.parametrize("lost", [7, 10])
def test_diverged_seeds_cannot_help(lost: int) -> None:
    """Of ten seeds of IQL, seven or all diverge; the others score 100."""

    def diverge(record: Record) -> None:
        if record["settings"]["method"] == "iql":
            names = [s for s in record["settings"]["seeds"] if s < lost]
            record.update(diverged={str(s): 5000 for s in names})
            record["status"] = "diverged" if names else "done"

    cells = mazes(90, 60)
    for task in LARGE:
        cells[task, "iql"] = np.where(np.arange(10) < lost, np.nan, cells[task, "iql"])
    found = assess(cells=cells, change=diverge)
    assert found["verdict"] != "reproduced"
    task = "hopper-medium-v2"
    cells = {(task, m): scattered(90 if m == "iql" else 20) for m in ("iql", "bc")}
    cells[task, "iql"] = np.where(np.arange(10) < lost, np.nan, cells[task, "iql"])
    found = assess(cells=cells, change=diverge, tasks=[task], against=["bc"])
    assert found["verdict"] == "inconclusive"


@pytest.mark.parametrize("lost", [1, 10])
@pytest.mark.parametrize(
    ("method", "claim"),
    [
        ("cql", {}),
        ("cql", {"methods": ["cql"], "against": [], "tasks": [PLAY], "test": {"below": 50}}),
        ("iql", {"against": [], "test": {"within": 100, "of": "paper"}}),
    ],
    ids=["a rival", "a claim of weakness", "equality"],
)
def test_a_claim_is_not_confirmed_by_diverged_seeds(
    method: str, claim: dict[str, Any], lost: int
) -> None:
    """To count them as failures speaks for the claim."""

    def diverge(record: Record) -> None:
        names = [s for s in record["settings"]["seeds"] if s < lost]
        if record["settings"]["method"] == method and names:
            record.update(status="diverged", diverged={str(s): 5000 for s in names})

    cells = mazes(60, 15)
    assert assess(cells=cells, **claim)["verdict"] == "reproduced"
    for task in LARGE:
        cells[task, method] = np.where(np.arange(10) < lost, np.nan, cells[task, method])
    found = assess(cells=cells, change=diverge, **claim)
    assert found["verdict"] != "reproduced"

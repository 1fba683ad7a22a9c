"""Results that must never confirm a claim, whatever their scores say.

Each case takes scores that confirm the claim by far, from runs with its protocol, and spoils one
thing: the runs, their data, their evaluation, or the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.claims import (
    CATALOGUE,
    LARGE,
    LOCAL,
    PAPER,
    Cell,
    assess,
    card,
    evidence,
    ledger,
    mazes,
    scattered,
)

from bench.claims import exact, verdicts
from bench.claims.evidence import Evidence
from bench.claims.ledger import CostClaim, Rule
from bench.config.types import Evaluation, Override

PLAY, DIVERSE = LARGE
Record = dict[str, Any]


def iql(**to: Any) -> Callable[[Record], None]:
    """Change fields of the resolved settings of IQL's runs."""

    def change(record: Record) -> None:
        if record["settings"]["method"] == "iql":
            record["settings"].update(to)

    return change


def config(**to: Any) -> Callable[[Record], None]:
    """Change fields of the Config with which IQL ran, in both places where a record has them."""

    def change(record: Record) -> None:
        if record["settings"]["method"] == "iql":
            record["config"].update(to)
            record["settings"]["config"].update(to)

    return change


def resolved(**to: Any) -> Callable[[Record], None]:
    """Change the Config that ran, but not what the settings say of it."""
    return lambda record: record["config"].update(to)


def top(**to: Any) -> Callable[[Record], None]:
    """Change entries of the records themselves."""
    return lambda record: record.update(to)


def of_task(**to: Any) -> Callable[[Record], None]:
    """Change fields of the task with which the runs were made."""
    return lambda record: record["settings"]["task"].update(to)


RUNS = {
    "smaller networks": (config(hidden=[8, 8]), "hidden 8 8, not 256 256 ({iql})"),
    "networks unlike the settings": (resolved(hidden=[8, 8]), "hidden 8 8, not 256 256"),
    "fewer updates": (iql(updates=500), "500 updates, not 1,000,000 ({iql})"),
    "more updates": (iql(updates=3_000_000), "3,000,000 updates, not 1,000,000 ({iql})"),
    "a smaller batch": (iql(batch_size=8), "batch_size 8, not 256 ({iql})"),
    "another precision": (iql(precision="bfloat16"), "precision bfloat16, not float32 ({iql})"),
    "other rewards": (iql(rewards="raw"), "rewards raw, not minus_one ({iql})"),
    "other observations": (iql(observations="standardised"), "observations standardised, not raw"),
    "another expectile": (config(expectile=0.5), "expectile 0.5, not 0.9 ({iql})"),
    "another setting": (config(temperature=3.0), "temperature 3, not 10 ({iql})"),
    "an unknown setting": (resolved(dropout=0.1), "dropout 0.1, not none"),
    "one episode": (
        iql(evaluation={"every": 100_000, "episodes": 1}),
        "evaluation.episodes 1, not 100 ({iql})",
    ),
    "an online phase": (
        iql(online={"steps": 1000, "every": 1000, "episodes": 1, "buffer": 1000}),
        "an online phase ({iql})",
    ),
    "a running job": (top(status="running"), "a run whose status is running"),
    "data of another hash": (top(dataset_hash="1" * 64), "data of another hash than the card"),
    "another dataset": (of_task(dataset="local/antmaze/large"), "dataset local/antmaze/large"),
    "another environment": (of_task(env_id="AntMaze-v4"), "env_id AntMaze-v4"),
    "another reading": (of_task(reading="full"), "reading full, not d4rl"),
}


@pytest.mark.parametrize(("change", "departure"), RUNS.values(), ids=RUNS.keys())
def test_runs_without_the_protocol_decide_nothing(
    change: Callable[[Record], None], departure: str
) -> None:
    assert assess(cells=mazes(60, 15), factor=2)["verdict"] == "reproduced"
    found = assess(cells=mazes(60, 15), factor=2, change=change)
    assert (found["verdict"], found["measured"]) == ("not run", None)
    differs = found["elsewhere"]["differs"] if found["elsewhere"] else [found["reason"]]
    assert any(departure in text for text in differs), differs
    assert departure in found["reason"] or found["reason"].startswith("here only with")


def test_one_run_of_many_is_named() -> None:
    def one(record: Record) -> None:
        if record["settings"]["task"]["task"] == PLAY and 5 in record["settings"]["seeds"]:
            iql(batch_size=8)(record)

    found = assess(cells=mazes(60, 15), change=one)
    assert found["verdict"] == "not run"
    text = f"batch_size 8, not 256 ({{iql}} on {PLAY}, seeds 5-9)"
    assert found["elsewhere"]["differs"] == [text]


CARDS: dict[str, tuple[dict[str, Any], str]] = {
    "another file": (
        {"collection": {"source_sha256": "a" * 64, "source_verified": True}},
        "sha256",
    ),
    "no file": ({"collection": {}}, "another sha256"),
    "an unverified file": ({}, "was not verified"),
    "another dataset": ({"dataset": "local/antmaze/large"}, "the card of local/antmaze/large"),
    "another reading": ({"reading": "full"}, "the card of"),
    "other data": ({"hash": "b" * 64}, "another hash"),
}


@pytest.mark.parametrize(("change", "departure"), CARDS.values(), ids=CARDS.keys())
def test_data_that_are_not_d4rls_decide_nothing(change: dict[str, Any], departure: str) -> None:
    cards = {task: card(PAPER, task) for task in PAPER.tasks}
    cards[PLAY] |= change
    if not change:
        cards[PLAY]["collection"]["source_verified"] = False
    found = assess(cells=mazes(60, 15), cards=cards)
    assert found["verdict"] == "not run"
    assert any(departure in text for text in found["elsewhere"]["differs"])


def test_without_a_card_nobody_knows_the_data() -> None:
    found = assess(cells=mazes(60, 15), cards={})
    assert found["verdict"] == "not run"
    assert "no card of d4rl/antmaze/large-play-v0" in found["reason"]


SUITES = {
    "updates": {"updates": 500_000},
    "batch": {"batch_size": 16},
    "precision": {"precision": "bfloat16"},
    "evaluation": {
        "evaluation": Evaluation(every=5_000, episodes=1),
        "overrides": (Override(methods=("dt",), updates=100_000, reason="a test"),),
    },
    "networks": {
        "overrides": (
            *PAPER.overrides,
            Override(config={"hidden": [64, 64]}, methods=("iql", "cql"), reason="a test"),
        )
    },
    "seeds": {"seeds": tuple(range(5))},
    "other seeds": {"seeds": tuple(range(10, 20))},
}


@pytest.mark.parametrize("change", SUITES.values(), ids=SUITES.keys())
def test_nor_does_another_suite(change: dict[str, Any]) -> None:
    suite = PAPER.model_copy(update=change)
    found = assess(suite, cells=mazes(60, 15, seeds=len(suite.seeds)))
    assert found["verdict"] == "not run"
    assert found["elsewhere"]["differs"]


def test_a_suite_that_was_edited_after_its_runs_is_found_out() -> None:
    """Its file says 1,000,000 updates; the records say what ran."""
    short = PAPER.model_copy(update={"updates": 60_000})
    made = evidence(short, mazes(60, 15))
    runs = [record for cell in made.records.values() for record in cell]
    frame = pd.DataFrame(
        [
            (task, method, seed, "offline", 60_000, score, 100)
            for (task, method), values in mazes(60, 15).items()
            for seed, score in enumerate(values)
        ],
        columns=["task", "method", "seed", "phase", "step", "score", "episodes"],
    )
    book = ledger()
    found = verdicts.assess(
        book.claims[0], book, Evidence(frame, runs, PAPER, CATALOGUE, made.cards)
    )
    assert found["verdict"] == "not run"
    assert "60,000 updates, not 1,000,000" in found["reason"]


def test_scores_from_other_evaluations_than_recorded_decide_nothing() -> None:
    made = evidence(PAPER, mazes(60, 15))
    frame = pd.DataFrame(
        [
            (task, method, seed, "offline", 1_000_000, score, 10)
            for (task, method), values in mazes(60, 15).items()
            for seed, score in enumerate(values)
        ],
        columns=["task", "method", "seed", "phase", "step", "score", "episodes"],
    )
    runs = [record for cell in made.records.values() for record in cell]
    book = ledger()
    spoilt = Evidence(frame, runs, PAPER, CATALOGUE, made.cards)
    found = verdicts.assess(book.claims[0], book, spoilt)
    assert found["verdict"] == "not run"
    assert "scores from 10 episodes, not those of the record" in found["reason"]


def test_scores_without_records_decide_nothing() -> None:
    made = evidence(PAPER, mazes(60, 15))
    book = ledger()
    frame = made.at(PLAY, "iql", "offline", 1_000_000)
    assert frame is not None
    columns = {"task": PLAY, "method": "iql", "phase": "offline", "step": 1_000_000}
    orphan = Evidence(frame.reset_index().assign(**columns), [], PAPER, CATALOGUE, made.cards)
    assert verdicts.assess(book.claims[0], book, orphan)["verdict"] == "not run"


def test_regenerated_data_decide_no_claim() -> None:
    cells = {(t.removesuffix("-v0"), m): v for (t, m), v in mazes(60, 15, seeds=3).items()}
    found = assess(LOCAL, cells=cells, factor=2)
    assert (found["verdict"], found["measured"], found["ci"]) == ("not run", None, None)
    assert found["elsewhere"]["verdict"] in ("reproduced", "inconclusive")
    first, *others = found["elsewhere"]["differs"]
    assert first == "data regenerated locally, not D4RL’s"
    assert "60,000 updates, not 1,000,000 ({iql})" in others
    equal = {"against": [], "test": {"within": 50, "of": "paper"}}
    found = assess(LOCAL, cells=cells, **equal)
    assert (found["verdict"], found["elsewhere"]) == ("not run", None)
    assert "not D4RL" in found["reason"]


# --- seeds ------------------------------------------------------------------------------


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


# --- costs ------------------------------------------------------------------------------

COST = CostClaim(
    id="made-up", statement="s", source="s", refuted_by="r", decided_by="benchmark",
    method="iql", rival="cql", test=Rule(below=1),
)  # fmt: skip


def timings(**change: Any) -> dict[str, Any]:
    """A benchmark in which IQL is ten times as fast as CQL, one job at a time."""
    rates = {
        "iql": [1000.0, 1010.0, 990.0, 1005.0, 995.0],
        "cql": [100.0, 101.0, 99.0, 100.5, 98.0],
    }
    cell = {"width": 256, "seeds": 5, "executor": "compiled", "jobs": 1}
    rows = [cell | {"method": m, exact.RATES: [r]} for m, r in rates.items()]
    for row in rows:
        row |= change
    return {"machine": {"cpu": "a processor", "cores": 2}, "updates": rows}


@pytest.mark.parametrize(
    ("content", "verdict", "said"),
    [
        (timings(), "reproduced", "timed on a processor, 2 cores"),
        (timings(jobs=2), "not run", "2 jobs at once, not one"),
        (timings(width=64), "not run", "not timed by the benchmark"),
        (timings(executor="eager"), "not run", "not timed by the benchmark"),
        (timings(**{exact.RATES: [[100.0] * 5]}), "inconclusive", "no spread"),
        (timings(**{exact.RATES: [[100.0, 90.0]]}), "inconclusive", "fewer than 3 rounds"),
    ],
    ids=["alone", "two jobs", "narrow", "eager", "no spread", "two rounds"],
)
def test_costs_are_decided_by_one_job_alone_on_a_named_machine(
    content: dict[str, Any], verdict: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exact, "read_json", lambda path: content)
    book = ledger()
    found = verdicts.assess(COST, book, evidence(PAPER, {}))
    assert found["verdict"] == verdict
    assert said in str(found)
    if verdict == "reproduced":
        assert found["measured"] == pytest.approx(0.1, rel=0.02)
        assert found["ci"][0] < 0.1 < found["ci"][1]
        assert found["published"] == 0.25


def test_suites_cannot_decide_costs() -> None:
    """Rates of runs depend on what else ran; the ledger does not read them."""
    fields = CostClaim.model_fields
    assert "tasks" not in fields
    assert {"method", "rival"} <= set(fields)

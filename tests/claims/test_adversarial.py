"""Results that must never confirm a claim, whatever their scores say.

Each case takes scores that confirm the claim by far, from runs with its protocol, and spoils one
thing: the runs, their data, their evaluation, or the seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from helpers.claims import (
    CATALOGUE,
    LARGE,
    LOCAL,
    PAPER,
    assess,
    card,
    evidence,
    ledger,
    mazes,
    scattered,
    values,
)

from bench.claims import verdicts
from bench.claims.evidence import Evidence
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
    "a stand-in": ({"origin": "stand-in"}, "stand-ins for a rehearsal, not D4RL’s data"),
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


def test_settings_that_contradict_the_config_that_ran_decide_nothing() -> None:
    def change(record: Record) -> None:
        record["settings"]["config"]["polyak"] = 0.5

    found = assess(cells=mazes(60, 10), change=change)
    assert found["verdict"] == "not run"
    assert "a record that contradicts itself on polyak" in str(found["elsewhere"]["differs"])


def test_uncommitted_code_decides_nothing() -> None:
    found = assess(cells=mazes(60, 10), change=lambda record: record.update(dirty=True))
    assert found["verdict"] == "not run"
    assert "uncommitted code" in str(found["elsewhere"]["differs"])


@pytest.mark.parametrize(
    ("errors", "expected"), [(-2.45, "inconclusive"), (-2.9, "not reproduced")]
)
def test_one_part_of_two_refutes_at_the_corrected_level(errors: float, expected: str) -> None:
    """Student's quantiles with nine degrees are 2.26 at 95% and 2.69 at 97.5%."""
    cells = {(task, "cql"): scattered(40, 4, at=3) for task in LARGE}
    differences = (values(20, 4), values(errors * 4 / 10**0.5, 4))
    for task, difference in zip(LARGE, differences, strict=True):
        cells[task, "iql"] = cells[task, "cql"] + difference
    found = assess(cells=cells, each_task=True)
    assert [part["verdict"] for part in found["parts"]] == ["reproduced", expected]

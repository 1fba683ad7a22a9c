"""Claims that no scores decide: data, ideas, settings, and the paper's own tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from helpers.claims import CATALOGUE, LOCAL, PAPER, card, evidence

from bench.claims import exact
from bench.claims.ledger import IdeaClaim, read
from bench.claims.verdicts import assess
from bench.errors import BenchError
from bench.paths import IDEA_RESULTS
from bench.statistics.published import paper_scores

LEDGER = read(CATALOGUE)
CLAIMS = {claim.id: claim for claim in LEDGER.claims}


def decided(claim: str, **given: Any) -> dict[str, Any]:
    suite = given.pop("suite", PAPER)
    return assess(CLAIMS[claim], LEDGER, evidence(suite, {}, **given))


def test_two_to_three_times_cql_is_contradicted_by_the_papers_own_table() -> None:
    table = paper_scores()

    def ratio(tasks: list[str]) -> float:
        return sum(table[t, "iql"] for t in tasks) / sum(table[t, "cql"] for t in tasks)

    found = decided("antmaze-two-to-three-times-cql")
    mazes = list(LEDGER.groups["antmaze"])
    assert found["verdict"] == "not reproduced"
    assert found["measured"] == pytest.approx(ratio(mazes))
    assert round(found["measured"], 2) == 1.25
    large = found["parts"][1]
    assert (large["part"], large["verdict"]) == ("large", "reproduced")
    assert round(large["measured"], 2) == 2.84
    assert found["basis"] == "config/published/table1.csv"


def test_temperature_three_is_contradicted_by_the_authors_settings() -> None:
    found = decided("temperature-three-everywhere")
    assert found["verdict"] == "not reproduced"
    assert {p["part"]: p["measured"] for p in found["parts"]} == {"locomotion": 3, "antmaze": 10}
    assert (found["binding"], found["measured"]) == ("antmaze", 10)


@pytest.mark.parametrize("claim", [c for c in LEDGER.claims if c.decided_by == "idea"])
def test_ideas_are_decided_by_what_is_published(claim: IdeaClaim) -> None:
    found = decided(claim.id)
    assert found["verdict"] == "reproduced"
    path = IDEA_RESULTS / f"{claim.idea}.json"
    assert found["measured"] == json.loads(path.read_text())["result"][claim.value]
    assert str(path) in found["basis"]


def test_an_idea_that_fails_or_lacks_its_number_does_not_hold(tmp_path: Path) -> None:
    claim = CLAIMS["expectile-half-is-mean"]
    assert isinstance(claim, IdeaClaim)
    path = tmp_path / f"{claim.idea}.json"
    assert "python -m bench idea support" in exact.of_idea(claim, tmp_path)[0].reason
    path.write_text(json.dumps({"result": {claim.value: 0.1}}))
    assert exact.of_idea(claim, tmp_path)[0].verdict == "not reproduced"
    path.write_text(json.dumps({"result": {}}))
    with pytest.raises(BenchError, match="'half_from_mean' is missing; measure support again"):
        exact.of_idea(claim, tmp_path)


@pytest.mark.parametrize(("crossings", "verdict"), [(0, "reproduced"), (1, "not reproduced")])
def test_the_cards_say_whether_one_trajectory_solves_the_maze(crossings: int, verdict: str) -> None:
    cards = {task: card(PAPER, task, crossings) for task in PAPER.tasks}
    found = decided("no-trajectory-solves-the-maze", cards=cards)
    assert (found["verdict"], found["elsewhere"]) == (verdict, None)
    for content in cards.values():
        content["collection"]["source_sha256"] = "0" * 64
    found = decided("no-trajectory-solves-the-maze", cards=cards)
    assert (found["verdict"], found["elsewhere"]["verdict"]) == ("not run", verdict)
    assert decided("no-trajectory-solves-the-maze", cards={})["verdict"] == "not run"


def test_regenerated_data_say_nothing_of_d4rls() -> None:
    found = decided("no-trajectory-solves-the-maze", suite=LOCAL)
    assert found["verdict"] == "not run"
    assert found["elsewhere"]["differs"] == ["data regenerated locally, not D4RL’s"]

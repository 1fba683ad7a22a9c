"""The section on claims: its tables, from verdicts on made-up scores."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from helpers.claims import CATALOGUE, LARGE, LOCAL, PAPER, assess, evidence, mazes

from bench.claims import verdicts
from bench.claims.chances import Chance
from bench.claims.ledger import read
from bench.claims.record import RecordVerdict
from bench.claims.words import labelled
from bench.report.section import CaptionedTable
from bench.report.sections import claims

PLAY = LARGE[0]
PUBLISHED = RecordVerdict(
    id="made-up", verdict="not reproduced", wording="1.4 times", measured=1.4, ci=(1.0, 1.8),
    sources=("corl",), seeds=4,
)  # fmt: skip


def made(entries: list[Any], **given: Any) -> tuple[str, dict[str, Any]]:
    """The first paragraph, and the rows of each table by name."""
    stored = json.loads(json.dumps(entries))  # as from claims.json
    content = {"stale": (), "origin": "made up", "published_record": {}, "chances": {}}
    content |= {"suite": PAPER, "claims": labelled(stored, CATALOGUE)}
    section = claims.section(SimpleNamespace(**(content | given)))
    assert section is not None
    introduction, *tables = section.items
    return introduction.text, {i.table.name: i.table.rows for i in tables}


def test_the_tables_of_the_page() -> None:
    decided = assess(cells=mazes(31, 15), factor=2)
    cells = {(t.removesuffix("-v0"), m): v for (t, m), v in mazes(45, 15, seeds=3).items()}
    there = assess(LOCAL, cells=cells, each_task=True)
    silent = assess(against=["bc"])
    text, tables = made([decided, there, silent], stale={(PLAY, "cql")})
    assert "Verdicts: 1 inconclusive, 2 not tested." in text
    assert "at most 0.03 wrong verdicts are expected over 1 claim about" in text
    (row,) = tables["claims"]
    assert row[4].text == "inconclusive"
    _, middle, _ = decided["needed"]
    assert f"about {middle} seeds per cell would decide with 80% probability" in row[4].notes[0]
    assert row[3].notes[1] == "stale"
    (row,) = tables["claims_elsewhere"]
    assert row[4].text in ("holds here", "inconclusive")
    assert row[1].notes == ()  # the departures are in the caption, once
    assert [r[1].text for r in tables["claims_parts"]] == [
        f"IQL against CQL, {task}" for task in LARGE
    ]
    assert {row[0].text for row in tables["claims_parts"]} == {there["statement"]}
    assert tables["claims_not_run"][0][1].text.startswith(f"no score of IQL on {PLAY}")


def test_the_published_record_has_its_own_column() -> None:
    ours = assess(cells=mazes(60, 15))
    _, tables = made([ours])
    assert tables["claims"][0][5].text == "not yet assessed"
    _, tables = made([ours], published_record={"made-up": PUBLISHED})
    verdict, published = tables["claims"][0][4:]
    assert (verdict.text, published.text) == ("reproduced", "not reproduced")
    assert published.notes == ("1 source, 4 seeds",)
    other = PUBLISHED.model_copy(update={"id": "other"})
    _, tables = made([ours], published_record={"other": other})
    assert tables["claims"][0][5].text == "not assessed"


def test_claims_that_no_scores_decide_are_worded_by_what_decides_them() -> None:
    ledger = read(CATALOGUE)
    wanted = ("antmaze-two-to-three-times-cql", "temperature-three-everywhere",
              "expectile-half-is-mean", "no-trajectory-solves-the-maze")  # fmt: skip
    chosen = [claim for claim in ledger.claims if claim.id in wanted]
    found = [verdicts.assess(claim, ledger, evidence(PAPER, {})) for claim in chosen]
    _, tables = made(found)
    assert [row[3].text for row in tables["claims_exact"]] == [
        "contradicted by the paper’s own table",
        "holds of the data",
        "contradicted by the authors’ settings",
        "holds exactly",
    ]
    numbers = tables["claims_exact"][0][2]
    assert (numbers.text, numbers.notes[:2]) == ("1.25", ("antmaze: 1.25", "large: 2.84"))
    assert tables["claims"] == ()


def test_chances_beforehand_are_in_the_report_of_the_suite_that_decides() -> None:
    known = {"made-up": Chance("made-up", 0.61, 0.01, 0.06, 0.97), "other": None}
    _, tables = made([assess(cells=mazes(60, 15))], chances=known)
    first, second = tables["claims_chances"]
    assert [cell.text for cell in first] == ["made-up", "61%", "1%", "38%"]
    assert first[1].notes == ("6% to 97% nearby",)
    assert second[1].notes == ("no published number to predict from",)


def test_without_verdicts_there_is_no_section() -> None:
    assert claims.section(SimpleNamespace(claims=None)) is None


def test_tables_have_captions() -> None:
    section = claims.section(
        SimpleNamespace(
            claims=labelled([assess(cells=mazes(60, 15))], CATALOGUE),
            stale=(), origin="made up", published_record={}, chances={}, suite=PAPER,
        )
    )  # fmt: skip
    assert section is not None
    assert all(i.caption for i in section.items if isinstance(i, CaptionedTable))


def test_claims_appear_where_the_suite_has_a_task_of_theirs() -> None:
    """A suite on own data tests no claim: its report has none, not even those about the paper."""
    silent = [{"decided_by": "runs", "verdict": "not run", "elsewhere": None}]
    silent += [{"decided_by": "idea", "verdict": "reproduced", "elsewhere": None}]
    own, local = SimpleNamespace(tasks=["mine"]), SimpleNamespace(tasks=["mine", "hopper-medium"])
    assert not claims.concerned(SimpleNamespace(claims=silent, suite=own))
    assert claims.section(SimpleNamespace(claims=silent, suite=own)) is None
    assert claims.concerned(SimpleNamespace(claims=silent, suite=local))
    there = [*silent, {"decided_by": "data", "verdict": "not run", "elsewhere": {"parts": []}}]
    assert claims.concerned(SimpleNamespace(claims=there, suite=own))

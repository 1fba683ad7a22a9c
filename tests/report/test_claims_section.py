"""The section on claims: its tables, from verdicts on made-up scores."""

from __future__ import annotations

import json
from types import SimpleNamespace

from helpers.claims import LARGE, LOCAL, assess, mazes

from bench.claims.verdicts import labelled
from bench.report.sections import claims

PLAY = LARGE[0]


def test_the_tables_of_the_page() -> None:
    decided = assess(cells=mazes(31, 15), factor=2)
    cells = {(t.removesuffix("-v0"), m): v for (t, m), v in mazes(45, 15).items()}
    there = assess(LOCAL, cells=cells, each_task=True)
    silent = assess(against=["bc"])
    stored = json.loads(json.dumps([decided, there, silent]))  # as from claims.json
    entries = labelled(stored, {"iql": "IQL", "cql": "CQL", "bc": "BC"})
    inputs = SimpleNamespace(claims=entries, stale={(PLAY, "cql")}, origin="made up")
    made = claims.section(inputs)
    assert made is not None
    introduction, *tables = made.items
    assert "Verdicts: 1 inconclusive, 2 not run." in introduction.text
    by_name = {item.table.name: item.table.rows for item in tables}
    (row,) = by_name["claims"]
    assert row[4].text == "inconclusive"
    assert row[4].notes == (f"about {decided['needed']} seeds per cell for 80% power",)
    assert row[3].notes[1] == "stale"
    (row,) = by_name["claims_elsewhere"]
    assert row[4].text == "holds here"
    assert "not D4RL" in row[1].notes[0]
    assert [r[1].text for r in by_name["claims_parts"]] == [
        f"IQL against CQL, {task}" for task in LARGE
    ]
    assert by_name["claims_not_run"][0][1].text.startswith(f"no score of IQL on {PLAY}")


def test_without_verdicts_there_is_no_section() -> None:
    assert claims.section(SimpleNamespace(claims=None)) is None

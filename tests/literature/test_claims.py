"""Claims decided from the record: what counts, what decides, and what is only told."""

from __future__ import annotations

import json
import math

import pytest
from helpers.paths import ROOT
from helpers.record import analysed, analysis, catalogue, changed, record

from bench.claims.ledger import Rule, read
from bench.literature.analysis import Analysis
from bench.literature.claims import decide, replicated, verdicts
from bench.paths import RECORD_VERDICTS

KEYS = {"id", "verdict", "wording", "measured", "ci", "reason", "sources", "seeds"}
NINE = (
    "harness-orl",
    "nnabla-rl",
    "offlinerl-kit",
    "offlinerl-lib",
    "iql-pytorch-gwthomas",
    "magi",
)


def entry(name: str, found: Analysis | None = None) -> dict:
    ledger = read(catalogue())
    (claim,) = [c for c in ledger.claims if c.id == name]
    made = decide(claim, ledger, found or analysis())
    assert made is not None
    return made


def test_the_published_file_is_what_the_record_says_now() -> None:
    stored = json.loads((ROOT / RECORD_VERDICTS).read_text())
    assert stored == json.loads(json.dumps(verdicts(read(catalogue()), analysis())))


def test_every_entry_keeps_the_contract() -> None:
    entries = verdicts(read(catalogue()), analysis())
    assert len({e["id"] for e in entries}) == len(entries) >= 10
    for e in entries:
        assert set(e) == KEYS
        assert e["verdict"] in ("reproduced", "not reproduced", "inconclusive")
        assert e["wording"]
        assert set(e["sources"]) <= set(record().sources)
        assert e["sources"]
        assert e["verdict"] == "inconclusive" or e["measured"] is not None
        if e["ci"] is not None:
            assert e["ci"][0] <= e["measured"] <= e["ci"][1]
            assert not any(map(math.isnan, e["ci"]))


def test_twice_cql_depends_on_the_recipe_and_says_so() -> None:
    made = entry("antmaze-large-twice-cql")
    assert made["verdict"] == "inconclusive"
    assert "1 code with the paper’s settings and data: harness-orl 200 times" in made["wording"]
    assert "on antmaze-v2, other data: corl 1.75 times, corl-finetune 1.02 times" in made["wording"]
    assert made["reason"].startswith("depends on CQL’s recipe")
    assert "not with corl 1.75 times" in made["reason"]


def test_a_total_is_decided_by_codes_that_have_every_cell() -> None:
    made = entry("locomotion-total-equal")
    assert made["verdict"] == "reproduced"
    assert "pooled over 6 codes" in made["wording"]
    assert "with other settings: corl" in made["wording"]
    assert set(NINE) <= set(made["sources"])
    assert "jax-corl" not in made["sources"]  # six of the nine datasets


@pytest.mark.parametrize(
    ("score", "expected"), [(20.0, "not reproduced"), (66.0, "inconclusive"), (None, "reproduced")]
)
def test_the_verdict_follows_the_numbers(score: float | None, expected: str) -> None:
    tasks = ("hopper-medium-v2", "walker2d-medium-v2")
    cells = {f"{source}|{task}": score for source in NINE for task in tasks} if score else {}
    found = analysed(changed(record(), **cells)) if cells else analysis()
    assert entry("locomotion-total-equal", found)["verdict"] == expected


def test_two_codes_decide_nothing() -> None:
    made = entry("antmaze-total-equal")
    assert (made["verdict"], made["measured"], made["ci"]) == ("inconclusive", None, None)
    assert made["reason"] == "undecided until 3 codes with the paper’s settings have every score"


def test_corl_is_no_reproduction_of_corl() -> None:
    made = entry("corl-locomotion-total")
    assert not [source for source in made["sources"] if source.startswith("corl")]


@pytest.mark.parametrize(
    ("tasks", "bound", "expected"),
    [
        ("locomotion", 6, "reproduced"),
        ("locomotion", 9, "not reproduced"),  # all nine would have to be
        ("antmaze", 3, "inconclusive"),  # nobody has three reproductions there
    ],
)
def test_replicated_cells_are_counted(tasks: str, bound: float, expected: str) -> None:
    ledger = read(catalogue())
    claim = next(c for c in ledger.claims if c.id == "locomotion-total-equal")
    claim = claim.model_copy(update={"test": Rule(above=bound)})
    made = replicated(claim, ledger.groups[tasks], analysis())
    assert made
    assert made["verdict"] == expected
    assert (made["measured"] is None) == (expected == "inconclusive")
    assert set(made) == KEYS


def test_costs_are_none_of_the_records_business() -> None:
    ledger = read(catalogue())
    ids = {e["id"] for e in verdicts(ledger, analysis())}
    assert not ids & {"cost-below-cql", "cost-quarter-of-cql", "cost-below-dt"}

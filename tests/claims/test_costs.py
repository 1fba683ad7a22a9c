"""Costs: decided by one job alone on a named machine, and by nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.claims import PAPER, evidence, ledger

from bench.claims import exact, verdicts
from bench.claims.ledger import CostClaim, Rule

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

"""A verdict on every claim and its basis: the entries of claims.json.

A claim about scores gets a verdict only if each run that it rests on had the claim's protocol.
Otherwise the same test is reported separately, under `elsewhere`, with every departure. Texts name
a method as `{iql}`; bench.claims.words puts its label there.
"""

from __future__ import annotations

from typing import Any

from bench.claims import exact, run_parts
from bench.claims.evidence import Evidence, counterpart
from bench.claims.ledger import (
    Claim,
    CostClaim,
    DataClaim,
    IdeaClaim,
    Ledger,
    RunClaim,
    SettingClaim,
    TableClaim,
)
from bench.claims.part import NOT_RUN, Part, combine
from bench.claims.words import first, rule_text
from bench.config.catalogue import METHODS
from bench.paths import BENCHMARK, IDEA_RESULTS
from bench.statistics.published import TABLE1


def verdicts(ledger: Ledger, evidence: Evidence) -> list[dict[str, Any]]:
    """Return the entry of each claim, in the order of config/claims.yaml."""
    return [assess(claim, ledger, evidence) for claim in ledger.claims]


def assess(claim: Claim, ledger: Ledger, evidence: Evidence) -> dict[str, Any]:
    """Return the claim's verdict, the numbers of the part that binds, and all its parts.

    If what was measured departs from the claim's protocol, all of these are under `elsewhere`,
    which lists the departures, and the claim itself is "not run".
    """
    parts, differs, basis, unit = _parts(claim, ledger, evidence)
    entry: dict[str, Any] = {
        "id": claim.id,
        "statement": claim.statement,
        "source": claim.source,
        "refuted_by": claim.refuted_by,
        "test": rule_text(claim),
        "remark": claim.remark,
        "decided_by": claim.decided_by,
        "protocol": claim.protocol if isinstance(claim, RunClaim) else None,
        "basis": basis,
        "unit": unit,
    }
    result = combine(parts)
    if not differs:
        return {**entry, **result, "elsewhere": None}
    if all(part.verdict == NOT_RUN for part in parts):
        ran = isinstance(claim, RunClaim) and evidence.ran(claim, ledger.tasks_of(claim))
        reason = f"{result['reason']}; {first(differs)}" if ran else result["reason"]
        return {**entry, **result, "reason": reason, "elsewhere": None}
    blank = dict.fromkeys(("measured", "ci", "needed", "binding"))
    undecided = {
        "published": result["published"],
        **blank,
        "verdict": NOT_RUN,
        "reason": f"here only with {first(differs)}",
        "parts": [],
    }
    if _against_other_data(claim, evidence, ledger):
        return {**entry, **undecided, "elsewhere": None}
    return {**entry, **undecided, "elsewhere": {"differs": differs, **result}}


def _parts(
    claim: Claim, ledger: Ledger, evidence: Evidence
) -> tuple[list[Part], list[str], str, str]:
    """Return the parts, the departures, what the verdict rests on, and the unit of its sample."""
    if isinstance(claim, RunClaim):
        wanted = ledger.tasks_of(claim)
        places = {task: counterpart(task, evidence.suite) for task in wanted}
        found = run_parts.parts(claim, ledger, places, evidence)
        there = {task: place for task, place in places.items() if place}
        protocol = ledger.protocols[claim.protocol]
        differs = evidence.departures(claim, there, protocol)
        return found, differs, f"runs of the suite {evidence.suite.suite}", "seeds"
    if isinstance(claim, DataClaim):
        found, differs = exact.of_data(claim, ledger, evidence)
        return found, differs, f"dataset cards of the suite {evidence.suite.suite}", ""
    if isinstance(claim, IdeaClaim):
        return exact.of_idea(claim), [], f"{IDEA_RESULTS / claim.idea}.json, solved exactly", ""
    if isinstance(claim, CostClaim):
        found, differs = exact.of_cost(claim, evidence.catalogue)
        return found, differs, str(BENCHMARK), "rounds"
    if isinstance(claim, SettingClaim):
        return exact.of_settings(claim, evidence.catalogue), [], str(METHODS), ""
    assert isinstance(claim, TableClaim)
    return exact.of_tables(claim, ledger), [], str(TABLE1), ""


def _against_other_data(claim: Claim, evidence: Evidence, ledger: Ledger) -> bool:
    """Return whether the claim compares with a published score, which belongs to its own data."""
    if not isinstance(claim, RunClaim):
        return False
    of_published = isinstance(claim.test.of, str) or claim.quantity == "replicated"
    return of_published and any(
        counterpart(task, evidence.suite) != task for task in ledger.tasks_of(claim)
    )

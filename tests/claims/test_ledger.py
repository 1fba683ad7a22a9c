"""The ledger: complete, well-formed, and held against the paper's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.claims import CATALOGUE, PAPER

from bench.claims import reported
from bench.claims.ledger import CLAIMS, RunClaim, read
from bench.claims.run_parts import combinations
from bench.claims.words import labelled, rule_text
from bench.errors import BenchError

LEDGER = read(CATALOGUE)
OF_RUNS = [claim for claim in LEDGER.claims if isinstance(claim, RunClaim)]


@pytest.mark.parametrize("claim", OF_RUNS, ids=lambda claim: claim.id)
def test_every_claim_holds_of_the_papers_own_numbers_or_says_that_it_does_not(
    claim: RunClaim,
) -> None:
    """A wrong sign, factor, margin or method in the ledger would show here."""
    parts = combinations(claim, LEDGER)
    values = [reported.value(claim, *part) for part in parts]
    low, high = claim.test.ends()
    if isinstance(claim.test.of, str):  # the published number is its own centre
        assert None not in values
        return
    holds = [low < value < high for value in values if value is not None]
    if claim.contradicted:
        assert holds == [False]
        assert "contradict" in claim.remark
    else:
        assert all(holds)


def test_totals_of_table_2_are_those_of_its_rows() -> None:
    changes = next(c for c in OF_RUNS if c.id == "fine-tuning-improves")
    values = [reported.value(changes, *part) for part in combinations(changes, LEDGER)]
    assert sum(v for v in values if v is not None) == pytest.approx(473.7 - 370.1)
    best = next(c for c in OF_RUNS if c.id == "fine-tuning-best")
    cql, awac = (reported.value(best, *part) for part in combinations(best, LEDGER))
    assert (cql, awac) == (pytest.approx(473.7 - 231.1), pytest.approx(473.7 - 108.3))


def test_the_counts_of_replicated_tasks_are_those_that_chance_leaves() -> None:
    found = {c.id: c for c in OF_RUNS if c.quantity == "replicated"}
    for claim in found.values():
        tasks = LEDGER.tasks_of(claim)
        assert claim.test.above == reported.least_replicated(len(tasks)) - 1
    # Binomial(6, 0.95): P(K <= 3) = 0.0022 and P(K <= 4) = 0.0328.
    assert reported.least_replicated(6) == 4
    assert reported.least_replicated(9) == 7


def test_every_claim_says_what_would_refute_it() -> None:
    assert all(claim.refuted_by and claim.source for claim in LEDGER.claims)
    # What the tutorials and the paper say, in the ledger:
    assert {claim.id for claim in LEDGER.claims} >= {
        *("antmaze-two-to-three-times-cql", "temperature-three-everywhere"),
        *("expectile-antmaze-best", "expectile-locomotion-best", "expectile-largest-unstable"),
        *("expectile-tends-to-maximum", "expectile-half-is-mean", "weights-solve-kl-problem"),
        *("stitching-bc-onestep-fail", "stitching-awr-fails", "stitching-td3-bc-less"),
        *("no-trajectory-solves-the-maze", "from-scratch-never-90", "fine-tuning-90-in-250k"),
        *("cql-start-gains-slower", "cql-start-more-regret", "cql-start-more-steps"),
        *("iql-starts-sac", "iql-starts-ppo", "fine-tuning-without-unlearning"),
    }


def test_the_tests_in_words() -> None:
    texts = {claim.id: labelled(rule_text(claim), CATALOGUE) for claim in LEDGER.claims}
    assert texts["antmaze-large-twice-cql"] == "IQL − 2 × CQL > 0"
    assert texts["locomotion-total-equal"] == "IQL within ±45 of the paper’s score"
    assert texts["cost-quarter-of-cql"] == "an update of IQL / CQL within a factor of 2 of 0.25"
    assert texts["fine-tuning-90-in-250k"] == "IQL, at online step 250,000, > 90"
    assert texts["expectile-largest-unstable"] == "IQL − IQL, expectile 0.99 > 0"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"methods": ["iqll"]}, "antmaze-best: unknown method 'iqll'; did you mean 'iql'?"),
        ({"tasks": ["lorge"]}, "unknown task or group 'lorge'; did you mean 'large'?"),
        ({"test": {"above": 0, "below": 1}}, "give one of above, below and within"),
        ({"test": {"within": 1}}, "'within' and 'of' go together"),
        ({"quantity": "reached"}, "reached needs a number of environment steps"),
        ({"quantity": "score", "by": 5}, "has no meaning for score"),
        ({"quantity": "improvement", "against": []}, "name the others"),
        ({"quantity": "online", "test": {"within": 1, "of": "paper"}}, "give a number"),
        ({"quantity": "peak", "by": 50_000}, "can only show that none is higher; use below"),
        ({"quantity": "online", "factor": 2}, "multiplies scores only"),
        ({"quantity": "replicated"}, "remove against and each_task"),
        ({"marign": 3}, "unknown key 'marign'"),
        ({"decided_by": "oracle"}, "unknown kind 'oracle'"),
        ({"methods": ["awr"]}, "paper does not train awr"),
        ({"tasks": ["antmaze-umaze-v2"]}, "paper does not train on antmaze-umaze-v2"),
        ({"quantity": "change"}, "paper has no online phase of iql"),
        (
            {
                "quantity": "reached",
                "by": 120_000,
                "protocol": "paper-finetune",
                "against": ["cql"],
            },
            "does not evaluate iql at step 120,000; make `by` a multiple of online.every, 50,000",
        ),
    ],
)
def test_a_wrong_ledger_is_refused(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    content = yaml.safe_load(CLAIMS.read_text())
    content["claims"] = [content["claims"][0] | change]
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError) as caught:
        read(CATALOGUE, path)
    assert expected in str(caught.value)
    assert "claims.yaml" in str(caught.value)


def test_a_claim_given_twice_is_refused(tmp_path: Path) -> None:
    content = yaml.safe_load(CLAIMS.read_text())
    content["claims"] = content["claims"][:1] * 2
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError, match="claim 'antmaze-best' is given twice"):
        read(CATALOGUE, path)


def test_the_workflow_decides_again_when_a_protocol_changes() -> None:
    rule = Path("workflow/rules/report.smk").read_text()
    assert all(f'"{name}.yaml"' in rule for name in LEDGER.protocols)


def test_protocols_have_ten_seeds() -> None:
    assert {len(suite.seeds) for suite in LEDGER.protocols.values()} == {10}
    assert LEDGER.protocols["paper"] == PAPER

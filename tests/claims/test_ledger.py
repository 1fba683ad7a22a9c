"""Claims: the ledger against the paper's own numbers, each kind of test by hand, who may decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.claims import CATALOGUE, LARGE, LOCAL, PAPER, assess, mazes, run, values
from scipy import stats

from bench.claims import verdicts
from bench.claims.ledger import CLAIMS, read, rule_text
from bench.config.types import Override
from bench.errors import BenchError

PLAY, DIVERSE = LARGE
LEDGER = read(CATALOGUE)


# --- the ledger -------------------------------------------------------------------------


@pytest.mark.parametrize("claim", LEDGER.claims, ids=lambda claim: claim.id)
def test_every_claim_holds_of_the_papers_own_numbers_or_says_that_it_does_not(claim: Any) -> None:
    """A wrong sign, factor, margin or method in the ledger would show here."""
    wanted = LEDGER.tasks_of(claim)
    units = [(task,) for task in wanted] if claim.each_task else [wanted]
    rule, holds = claim.test, []
    for method in claim.methods:
        for rival in claim.against or (None,):
            for tasks in units:
                value = verdicts.published_value(claim, method, rival, tasks, CATALOGUE)
                if value is None:
                    assert claim.quantity == "improvement"
                    continue
                if rule.above is not None:
                    holds.append(value > rule.above)
                elif rule.below is not None:
                    holds.append(value < rule.below)
                elif isinstance(rule.of, float):
                    off = value / rule.of if claim.quantity == "cost" else abs(value - rule.of)
                    holds.append(1 / rule.within <= off <= rule.within or off < rule.within)
    if claim.contradicted:
        assert holds == [False]
        assert "contradict" in claim.remark
    else:
        assert all(holds)


def test_the_published_changes_are_those_of_table_2() -> None:
    iql = next(c for c in LEDGER.claims if c.id == "fine-tuning-improves").published
    assert sum(iql.values()) == pytest.approx(473.7 - 370.1)  # the table's totals
    best = next(c for c in LEDGER.claims if c.id == "fine-tuning-best").published
    assert best == pytest.approx({"cql": 473.7 - 231.1, "awac": 473.7 - 108.3})


def test_the_tests_in_words() -> None:
    labels = {m: entry.label for m, entry in CATALOGUE.methods.items()}
    texts = {claim.id: rule_text(claim, labels) for claim in LEDGER.claims}
    assert texts["antmaze-large-twice-cql"] == "IQL − 2 × CQL > 0"
    assert texts["locomotion-total-equal"] == "IQL within ±45 of the paper’s score"
    assert texts["cost-quarter-of-cql"] == "an update of IQL / CQL within a factor of 2 of 0.25"
    assert texts["fine-tuning-90-in-250k"] == "IQL, best of 250,000 steps, > 90"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"methods": ["iqll"]}, "antmaze-best: unknown method 'iqll'; did you mean 'iql'?"),
        ({"tasks": ["lorge"]}, "unknown task or group 'lorge'; did you mean 'large'?"),
        ({"test": {"above": 0, "below": 1}}, "give one of above, below and within"),
        ({"test": {"within": 1}}, "'within' and 'of' go together"),
        ({"quantity": "reached"}, "'reached'; give both or neither"),
        ({"quantity": "improvement", "against": []}, "name the others"),
        ({"quantity": "cost"}, "required for every quantity but cost"),
        ({"quantity": "online", "test": {"within": 1, "of": "paper"}}, "give a number"),
        ({"marign": 3}, "unknown key 'marign'"),
    ],
)
def test_a_wrong_ledger_is_refused(tmp_path: Path, change: dict[str, Any], expected: str) -> None:
    content = yaml.safe_load(CLAIMS.read_text())
    content["claims"][0] |= change
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(BenchError) as caught:
        read(CATALOGUE, path)
    assert expected in str(caught.value)
    assert "claims.yaml" in str(caught.value)


# --- verdicts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iql", "cql", "expected"),
    [(45.0, 15.0, "reproduced"), (20.0, 15.0, "not reproduced"), (31.0, 15.0, "inconclusive")],
)
def test_twice_the_other_by_hand(iql: float, cql: float, expected: str) -> None:
    """Each mean has variance 25 / 10: the error of the contrast is sqrt(2 x 2.5 + 2 x 4 x 2.5)."""
    found = assess(cells=mazes(iql, cql), factor=2)
    assert found["verdict"] == expected
    assert found["measured"] == pytest.approx(2 * (iql - 2 * cql))
    parts = np.array([2.5, 2.5, 10, 10])
    freedom = parts.sum() ** 2 / (parts**2 / 9).sum()
    half = stats.t.ppf(0.975, freedom) * 5
    assert found["ci"] == pytest.approx([found["measured"] - half, found["measured"] + half])
    assert found["published"] == pytest.approx(39.6 + 47.5 - 2 * (15.8 + 14.9))
    assert (found["needed"] is not None) == (expected == "inconclusive")


def test_all_rivals_must_be_beaten_and_one_refutes() -> None:
    cells = mazes(40, 15) | {(t, "dt"): values(60, 5) for t in LARGE}
    found = assess(cells=cells, against=["cql", "dt"])
    assert [p["verdict"] for p in found["parts"]] == ["reproduced", "not reproduced"]
    assert (found["verdict"], found["measured"]) == ("not reproduced", pytest.approx(-40))
    assert assess(cells=cells, against=["cql", "bc"])["verdict"] == "not run"
    assert assess(cells=cells, against=["dt", "bc"])["verdict"] == "not reproduced"


def test_equal_to_the_paper_counts_the_papers_own_spread() -> None:
    # On large-play the paper has 39.6, deviation 5.8 over ten seeds.
    tasks = {"tasks": [PLAY], "against": []}
    cells = {(PLAY, "iql"): values(42.0, 6.0)}
    found = assess(cells=cells, test={"within": 8, "of": "paper"}, **tasks)
    error = np.sqrt(0.1 * (36 + 5.8**2))
    freedom = 81 * error**4 / (9 * 0.01 * (36**2 + 5.8**4))
    reach = 2.4 + stats.t.ppf(0.95, freedom) * error
    assert reach == pytest.approx(6.98, abs=0.01)
    assert (found["verdict"], found["measured"], found["published"]) == ("reproduced", 42.0, 39.6)
    verdict = assess(cells=cells, test={"within": 6.9, "of": "paper"}, **tasks)["verdict"]
    assert verdict == "inconclusive"
    cells = {(PLAY, "iql"): values(60.0, 6.0)}
    found = assess(cells=cells, test={"within": 8, "of": "paper"}, **tasks)
    assert found["verdict"] == "not reproduced"


def test_fine_tuning_is_paired_and_not_run_without_an_online_phase() -> None:
    claim = {"tasks": [PLAY], "against": [], "quantity": "change"}
    before = {(PLAY, "iql"): values(40.0, 30.0)}
    assert assess(cells=before, **claim)["verdict"] == "not run"
    after = {(PLAY, "iql"): {0: before[PLAY, "iql"], 1_000_000: before[PLAY, "iql"] + values(5)}}
    found = assess(cells=before, online=after, **claim)
    assert (found["verdict"], found["measured"]) == ("reproduced", pytest.approx(5))
    assert found["ci"][0] == pytest.approx(5 - stats.t.ppf(0.975, 9) * 1 / np.sqrt(10))


def test_a_score_that_was_to_be_reached_early() -> None:
    claim = {"tasks": [PLAY], "against": [], "quantity": "reached", "by": 250_000}
    steps = {200_000: values(95), 250_000: values(50), 300_000: values(99), 1_000_000: values(99)}
    cells = {(PLAY, "iql"): values(40)}
    found = assess(cells=cells, online={(PLAY, "iql"): steps}, test={"above": 90}, **claim)
    assert (found["verdict"], found["measured"]) == ("reproduced", pytest.approx(95))
    found = assess(cells=cells, online={(PLAY, "iql"): steps}, test={"above": 97}, **claim)
    assert found["verdict"] == "not reproduced"


def test_cost_is_a_ratio_of_jobs_on_the_same_task() -> None:
    rates = {"a": (100, 10), "b": (100, 20), "c": (50, 8)}
    runs = [run(m, t, r[i]) for t, r in rates.items() for i, m in enumerate(("iql", "cql"))]
    runs += [run("cql", "d", 1)]  # no IQL there
    claim = {"tasks": [], "quantity": "cost", "test": {"below": 1}}
    found = assess(runs=runs, **claim)
    logs = np.log([0.1, 0.2, 0.16])
    half = stats.t.ppf(0.975, 2) * logs.std(ddof=1) / np.sqrt(3)
    assert found["measured"] == pytest.approx(np.exp(logs.mean()))
    assert found["ci"] == pytest.approx(np.exp([logs.mean() - half, logs.mean() + half]))
    assert (found["verdict"], found["published"]) == ("reproduced", 0.25)
    assert assess(runs=runs[:4], **claim)["reason"] == "fewer than 3 jobs"


@pytest.mark.parametrize(
    ("cql", "seeds", "expected"),
    [(15.0, 10, "reproduced"), (70.0, 10, "not reproduced"), (38.0, 10, "inconclusive")],
)
def test_probability_of_improvement(cql: float, seeds: int, expected: str) -> None:
    claim = {"quantity": "improvement", "test": {"above": 0.5}}
    found = assess(cells=mazes(40, cql, seeds=seeds), **claim)
    assert found["verdict"] == expected
    few = assess(cells=mazes(40, cql, seeds=4), **claim)
    assert (few["verdict"], few["reason"]) == ("inconclusive", "fewer than 5 seeds")


def test_two_seeds_decide_nothing() -> None:
    found = assess(cells=mazes(90, 1, seeds=2))
    assert (found["verdict"], found["reason"]) == ("inconclusive", "fewer than 3 seeds")


# --- who may decide ---------------------------------------------------------------------

NARROW = Override(config={"hidden": [64, 64]}, reason="a test")


def test_regenerated_data_decide_no_claim() -> None:
    cells = {(t.removesuffix("-v0"), m): v for (t, m), v in mazes(45, 15).items()}
    found = assess(LOCAL, cells=cells, factor=2)
    assert (found["verdict"], found["measured"], found["ci"]) == ("not run", None, None)
    assert found["elsewhere"]["verdict"] == "reproduced"
    assert found["elsewhere"]["differs"] == [
        "data regenerated locally, not D4RL’s",
        "100,000 updates, not 1,000,000",
    ]
    equal = {"against": [], "test": {"within": 50, "of": "paper"}}
    found = assess(LOCAL, cells=cells, **equal)
    assert (found["verdict"], found["elsewhere"]) == ("not run", None)
    assert "not D4RL" in found["reason"]


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ({"updates": 500_000}, "500,000 updates, not 1,000,000"),
        ({"overrides": (NARROW,)}, "settings that the suite overrides"),
    ],
)
def test_nor_do_other_settings(change: dict[str, Any], differs: str) -> None:
    suite = PAPER.model_copy(update=change)
    found = assess(suite, cells=mazes(45, 15))
    assert found["verdict"] == "not run"
    assert differs in found["elsewhere"]["differs"]


def test_v2_data_are_not_v0s() -> None:
    suite = CATALOGUE.read_suite(Path("config/extended.yaml"))
    cells = {(t.replace("v0", "v2"), m): v for (t, m), v in mazes(45, 15).items()}
    found = assess(suite, cells=cells)
    assert found["verdict"] == "not run"
    first = f"{PLAY.replace('v0', 'v2')} for {PLAY}, and likewise 1 more"
    assert first in found["elsewhere"]["differs"]
    other = assess(suite, cells=cells, against=[], test={"within": 50, "of": "paper"})
    assert (other["verdict"], other["elsewhere"]) == ("not run", None)


def test_an_override_of_another_method_changes_nothing() -> None:
    other = NARROW.model_copy(update={"methods": ("bc",)})
    suite = PAPER.model_copy(update={"overrides": (other,)})
    assert assess(suite, cells=mazes(45, 15))["verdict"] == "reproduced"


# --- the file ---------------------------------------------------------------------------


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text('[{"id": "x"}]')
    with pytest.raises(BenchError, match="the key 'published' is missing"):
        verdicts.read_entries(path)


def test_a_label_is_not_in_the_file_and_is_put_in_for_a_reader() -> None:
    """So that a new label decides nothing again. An unknown name, or a brace, stays as it is."""
    found = assess(cells=mazes(45, 15), factor=2)
    assert found["test"] == "{iql} − 2 × {cql} > 0"
    assert found["parts"][0]["part"].startswith("{iql} against {cql}")
    entry = verdicts.labelled({**found, "remark": "{gone} {"}, {"iql": "I", "cql": "C@1"})
    assert entry["test"] == "I − 2 × C@1 > 0"
    assert entry["parts"][0]["part"].startswith("I against C@1")
    assert (entry["remark"], entry["measured"]) == ("{gone} {", found["measured"])

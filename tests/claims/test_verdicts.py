"""Verdicts on made-up results that have the protocol: each kind of test by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from helpers.claims import (
    CATALOGUE,
    FINETUNE,
    LARGE,
    PAPER,
    assess,
    mazes,
    scattered,
    values,
)
from scipy import stats

from bench.claims import entries, reported
from bench.claims.part import Part, combine
from bench.claims.words import labelled
from bench.errors import BenchError
from bench.statistics.intervals import success_interval

PLAY, DIVERSE = LARGE


@pytest.mark.parametrize(
    ("iql", "cql", "expected"),
    [(45.0, 15.0, "reproduced"), (15.0, 15.0, "not reproduced"), (31.0, 15.0, "inconclusive")],
)
def test_twice_the_other_by_hand(iql: float, cql: float, expected: str) -> None:
    """The contrast is taken per seed, as seeds share goals and batches: nine degrees of freedom."""
    cells = mazes(iql, cql)
    found = assess(cells=cells, factor=2)
    assert found["verdict"] == expected
    per_seed = sum(cells[task, "iql"] - 2 * cells[task, "cql"] for task in LARGE)
    half = stats.t.ppf(0.975, 9) * per_seed.std(ddof=1) / np.sqrt(10)
    assert found["measured"] == pytest.approx(per_seed.mean())
    assert found["ci"] == pytest.approx([per_seed.mean() - half, per_seed.mean() + half])
    assert found["published"] == pytest.approx(39.6 + 47.5 - 2 * (15.8 + 14.9))
    assert (found["needed"] is not None) == (expected == "inconclusive")
    assert (found["basis"], found["elsewhere"]) == ("runs of the suite paper", None)


def test_all_rivals_must_be_beaten_and_one_refutes() -> None:
    cells = mazes(40, 15) | {(t, "dt"): scattered(60, at=9) for t in LARGE}
    found = assess(cells=cells, against=["cql", "dt"])
    assert [p["verdict"] for p in found["parts"]] == ["reproduced", "not reproduced"]
    assert (found["verdict"], found["measured"]) == ("not reproduced", pytest.approx(-40))
    assert assess(cells=cells, against=["cql", "bc"])["verdict"] == "not run"
    assert assess(cells=cells, against=["dt", "bc"])["verdict"] == "not reproduced"


def test_the_headline_is_the_part_that_binds() -> None:
    """BC is listed first and beaten by far; what the claim hangs on is CQL."""
    cells = mazes(60, 40) | {(t, "bc"): scattered(2, 1, at=8) for t in LARGE}
    found = assess(cells=cells, against=["bc", "cql"])
    assert found["verdict"] == "reproduced"
    assert found["binding"] == "{iql} against {cql}"
    assert found["measured"] == pytest.approx(40)


def test_binding_is_the_least_supported_of_the_parts_that_make_the_verdict() -> None:
    parts = [
        Part("a", "reproduced", support=0.1, measured=1.0),
        Part("b", "inconclusive", support=0.5, measured=2.0),
        Part("c", "inconclusive", support=-0.5, measured=3.0),
    ]
    found = combine(parts)
    assert (found["verdict"], found["binding"], found["measured"]) == ("inconclusive", "c", 3.0)


def test_equal_to_the_paper_counts_the_papers_own_spread() -> None:
    # On large-play the paper has 39.6, deviation 5.8 over ten seeds.
    one = {"tasks": [PLAY], "against": []}
    cells = {(PLAY, "iql"): values(42.0, 6.0)}
    error = np.sqrt(0.1 * (36 + 5.8**2))
    freedom = 81 * error**4 / (9 * 0.01 * (36**2 + 5.8**4))
    reach = 2.4 + stats.t.ppf(0.975, freedom) * error
    assert reach == pytest.approx(7.94, abs=0.01)

    def verdict(margin: float, mean: float = 42.0) -> Any:
        cells[PLAY, "iql"] = values(mean, 6.0)
        return assess(cells=cells, test={"within": margin, "of": "paper"}, **one)

    found = verdict(8)
    assert (found["verdict"], found["measured"], found["published"]) == ("reproduced", 42.0, 39.6)
    assert verdict(7.9)["verdict"] == "inconclusive"
    assert verdict(8, mean=60.0)["verdict"] == "not reproduced"


def test_one_success_rate_has_the_interval_of_its_episodes() -> None:
    """Nothing in 1,000 episodes of ten seeds is not zero: another seed could arrive."""
    never = {"methods": ["bc"], "against": [], "tasks": [PLAY]}
    cells = {(PLAY, "bc"): np.zeros(10)}
    found = assess(cells=cells, test={"below": 10}, **never)
    low, high = success_interval(np.zeros(10), 100)
    assert found["ci"] == pytest.approx([low, high])
    assert 7 < high < 8
    assert found["verdict"] == "reproduced"
    assert assess(cells=cells, test={"below": 5}, **never)["verdict"] == "inconclusive"


def test_a_replication_interval_is_that_of_further_seeds() -> None:
    low, high = reported.replication_interval(PLAY, "iql", 10)
    half = stats.t.ppf(0.975, 9) * 5.8 * np.sqrt(1 / 10 + 1 / 10)
    assert (low, high) == pytest.approx((39.6 - half, 39.6 + half))
    claim = {"against": [], "quantity": "replicated", "test": {"above": 1}}
    cells = {(PLAY, "iql"): values(40, 5), (DIVERSE, "iql"): values(50, 5)}
    found = assess(cells=cells, **claim)
    assert (found["verdict"], found["measured"], found["ci"]) == ("reproduced", 2, None)
    cells[DIVERSE, "iql"] = values(70, 5)
    found = assess(cells=cells, **claim)
    assert (found["verdict"], found["measured"]) == ("not reproduced", 1)
    assert f"outside: {DIVERSE} 70.0" in found["reason"]


def test_replication_intervals_cover_the_papers_own_seeds() -> None:
    """95% of the means of ten further seeds lie in the interval of ten seeds."""
    rng = np.random.default_rng(0)
    first, again = rng.standard_normal((2, 4000, 10))
    half = stats.t.ppf(0.975, 9) * first.std(axis=1, ddof=1) * np.sqrt(0.2)
    inside = np.abs(again.mean(axis=1) - first.mean(axis=1)) <= half
    assert inside.mean() == pytest.approx(0.95, abs=0.012)


# --- the online phase -------------------------------------------------------------------

ONE = {"tasks": [PLAY], "against": [], "protocol": "paper-finetune"}


def online(quantity: str, steps: dict[int, np.ndarray], before: Any, **claim: Any) -> Any:
    """The entry of a claim about IQL on one maze, from its evaluations online."""
    cells = {(PLAY, "iql"): before}
    given = {"cells": cells, "online": {(PLAY, "iql"): steps}}
    return assess(FINETUNE, quantity=quantity, **given, **(ONE | claim))


def test_change_is_paired_and_not_run_without_an_online_phase() -> None:
    before = scattered(40.0, 10.0)
    assert online("change", {}, before)["verdict"] == "not run"
    after = {1_000_000: before + scattered(5.0, 1.0, at=3)}
    found = online("change", after, before)
    assert (found["verdict"], found["measured"]) == ("reproduced", pytest.approx(5))
    assert found["ci"][0] == pytest.approx(5 - stats.t.ppf(0.975, 9) * 1 / np.sqrt(10))
    early = {50_000: before - scattered(8, 1, at=4), 1_000_000: before}
    found = online("change", early, before, by=50_000, test={"above": -10})
    assert (found["verdict"], found["measured"]) == ("reproduced", pytest.approx(-8))
    assert assess(cells={(PLAY, "iql"): before}, quantity="change", **ONE)["verdict"] == "not run"


def test_a_score_that_was_to_be_reached_is_that_of_its_step() -> None:
    """The best of many noisy evaluations would be 98 for a policy that succeeds 85 times."""
    points = {200_000: values(98), 250_000: values(85), 300_000: values(99)}
    claim = {"by": 250_000, "test": {"above": 90}}
    found = online("reached", points, scattered(40.0), **claim)
    assert (found["verdict"], found["measured"]) == ("inconclusive", pytest.approx(85))
    lower = points | {250_000: values(60)}
    assert online("reached", lower, scattered(40.0), **claim)["verdict"] == "not reproduced"
    unscored = {200_000: values(98), 300_000: values(99)}
    assert online("reached", unscored, scattered(40.0), **claim)["verdict"] == "not run"


def test_never_above_is_held_against_the_best_evaluation() -> None:
    claim = {"by": 100_000, "test": {"below": 50}}
    points = {50_000: values(70, 3), 100_000: values(10, 3)}
    found = online("peak", points, scattered(40.0), **claim)
    assert (found["verdict"], found["measured"]) == ("not reproduced", pytest.approx(70))
    early = {50_000: values(10, 3), 150_000: values(10, 3)}  # none at the step itself
    assert online("peak", early, scattered(40.0), **claim)["verdict"] == "not run"


def test_steps_to_success_are_cut_off_at_the_end() -> None:
    fast = np.array([90.0] * 5 + [100.0] * 5)
    cells = {(PLAY, m): scattered(40.0, at=i) for i, m in enumerate(("iql", "cql"))}
    late = {50_000: np.zeros(10), 1_000_000: np.zeros(10)}
    steps = {
        (PLAY, "iql"): {50_000: np.r_[fast[:8], 0, 0], 100_000: fast, 1_000_000: fast},
        (PLAY, "cql"): late,
    }
    claim = {"methods": ["cql"], "against": ["iql"], "quantity": "steps"}
    found = assess(FINETUNE, cells=cells, online=steps, **(ONE | claim))
    assert (found["verdict"], found["measured"]) == ("reproduced", 1_000_000 - 60_000)
    steps[PLAY, "iql"] = late
    found = assess(FINETUNE, cells=cells, online=steps, **(ONE | claim))
    assert (found["verdict"], found["reason"]) == ("inconclusive", "no spread between seeds")


def test_regret_is_the_share_of_failed_training_episodes() -> None:
    rates = {"iql": scattered(0.2, 0.05, at=1), "cql": scattered(0.6, 0.05, at=2)}
    rows = [
        (PLAY, method, seed, float(episode >= 1000 * rate))
        for method, each in rates.items()
        for seed, rate in enumerate(each)
        for episode in range(1000)
    ]
    episodes = pd.DataFrame(rows, columns=["task", "method", "seed", "return"])
    cells = {(PLAY, method): scattered(40.0, at=i) for i, method in enumerate(rates)}
    given = {cell: {1_000_000: values(50)} for cell in cells}
    claim = {"methods": ["cql"], "against": ["iql"], "quantity": "regret"}
    found = assess(FINETUNE, cells=cells, online=given, episodes=episodes, **(ONE | claim))
    assert found["verdict"] == "reproduced"
    assert found["measured"] == pytest.approx(40, abs=0.2)


# --- probability of improvement, seeds --------------------------------------------------


@pytest.mark.parametrize(
    ("cql", "expected"),
    [(15.0, "reproduced"), (70.0, "not reproduced"), (38.0, "inconclusive")],
)
def test_probability_of_improvement(cql: float, expected: str) -> None:
    found = assess(cells=mazes(40, cql), quantity="improvement", test={"above": 0.5})
    assert found["verdict"] == expected


def test_a_diverged_seed_is_a_failure_in_a_maze() -> None:
    def diverge(record: dict[str, Any]) -> None:
        if record["settings"]["method"] == "iql" and 0 in record["settings"]["seeds"]:
            record.update(status="diverged", diverged={"0": 5000})

    cells = mazes(45, 15)
    for task in LARGE:
        cells[task, "iql"][0] = np.nan  # a diverged seed has no last evaluation
    found = assess(cells=cells, change=diverge)
    counted = {t: np.nan_to_num(cells[t, "iql"]) - cells[t, "cql"] for t in LARGE}
    assert found["measured"] == pytest.approx(sum(v.mean() for v in counted.values()))
    assert "diverged seeds count as failures: 1 of {iql}" in found["reason"]
    assert found["parts"][0]["seeds"] == [10, 10, 10, 10]


def test_a_diverged_seed_leaves_an_unbounded_task_open() -> None:
    def diverge(record: dict[str, Any]) -> None:
        if record["settings"]["method"] == "bc" and 0 in record["settings"]["seeds"]:
            record.update(status="diverged", diverged={"0": 5000})

    task = "hopper-medium-v2"
    cells = {(task, "iql"): scattered(66, at=1), (task, "bc"): scattered(20, at=2)}
    cells[task, "bc"][0] = np.nan
    found = assess(cells=cells, change=diverge, tasks=[task], against=["bc"])
    assert (found["verdict"], found["measured"]) == ("inconclusive", None)
    assert found["reason"] == "1 seeds of {bc} on hopper-medium-v2 diverged"


# --- the file ---------------------------------------------------------------------------


def test_no_entry_has_a_number_that_json_lacks() -> None:
    cells = mazes(40, 40)
    for cell in cells:
        cells[cell] = np.full(10, 40.0)
    found = assess(cells=cells)
    json.dumps(found, allow_nan=False)
    found = assess(cells=mazes(31, 15), factor=2)
    json.dumps(found, allow_nan=False)


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text('[{"id": "x"}]')
    with pytest.raises(BenchError, match="the key 'statement' is missing"):
        entries.read_entries(path)


def test_a_label_is_not_in_the_file_and_is_put_in_for_a_reader() -> None:
    """So that a new label decides nothing again. An unknown name, or a brace, stays as it is."""
    found = assess(cells=mazes(45, 15), factor=2)
    assert found["test"] == "{iql} − 2 × {cql} > 0"
    entry = labelled({**found, "remark": "{gone} {"}, CATALOGUE)
    assert entry["test"] == "IQL − 2 × CQL > 0"
    assert entry["parts"][0]["part"].startswith("IQL against CQL")
    assert (entry["remark"], entry["measured"]) == ("{gone} {", found["measured"])
    assert PAPER.suite in entry["basis"]

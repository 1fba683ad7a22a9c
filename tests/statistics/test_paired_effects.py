"""Paired effects: scores made by hand, what the table and the report say, the command."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
import yaml
from helpers.projects import MINIMAL, suite_of, write_project
from helpers.suite_results import (
    TASKS,
    UPDATES,
    catalogue,
    make_suite,
)
from hypothesis import given
from hypothesis import strategies as st

from bench.cli import main
from bench.config.types import Override, Suite
from bench.errors import BenchError
from bench.publishing import verification
from bench.statistics.frames import read_csv, write_csv
from bench.statistics.paired_effects import EFFECT_COLUMNS, paired_effects
from bench.statistics.scores import SCORE_COLUMNS

A, B = TASKS[:2]
ROWS = catalogue().tasks


def suite(methods: tuple[str, ...] = ("iql", "bc"), tasks: tuple[str, ...] = (A,)) -> Suite:
    return make_suite(tasks, methods, seeds=3).model_copy(update={"baseline": "iql"})


def frame(
    scores: Mapping[tuple[str, str], Mapping[int, float]], step: int = UPDATES
) -> pd.DataFrame:
    """scores.csv with one evaluation a seed; `scores` maps (task, method) to score by seed."""
    rows = [
        ("fixture", task, method, seed, "offline", step, 10 * score, 1.0, score, 4)
        for (task, method), by_seed in scores.items()
        for seed, score in by_seed.items()
    ]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


IQL = {(A, "iql"): {0: 10.0, 1: 20.0, 2: 60.0}}


# --- the numbers ----------------------------------------------------------------------


def test_an_effect_is_the_mean_difference_of_equal_seeds() -> None:
    scores = frame(IQL | {(A, "bc"): {2: 63.0, 0: 12.0, 1: 21.0}})
    (row,) = paired_effects(scores, suite(), ROWS).to_dict("records")
    assert (row["task"], row["method"], row["pairs"]) == (A, "bc", 3)
    assert (row["baseline_mean"], row["mean"]) == (30.0, 32.0)
    # Differences 2, 1, 3: deviation 1, t(0.975, 2) = 4.3027, half width 4.3027 / sqrt(3).
    assert row["effect"] == pytest.approx(2.0)
    assert row["std"] == pytest.approx(1.0)
    assert row["ci_low"] == pytest.approx(2 - 2.4842, abs=1e-3)
    assert row["ci_high"] == pytest.approx(2 + 2.4842, abs=1e-3)
    assert row["p"] == row["p_holm"] == pytest.approx(0.0742, abs=1e-4)  # t = 3.464


def test_p_values_are_corrected_over_the_methods_of_a_task() -> None:
    others = {(A, "bc"): {2: 63.0, 0: 12.0, 1: 21.0}, (A, "cql"): {0: 11.0, 1: 21.0, 2: 61.5}}
    elsewhere = {(B, "iql"): {0: 1.0, 1: 2.0, 2: 4.0}, (B, "bc"): {0: 3.0, 1: 4.0, 2: 7.0}}
    three = suite(("iql", "bc", "cql"), (A, B))
    rows = paired_effects(frame(IQL | others | elsewhere), three, ROWS).to_dict("records")
    assert [(row["task"], row["method"]) for row in rows] == [(A, "bc"), (A, "cql"), (B, "bc")]
    first, second, alone = rows
    assert second["p_holm"] == pytest.approx(2 * second["p"])  # the smaller of two
    assert first["p_holm"] == pytest.approx(first["p"])
    assert alone["p_holm"] == pytest.approx(alone["p"])


def test_a_seed_without_its_pair_is_left_out() -> None:
    scores = frame(IQL | {(A, "bc"): {1: 21.0, 2: 64.0, 7: 90.0}})
    (row,) = paired_effects(scores, suite(), ROWS).to_dict("records")
    assert row["pairs"] == 2
    assert (row["baseline_mean"], row["mean"], row["effect"]) == (40.0, 42.5, 2.5)
    assert pd.isna(row["ci_low"])
    assert pd.isna(row["ci_high"])


def test_a_task_without_pairs_has_no_row() -> None:
    for other in ({}, {(A, "bc"): {7: 1.0}}, {(B, "bc"): {0: 1.0}}):
        found = paired_effects(frame(IQL | other), suite(tasks=(A, B)), ROWS)
        assert found.empty
        assert list(found) == EFFECT_COLUMNS


def test_equal_scores_have_an_effect_of_exactly_zero() -> None:
    scores = frame(IQL | {(A, "bc"): IQL[A, "iql"]})
    (row,) = paired_effects(scores, suite(), ROWS).to_dict("records")
    assert [row[key] for key in ("effect", "std", "p")] == [0.0, 0.0, 1.0]
    assert pd.isna(row["ci_low"])  # no spread is no evidence of a small error


def test_only_the_last_evaluation_of_each_method_counts() -> None:
    """Also where an override gives a method another length."""
    short = Override(methods=("bc",), updates=UPDATES // 2, reason="a test")
    shorter = suite().model_copy(update={"overrides": (short,)})
    early = {(A, "iql"): dict.fromkeys(range(3), 99.0)}
    ours = frame({(A, "bc"): {0: 11.0, 1: 21.0, 2: 61.0}}, step=UPDATES // 2)
    scores = pd.concat([frame(IQL), frame(early, step=UPDATES // 2), ours])
    (row,) = paired_effects(scores, shorter, ROWS).to_dict("records")
    assert row["effect"] == pytest.approx(1.0)
    assert paired_effects(scores, suite(), ROWS).empty
    online = scores.assign(phase="online")
    assert paired_effects(online, shorter, ROWS).empty


VALUES = st.lists(st.floats(-100, 200), min_size=3, max_size=8)


@given(VALUES, st.floats(-50, 50), st.integers(0, 9))
def test_what_both_share_cancels(values: list[float], shift: float, order: int) -> None:
    """However far the seeds lie apart; and the order of the rows does not matter."""
    base = dict(enumerate(values))
    scores = frame({(A, "iql"): base, (A, "bc"): {s: v + shift for s, v in base.items()}})
    shuffled = scores.sample(frac=1, random_state=order)
    first, second = (
        paired_effects(f, suite(), ROWS).to_dict("records")[0] for f in (scores, shuffled)
    )
    assert first["effect"] == pytest.approx(shift, abs=1e-5)
    assert first["std"] == pytest.approx(0, abs=1e-5)
    assert str(first) == str(second)  # as text, because NaN is not equal to itself


# --- the command ---------------------------------------------------------------------


def test_the_baseline_is_one_of_the_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert suite_of(baseline="bc").baseline == "bc"
    with pytest.raises(BenchError, match="baseline: td3_bc is not one of the methods"):
        suite_of(baseline="td3_bc")


@pytest.fixture
def gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in which a suite's scores are gathered; `bench effects` is to be run."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = {"iql": {0: 1.0, 1: 2.0, 2: 3.0}, "bc": {0: 3.0, 1: 4.0, 2: 5.5}}
    scores = {("hopper-medium", method): by_seed for method, by_seed in made.items()}
    Path("results/tiny").mkdir(parents=True)
    write_csv(frame(scores, step=MINIMAL["updates"]), Path("results/tiny/scores.csv"))
    Path("tiny.yaml").write_text(yaml.safe_dump(MINIMAL | {"baseline": "iql"}))
    monkeypatch.setattr(sys, "argv", ["bench", "effects", "--configfile", "tiny.yaml"])
    # There are no episodes from which these scores could be derived.
    monkeypatch.setattr(verification, "check_scores", lambda *_: None)


@pytest.mark.usefixtures("gathered")
def test_the_command_writes_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    main.main()
    assert "hopper-medium" in capsys.readouterr().out
    written = read_csv(Path("results/tiny/effects.csv"), EFFECT_COLUMNS)
    assert written["effect"].tolist() == [pytest.approx(13 / 6, abs=1e-6)]


@pytest.mark.usefixtures("gathered")
def test_the_command_asks_for_a_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.yaml").write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(SystemExit):
        main.main()
    assert "tiny.yaml: the key 'baseline' is missing" in capsys.readouterr().err

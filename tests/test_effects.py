"""Paired effects: scores made by hand, what the table and the report say, the command."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
import yaml
from fixture_results import (
    LABELS,
    MAZES,
    TASKS,
    UPDATES,
    catalogue,
    make_suite,
    source_hash,
    write_card,
    write_results,
)
from fixture_suite import MINIMAL, suite_of, write_project
from hypothesis import given
from hypothesis import strategies as st

from bench import cli, effects, report, stats, table
from bench.errors import BenchError
from bench.suite import Override, Suite

A, B, MAZE = TASKS[0], TASKS[1], MAZES[5]


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
    return pd.DataFrame(rows, columns=stats.SCORE_COLUMNS)


IQL = {(A, "iql"): {0: 10.0, 1: 20.0, 2: 60.0}}


# --- the numbers ----------------------------------------------------------------------


def test_an_effect_is_the_mean_difference_of_equal_seeds() -> None:
    scores = frame(IQL | {(A, "bc"): {2: 63.0, 0: 12.0, 1: 21.0}})
    (row,) = effects.paired_effects(scores, suite()).to_dict("records")
    assert (row["task"], row["method"], row["pairs"]) == (A, "bc", 3)
    assert (row["baseline_mean"], row["mean"]) == (30.0, 32.0)
    # Differences 2, 1, 3: deviation 1, t(0.975, 2) = 4.3027, half width 4.3027 / sqrt(3).
    assert row["effect"] == pytest.approx(2.0)
    assert row["std"] == pytest.approx(1.0)
    assert row["ci_low"] == pytest.approx(2 - 2.4842, abs=1e-3)
    assert row["ci_high"] == pytest.approx(2 + 2.4842, abs=1e-3)


def test_a_seed_without_its_pair_is_left_out() -> None:
    scores = frame(IQL | {(A, "bc"): {1: 21.0, 2: 64.0, 7: 90.0}})
    (row,) = effects.paired_effects(scores, suite()).to_dict("records")
    assert row["pairs"] == 2
    assert (row["baseline_mean"], row["mean"], row["effect"]) == (40.0, 42.5, 2.5)
    assert pd.isna(row["ci_low"])
    assert pd.isna(row["ci_high"])


def test_a_task_without_pairs_has_no_row() -> None:
    for other in ({}, {(A, "bc"): {7: 1.0}}, {(B, "bc"): {0: 1.0}}):
        found = effects.paired_effects(frame(IQL | other), suite(tasks=(A, B)))
        assert found.empty
        assert list(found) == effects.EFFECT_COLUMNS


def test_equal_scores_have_an_effect_of_exactly_zero() -> None:
    scores = frame(IQL | {(A, "bc"): IQL[A, "iql"]})
    (row,) = effects.paired_effects(scores, suite()).to_dict("records")
    assert [row[key] for key in ("effect", "std", "ci_low", "ci_high")] == [0.0] * 4


def test_only_the_last_evaluation_of_each_method_counts() -> None:
    """Also where an override gives a method another length."""
    short = Override(methods=("bc",), updates=UPDATES // 2, reason="a test")
    shorter = suite().model_copy(update={"overrides": (short,)})
    early = {(A, "iql"): dict.fromkeys(range(3), 99.0)}
    ours = frame({(A, "bc"): {0: 11.0, 1: 21.0, 2: 61.0}}, step=UPDATES // 2)
    scores = pd.concat([frame(IQL), frame(early, step=UPDATES // 2), ours])
    (row,) = effects.paired_effects(scores, shorter).to_dict("records")
    assert row["effect"] == pytest.approx(1.0)
    assert effects.paired_effects(scores, suite()).empty
    online = scores.assign(phase="online")
    assert effects.paired_effects(online, shorter).empty


VALUES = st.lists(st.floats(-100, 200), min_size=3, max_size=8)


@given(VALUES, st.floats(-50, 50), st.integers(0, 9))
def test_what_both_share_cancels(values: list[float], shift: float, order: int) -> None:
    """However far the seeds lie apart; and the order of the rows does not matter."""
    base = dict(enumerate(values))
    scores = frame({(A, "iql"): base, (A, "bc"): {s: v + shift for s, v in base.items()}})
    shuffled = scores.sample(frac=1, random_state=order)
    first, second = (
        effects.paired_effects(f, suite()).to_dict("records")[0] for f in (scores, shuffled)
    )
    assert first["effect"] == pytest.approx(shift, abs=1e-5)
    assert first["std"] == pytest.approx(0, abs=1e-5)
    assert first == second


# --- the table ------------------------------------------------------------------------


def test_a_cell_has_sign_interval_and_mark(tmp_path: Path) -> None:
    many = suite(("iql", "bc", "cql", "dt", "awac"), (A, B))
    rows = [
        (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5),
        (B, "bc", 3, 30.0, 26.0, -4.0, 1.0, -6.5, -1.5),
        (A, "cql", 2, 30.0, 31.0, 1.0, 1.0, float("nan"), float("nan")),
        (B, "cql", 3, 30.0, 30.0, 0.01, 1.0, -1.0, 1.0),
        (A, "dt", 3, 0.0, 100.0, 100.0, 0.0, 100.0, 100.0),
        (B, "dt", 3, 0.0, 0.0, -0.01, 0.0, 0.0, 0.0),
    ]
    made = effects.effects_table(
        pd.DataFrame(rows, columns=effects.EFFECT_COLUMNS), many, catalogue(), tmp_path, [(B, "dt")]
    )
    assert made.header == ("method", A, B)
    assert made.rows == (
        (
            table.Cell("BC"),
            table.Cell("+3.0", ("[0.5, 5.5]",), "changed"),
            table.Cell("−4.0", ("[−6.5, −1.5]",), "changed"),
        ),
        (
            table.Cell("CQL"),
            table.Cell("+1.0", ("n/a", "2 of 3 seeds")),
            table.Cell("0.0", ("[−1.0, 1.0]",)),
        ),
        (
            table.Cell("DT"),
            table.Cell("+100.0", ("[100.0, 100.0]",), "changed"),
            table.Cell("0.0", ("[0.0, 0.0]", "stale")),
        ),
        (table.Cell("AWAC"), table.Cell("not run"), table.Cell("not run")),
    )
    written = list(csv.reader((tmp_path / "effects.csv").open()))
    assert written[1] == ["BC", "+3.0 [0.5, 5.5] (changed)", "-4.0 [-6.5, -1.5] (changed)"]


def test_a_stale_baseline_makes_every_effect_of_the_task_stale(tmp_path: Path) -> None:
    row = (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5)
    made = effects.effects_table(
        pd.DataFrame([row], columns=effects.EFFECT_COLUMNS), suite(), catalogue(), tmp_path,
        stale=[(A, "iql")],
    )  # fmt: skip
    assert made.rows[0][1].notes == ("[0.5, 5.5]", "stale")


def test_the_baseline_under_another_name_is_said(tmp_path: Path) -> None:
    """A variant that sets something on one family is the baseline itself on the other."""
    cat = catalogue()
    families = cat.methods["iql"].families
    raw = families["locomotion"].model_copy(update={"rewards": "raw"})
    entry = cat.methods["iql"].model_copy(update={"families": families | {"locomotion": raw}})
    cat.methods["iql_raw_rewards"] = entry
    cat.schemas = {"iql_raw_rewards": cat.schemas["iql"], **cat.schemas}
    overrides = (Override(config={"hidden": [8]}, reason="of all methods"),)
    pair = suite(("iql", "iql_raw_rewards"), (A, MAZE)).model_copy(update={"overrides": overrides})
    rows = [(t, "iql_raw_rewards", 3, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0) for t in (A, MAZE)]
    frame = pd.DataFrame(rows, columns=effects.EFFECT_COLUMNS)
    made = effects.effects_table(frame, pair, cat, tmp_path)
    assert made.rows[0][1].notes == ("[0.0, 0.0]",)
    assert made.rows[0][2].notes == ("[0.0, 0.0]", "same settings")


def test_the_key_result_counts_and_names() -> None:
    rows = [
        (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5),
        (B, "bc", 3, 30.0, 26.0, -4.0, 1.0, -6.5, -1.5),
        (A, "cql", 3, 30.0, 30.0, 0.0, 1.0, 0.0, 0.0),
        (B, "cql", 2, 30.0, 39.0, 9.0, 1.0, float("nan"), float("nan")),
    ]
    frame = pd.DataFrame(rows, columns=effects.EFFECT_COLUMNS)
    three = suite(("iql", "bc", "cql"), (A, B))
    assert effects.key_result(frame, three, catalogue()) == [
        "Compared with IQL seed by seed, 2 of 3 differences have a 95 % interval without 0; by "
        "chance alone about one in twenty would. Not compared, for fewer than three pairs of "
        "seeds: 1.",
        f"Those are: BC on {A} (+3.0); BC on {B} (−4.0).",
    ]
    none = effects.key_result(frame[2:3], suite(("iql", "cql")), catalogue())
    assert none[0].endswith("about one in twenty would.")
    assert none[1] == "No difference is told from 0."


# --- the report and the command -------------------------------------------------------


def build(folder: Path, chosen: Suite) -> str:
    """The text of the report of made-up results."""
    write_results(folder, chosen)
    scores = stats.read_csv(folder / "scores.csv", stats.SCORE_COLUMNS)
    if chosen.baseline:
        stats.write_csv(effects.paired_effects(scores, chosen), folder / "effects.csv")
    cards = [write_card(folder / "cards", task) for task in chosen.tasks]
    report.build(chosen, catalogue(), folder, cards, folder / "fixture.pdf", source_hash)
    pages = [
        page.get_textpage().get_text_bounded()
        for page in pypdfium2.PdfDocument(folder / "fixture.pdf")
    ]
    return " ".join(" ".join(pages).replace("\x02", "-").split())


def test_the_report_of_a_suite_with_a_baseline(tmp_path: Path) -> None:
    """As many methods as the suite of variants, and as many tasks as the locomotion ones."""
    wide = make_suite([*TASKS[:8], MAZE], list(LABELS), seeds=3)
    text = build(tmp_path, wide.model_copy(update={"baseline": "iql"}))
    assert "Effects against IQL (data: regenerated locally" in text
    assert "Compared with IQL seed by seed" in text
    content = json.loads((tmp_path / "fixture/report.json").read_text())
    assert len(content["effects"]["rows"]) == len(LABELS) - 1
    assert (tmp_path / "fixture/tables/effects.tex").exists()
    for page in pypdfium2.PdfDocument(tmp_path / "fixture.pdf"):
        found = page.get_textpage()
        right = max(found.get_charbox(i)[2] for i in range(found.count_chars()))
        assert right <= page.get_width() - 50  # 2 cm are 57 points


def test_a_suite_without_a_baseline_has_no_effects(tmp_path: Path) -> None:
    text = build(tmp_path, make_suite([A], seeds=3))
    assert "Effects against" not in text
    assert "IQL and BC finished" in text


def test_the_baseline_is_one_of_the_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert suite_of(baseline="bc").baseline == "bc"
    with pytest.raises(BenchError, match="baseline: td3_bc is none of the methods"):
        suite_of(baseline="td3_bc")


@pytest.fixture
def gathered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project in which a suite's scores are gathered; `bench effects` is to be run."""
    write_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = {"iql": {0: 1.0, 1: 2.0, 2: 3.0}, "bc": {0: 3.0, 1: 4.0, 2: 5.5}}
    scores = {("hopper-medium", method): by_seed for method, by_seed in made.items()}
    Path("results/tiny").mkdir(parents=True)
    stats.write_csv(frame(scores, step=MINIMAL["updates"]), Path("results/tiny/scores.csv"))
    Path("tiny.yaml").write_text(yaml.safe_dump(MINIMAL | {"baseline": "iql"}))
    monkeypatch.setattr(sys, "argv", ["bench", "effects", "--configfile", "tiny.yaml"])


@pytest.mark.usefixtures("gathered")
def test_the_command_writes_and_prints(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main()
    assert "hopper-medium" in capsys.readouterr().out
    written = stats.read_csv(Path("results/tiny/effects.csv"), effects.EFFECT_COLUMNS)
    assert written["effect"].tolist() == [pytest.approx(13 / 6, abs=1e-6)]


@pytest.mark.usefixtures("gathered")
def test_the_command_asks_for_a_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.yaml").write_text(yaml.safe_dump(MINIMAL))
    with pytest.raises(SystemExit):
        cli.main()
    assert "tiny.yaml: the key 'baseline' is missing" in capsys.readouterr().err

"""The section on paired effects: its table, its key result, and the report that has it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
from helpers.suite_results import (
    LABELS,
    MAZES,
    TASKS,
    catalogue,
    make_suite,
    source_hash,
    write_card,
    write_results,
)

from bench.config.types import Override, Suite
from bench.report import table
from bench.report.build import build
from bench.report.sections import effects
from bench.statistics.frames import read_csv, write_csv
from bench.statistics.paired_effects import EFFECT_COLUMNS, paired_effects
from bench.statistics.scores import SCORE_COLUMNS

pytestmark = pytest.mark.usefixtures("svg_alone")

A, B, MAZE = TASKS[0], TASKS[1], MAZES[5]
NAN = float("nan")


def suite(methods: tuple[str, ...] = ("iql", "bc"), tasks: tuple[str, ...] = (A,)) -> Suite:
    return make_suite(tasks, methods, seeds=3).model_copy(update={"baseline": "iql"})


# --- the table ------------------------------------------------------------------------


def test_a_cell_has_sign_interval_and_mark(tmp_path: Path) -> None:
    many = suite(("iql", "bc", "cql", "dt", "awac"), (A, B))
    rows = [
        (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5, 0.01, 0.03),
        (B, "bc", 3, 30.0, 26.0, -4.0, 1.0, -6.5, -1.5, 0.02, 0.04),
        (A, "cql", 2, 30.0, 31.0, 1.0, 1.0, NAN, NAN, NAN, NAN),
        (B, "cql", 3, 30.0, 30.0, 0.01, 1.0, -1.0, 1.0, 0.9, 0.9),
        (A, "dt", 3, 0.0, 100.0, 100.0, 0.0, 77.3, 100.0, 0.003, 0.01),
        (B, "dt", 3, 0.0, -5.0, -5.0, 1.0, -9.0, -1.0, 0.03, 0.06),  # not after correction
    ]
    made = effects.effects_table(
        pd.DataFrame(rows, columns=EFFECT_COLUMNS), many, catalogue(), [(B, "dt")]
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
            table.Cell("+100.0", ("[77.3, 100.0]",), "changed"),
            table.Cell("−5.0", ("[−9.0, −1.0]", "stale")),
        ),
        (table.Cell("AWAC"), table.Cell("not run"), table.Cell("not run")),
    )
    table.write(made, tmp_path)
    written = list(csv.reader((tmp_path / "effects.csv").open()))
    assert written[1] == ["BC", "+3.0 [0.5, 5.5] (changed)", "-4.0 [-6.5, -1.5] (changed)"]


def test_a_stale_baseline_makes_every_effect_of_the_task_stale() -> None:
    row = (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5, 0.01, 0.01)
    made = effects.effects_table(
        pd.DataFrame([row], columns=EFFECT_COLUMNS), suite(), catalogue(),
        stale=[(A, "iql")],
    )  # fmt: skip
    assert made.rows[0][1].notes == ("[0.5, 5.5]", "stale")


def test_the_baseline_under_another_name_is_said() -> None:
    """A variant that sets something on one family is the baseline itself on the other."""
    cat = catalogue()
    families = cat.methods["iql"].families
    raw = families["locomotion"].model_copy(update={"rewards": "raw"})
    entry = cat.methods["iql"].model_copy(update={"families": families | {"locomotion": raw}})
    cat.methods["iql_raw_rewards"] = entry
    cat.schemas = {"iql_raw_rewards": cat.schemas["iql"], **cat.schemas}
    overrides = (Override(config={"hidden": [8]}, reason="of all methods"),)
    pair = suite(("iql", "iql_raw_rewards"), (A, MAZE)).model_copy(update={"overrides": overrides})
    rows = [(t, "iql_raw_rewards", 3, 1.0, 1.0, 0.0, 0.0, NAN, NAN, 1.0, 1.0) for t in (A, MAZE)]
    frame = pd.DataFrame(rows, columns=EFFECT_COLUMNS)
    made = effects.effects_table(frame, pair, cat)
    assert made.rows[0][1].notes == ("n/a",)
    assert made.rows[0][2].notes == ("n/a", "same settings")


def test_the_key_result_names_what_is_significant() -> None:
    rows = [
        (A, "bc", 3, 30.0, 33.0, 3.0, 1.0, 0.5, 5.5, 0.01, 0.02),
        (B, "bc", 3, 30.0, 26.0, -4.0, 1.0, -6.5, -1.5, 0.02, 0.02),
        (A, "cql", 3, 30.0, 34.0, 4.0, 1.0, 0.1, 7.9, 0.04, 0.08),
        (B, "cql", 2, 30.0, 39.0, 9.0, 1.0, NAN, NAN, NAN, NAN),
    ]
    frame = pd.DataFrame(rows, columns=EFFECT_COLUMNS)
    three = suite(("iql", "bc", "cql"), (A, B))
    assert effects.key_result(frame, three, catalogue()) == [
        "Of 3 differences from IQL, 2 are significant.",
        f"BC scores higher on {A} (+3.0) and lower on {B} (−4.0).",
        f"The other 1 cannot be told from 0; the largest is that of CQL on {A} (+4.0).",
        "Not compared (fewer than three paired seeds): 1.",
        "Significant: paired by seed, at 5% after Holm’s correction over the methods of the task.",
    ]
    same = effects.key_result(frame[2:3], suite(("iql", "cql"), (A,)), catalogue())
    assert same[0] == "The one difference from IQL is not significant."
    twice = pd.concat([frame[2:3], frame[2:3]])
    none = effects.key_result(twice, suite(("iql", "cql"), (A,)), catalogue())
    assert none[:2] == ["None of 2 differences from IQL is significant.",
                        f"The largest is that of CQL on {A} (+4.0)."]  # fmt: skip
    few = effects.key_result(frame[3:], suite(("iql", "cql"), (B,)), catalogue())
    assert few == ["No task has three seeds of IQL and of another method to compare."]


# --- the report -----------------------------------------------------------------------


def text_of(folder: Path, chosen: Suite) -> str:
    """The text of the report of made-up results."""
    write_results(folder, chosen)
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    if chosen.baseline:
        write_csv(paired_effects(scores, chosen, catalogue().tasks), folder / "effects.csv")
    cards = [write_card(folder / "cards", task) for task in chosen.tasks]
    build(chosen, catalogue(), folder, cards, folder / "fixture.pdf", source_hash)
    pages = [
        page.get_textpage().get_text_bounded()
        for page in pypdfium2.PdfDocument(folder / "fixture.pdf")
    ]
    return " ".join(" ".join(pages).replace("\x02", "-").split())


def test_the_report_of_a_suite_with_a_baseline(tmp_path: Path) -> None:
    """As many methods as the suite of variants, and as many tasks as the locomotion ones."""
    wide = make_suite([*TASKS[:8], MAZE], list(LABELS), seeds=3)
    text = text_of(tmp_path, wide.model_copy(update={"baseline": "iql"}))
    assert "Effects relative to IQL" in text
    assert "differences from IQL, " in text
    content = json.loads((tmp_path / "fixture/report.json").read_text())
    (section,) = (s for s in content["sections"] if s["name"] == "Effects")
    assert len(section["items"][0]["table"]["rows"]) == len(LABELS) - 1
    assert (tmp_path / "fixture/tables/effects.tex").exists()
    for page in pypdfium2.PdfDocument(tmp_path / "fixture.pdf"):
        found = page.get_textpage()
        right = max(found.get_charbox(i)[2] for i in range(found.count_chars()))
        assert right <= page.get_width() - 50  # 2 cm are 57 points


def test_a_suite_without_a_baseline_has_no_effects(tmp_path: Path) -> None:
    text = text_of(tmp_path, make_suite([A], seeds=3))
    assert "Effects relative to" not in text
    assert "Against BC, IQL" in text

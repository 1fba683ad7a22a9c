"""Tables: what a cell says, and that CSV and LaTeX say the same."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers.suite_results import MAZES, TASKS, catalogue, make_suite, write_card
from hypothesis import given
from hypothesis import strategies as st

from bench.config.types import Override
from bench.files import read_json
from bench.records.runs import Runs
from bench.report import prose, table
from bench.report.sections import aggregates, cost, data, scores, settings
from bench.statistics.aggregates import AGGREGATE_COLUMNS, METRICS, SUMMARY_COLUMNS

A, B = TASKS[:2]
NAN = float("nan")


def summary(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=SUMMARY_COLUMNS)


ROW = (A, "iql", 5, 47.06, 2.0, 44.98, 49.2, 50.0, 47.0, "best", 0)


def test_a_score_shows_mean_interval_and_mark(tmp_path: Path) -> None:
    frame = summary(ROW, (A, "bc", 3, -5.0, 2.0, -9.0, -1.0, 0.0, 0.0, "tied", 2))
    made = scores.score_table(frame, make_suite(), catalogue(), stale=[(A, "iql")])
    assert made.header == ("task", "IQL", "IQL, paper", "BC")
    assert made.rows[0] == (
        table.Cell(A),
        table.Cell("47.1", ("[45.0, 49.2]", "stale"), "best"),
        table.Cell("47.4", ("± 0.2",)),
        table.Cell("−5.0", ("[−9.0, −1.0]", "3 of 5 seeds"), "tied"),
    )
    table.write(made, tmp_path)
    rows = list(csv.reader((tmp_path / "scores.csv").open()))
    assert rows[1] == [
        *[A, "47.1 [45.0, 49.2] stale (best)", "47.4 ± 0.2"],
        "-5.0 [-9.0, -1.0] 3 of 5 seeds (tied)",
    ]
    latex = (tmp_path / "scores.tex").read_text()
    assert r"\shortstack{\textbf{47.1}\\ {\scriptsize [45.0, 49.2]}" in latex
    assert r"\underline{$-$5.0}" in latex


def test_missing_cells_say_why() -> None:
    lost = (B, "iql", 0, NAN, NAN, NAN, NAN, NAN, NAN, "n/a", 5)
    few = (A, "bc", 2, 10.0, 1.0, NAN, NAN, 10.0, 10.0, "n/a", 0)
    made = scores.score_table(
        summary(ROW, lost, few), make_suite(), catalogue(), diverged=[(B, "iql")]
    )
    assert made.rows[0][3] == table.Cell("10.0", ("n/a", "2 of 5 seeds"))
    assert [c.text for c in made.rows[1]] == [B, "diverged", "44.2", "not run"]
    assert [c.text for c in made.rows[2]] == ["mean, all", "n/a", "", "n/a"]


def test_family_means_need_every_task() -> None:
    suite = make_suite([A, B, MAZES[0]], ["iql"])
    rows = [(t, *ROW[1:3], m, *ROW[4:]) for t, m in ((A, 10.0), (B, 20.0), (MAZES[0], 60.0))]
    made = scores.score_table(summary(*rows), suite, catalogue())
    means = [tuple(c.text for c in row) for row in made.rows[3:]]
    assert means == [("mean, all", "30.0", ""), ("mean, locomotion", "15.0", "")]
    assert made.rules == (3,)


def test_rows_and_columns_are_exchanged() -> None:
    made = table.Table("x", ("task", "IQL", "BC"), "lcc", tuple(
        table.row_of(*row) for row in (("a", "1", "2"), ("b", "3", "4"))
    ))  # fmt: skip
    turned = table.transposed(made)
    assert turned.header == ("method", "a", "b")
    assert [[c.text for c in row] for row in turned.rows] == [["IQL", "1", "3"], ["BC", "2", "4"]]


def test_a_cost_has_its_range_and_one_decimal() -> None:
    def run(method: str, rate: float, seeds: int) -> dict[str, Any]:
        settings = {"method": method, "seeds": list(range(seeds))}
        made = {"settings": settings, "updates_per_second": rate}
        return made | {"wall_seconds": 1800.0, "peak_memory_mb": 5.0 * rate}

    runs = [run("iql", 100, 5), run("iql", 50, 5), run("bc", 300, 5)]
    suite, known = make_suite(methods=["iql", "bc", "cql"]), catalogue()
    for method, minutes in (("iql", 20), ("bc", 10)):
        known.methods[method] = known.methods[method].model_copy(update={"paper_minutes": minutes})
    made = cost.compute_table(runs, suite, known)
    assert made.header[3:] == ("update (ms)", "ratio", "paper", "peak memory (MB)")
    # a seed's update: IQL (1/500 + 1/250) / 2 = 3 ms, BC 1/1500 s
    assert [c.text for c in made.rows[0]] == ["IQL", "2", "1.00", "3.00", "1.0", "1.0", "500"]
    assert made.rows[0][3].notes == ("2.00 to 4.00",)
    assert [c.text for c in made.rows[1]] == ["BC", "1", "0.50", "0.67", "0.2", "0.5", "1,500"]
    assert made.rows[1][3].notes == ()
    assert [c.text for c in made.rows[2]] == ["CQL", *["not run"] * 6]


def test_aggregate_table_names_absent_methods() -> None:
    rows = [("all", "iql", metric, 50.0, 40.0, 60.0, 5, 2) for metric in METRICS]
    frame = pd.DataFrame(rows, columns=AGGREGATE_COLUMNS)
    made = aggregates.aggregate_table(frame, make_suite(), catalogue())
    assert [c.text for c in made.rows[0]] == ["all", "IQL", "5", *["50.0"] * 4]
    assert [c.text for c in made.rows[1]] == ["all", "BC", *["n/a"] * 5]


def test_settings_mark_what_differs_from_the_default() -> None:
    made = settings.settings_table(make_suite([A]), catalogue(), Runs({}, [], []))
    assert made.header == ("setting", "IQL", "BC")
    marks = {row[0].text: [(cell.text, cell.mark) for cell in row[1:]] for row in made.rows}
    assert list(marks)[:3] == ["rewards", "observations", "batch_size"]
    assert marks["observations"] == [("standardised", ""), ("raw", "")]
    assert marks["hidden"] == [("64, 64", "changed")] * 2
    assert marks["discount"] == [("0.99", "")] * 2


def test_families_have_columns_where_they_differ() -> None:
    made = settings.settings_table(make_suite([A, MAZES[0]]), catalogue(), Runs({}, [], []))
    assert made.header[1:3] == ("IQL, locomotion", "IQL, pointmaze")
    (discounts,) = (row[1:3] for row in made.rows if row[0].text == "discount")
    assert [(c.text, c.mark) for c in discounts] == [("0.99", ""), ("0.9", "changed")]


def test_settings_in_words_are_those_of_the_columns() -> None:
    suite = make_suite([A, MAZES[0]])
    columns = settings.settings_table(suite, catalogue(), Runs({}, [], []))
    made = settings.settings_in_words(suite, catalogue(), Runs({}, [], []))
    assert tuple(row[0].text for row in made.rows) == columns.header[1:]
    for place, (_, chosen, default) in enumerate(made.rows, start=1):
        cells = {row[0].text: row[place] for row in columns.rows if row[place].text}
        shared = ("rewards", "observations", "batch_size")
        changed = [k for k, cell in cells.items() if k in shared or cell.mark == "changed"]
        assert chosen.text == "; ".join(f"{k} {cells[k].text}" for k in changed)
        rest = [k for k in cells if k not in changed]
        assert default.text == "; ".join(f"{k} {cells[k].text}" for k in rest)


def test_departures_give_both_values_and_the_reason() -> None:
    made = settings.departures_table(make_suite([A, MAZES[0]]), catalogue())
    assert [[c.text for c in row] for row in made.rows] == [
        [
            *["all methods", "narrow networks make the fixture small"],
            *["hidden", "256, 256", "64, 64"],
        ],
        ["IQL", "to show a second reason", "observations", "raw", "standardised"],
    ]
    assert made.rules == (1,)
    without = make_suite([A, MAZES[0]]).model_copy(update={"methods": ("bc",)})
    made = settings.departures_table(without, catalogue())
    assert [row[0].text for row in made.rows] == ["all methods"]


def test_a_methods_own_updates_are_a_departure() -> None:
    suite = make_suite()
    fewer = Override(methods=("bc",), updates=1500, reason="each costs more")
    suite = suite.model_copy(update={"overrides": (fewer,)})
    made = settings.departures_table(suite, catalogue())
    assert [c.text for c in made.rows[0]] == [
        *["BC", "each costs more", "updates", "2,000", "1,500"]
    ]
    facts = dict(prose.facts(suite, catalogue(), Runs({}, [], [])))
    assert facts["training"] == "2,000 updates of 256 transitions per seed (BC 1,500)"
    assert facts["methods"] == "2: IQL, BC"


def test_data_tables_read_the_cards(tmp_path: Path) -> None:
    suite = make_suite()
    cards = {A: read_json(write_card(tmp_path, A))}
    sizes = data.data_table(cards, suite, catalogue())
    assert [c.text for c in sizes.rows[0]] == [
        *[A, "100,000", "300", "500.0 ± 200.0", "−10.5 to 1,100.0", "50.0", "333", "local"]
    ]
    assert {c.text for c in sizes.rows[1][1:]} == {"not run"}
    audit = data.audit_table(cards, suite)
    assert [[c.text for c in row] for row in audit.rows] == [
        ["finite", "all values are finite", "ok", "all"],
        ["actions", "3 actions lie outside", "reported", "all"],
    ]
    assert audit.rows[1][2].mark == "reported"
    collection = data.collection_table(cards, suite)
    assert collection.rows[0][0].notes == ("hash 00ff00ff00ff",)
    assert [c.text for c in collection.rows[0][1:]] == ["fixture", "none, this is a fixture"]
    assert collection.rows[0][2].notes == ("seed 0",)
    assert table.minus("at -167, not pre-2 or 1e-4") == "at −167, not pre-2 or 1e-4"


def test_audit_findings_that_differ_name_their_tasks(tmp_path: Path) -> None:
    cards = {task: read_json(write_card(tmp_path, task)) for task in (A, B)}
    cards[B]["audit"][0] = {"rule": "finite", "finding": "one is not", "verdict": "reported"}
    rows = data.audit_table(cards, make_suite()).rows
    found = [(row[0].text, row[3].text) for row in rows]
    assert found == [("finite", A), ("finite", B), ("actions", "all")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.56, "1,234.6"), (-0.04, "0.0"), (-3.25, "−3.2"), (NAN, "n/a"), (None, "n/a")],
)
def test_numbers(value: float | None, text: str) -> None:
    assert table.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (1_000_000, "1,000,000"),
        (3e-5, "3e-5"),
        (0.99, "0.99"),
        ([256, 256], "256, 256"),
        ("raw", "raw"),
    ],
)
def test_settings_as_people_write_them(value: object, text: str) -> None:
    assert table.plain_value(value) == text


@pytest.mark.parametrize(
    "text", ["=1+1", "@x", "-cmd", "-5+cmd|' /C calc'!A0", "+5 +HYPERLINK(1)", "\r=1"]
)
def test_a_spreadsheet_computes_no_label(text: str) -> None:
    assert table.inert(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-3.2", "+99.3 [96.5, 100.0]", "+1 (n = 3)", "IQL", -3.2, None])
def test_numbers_stay_numbers_in_a_spreadsheet(value: object) -> None:
    assert table.inert(value) == value


@given(st.text(alphabet="ab&%$#_{}~^\\−±–", max_size=20))
def test_latex_escapes_every_special_character(text: str) -> None:
    cell = table.Table("x", ("h",), "l", ((table.Cell(text),),))
    body = table.latex(cell).splitlines()[4].removesuffix(r" \\")
    for macro in ("textbackslash", "textasciitilde", "textasciicircum"):
        body = body.replace(f"\\{macro}{{}}", "")
    body = body.replace("$-$", "").replace(r"$\pm$", "")
    assert not re.sub(r"\\[&%$#_{}]|[ab-]", "", body)

"""The report of the published record: one page to quote, every cell, and the numbers behind it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pypdfium2
import pytest
from helpers.record import analysis, record

from bench.literature import sentences
from bench.literature.analysis import reproductions
from bench.literature.pooling import RULE, Pooled
from bench.report.figures import style
from bench.report.record import citing, figures
from bench.report.record.build import build
from bench.report.record.figures import signed


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished report; figures as SVG alone, which is what the templates use."""
    path = tmp_path_factory.mktemp("record") / "record.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "FORMATS", ("svg",))
        build(analysis(), path)
    return path


def text_of(path: Path, number: int) -> str:
    page = pypdfium2.PdfDocument(path)[number].get_textpage().get_text_range()
    return " ".join(page.replace("\ufffe", "").split())


def squeezed(text: str) -> str:
    """A text without what hyphenation and line breaks change."""
    return re.sub(r"[\s\u2010\u00ad-]", "", text)


def test_page_one_is_the_page_to_quote(out: Path) -> None:
    first = squeezed(text_of(out, 0))
    assert squeezed(sentences.QUESTION) in first
    assert squeezed(sentences.answer(analysis())) in first
    for sentence in sentences.ten(analysis()):
        assert squeezed(sentence) in first, sentence
    assert squeezed(RULE) in first
    assert "references.bib" in first


def test_the_html_page_says_the_same(out: Path) -> None:
    html = out.with_suffix(".html").read_text()
    for sentence in sentences.ten(analysis()):
        assert sentence in html.replace("&#34;", '"').replace("&#39;", "'")
    # The heat map, fifteen forests, those of Table 2 and of the baselines, choices, curves.
    assert html.count("<figure") == 20
    assert "Plotly" not in html
    assert "What ran" not in html


def test_every_cell_has_a_forest_plot_and_a_row(out: Path) -> None:
    folder = out.with_suffix("")
    table = pd.read_csv(folder / "tables/table1_iql.csv")
    assert table["dataset"].to_list() == [e.cell.task for e in analysis().iql]
    for e in analysis().iql:
        svg = folder / f"figures/forest_{e.cell.task}.svg"
        assert svg.stat().st_size > 5_000
        row = table.set_index("dataset").loc[e.cell.task]
        assert e.headline
        assert row["paper’s settings"].startswith(signed(e.headline.value).replace("−", "-"))
        assert row["verdict"] == e.verdict


def test_every_number_can_be_traced(out: Path) -> None:
    frame = pd.read_csv(out.with_suffix("") / "reproductions.csv")
    assert len(frame) == len(reproductions(analysis().all()))
    assert frame["file"].notna().all()
    cell = frame[(frame["task"] == "hopper-medium-v2") & (frame["method"] == "iql")]
    assert cell["weight"].sum() == pytest.approx(100, abs=1e-3)
    assert cell[cell["stratum"] == "other"]["weight"].isna().all()
    weighted = (cell["weight"] * cell["difference"]).sum() / 100
    (e,) = [e for e in analysis().iql if e.cell.task == "hopper-medium-v2"]
    assert e.headline
    assert weighted == pytest.approx(e.headline.value, abs=1e-4)


def test_macros_and_bibtex_cover_what_is_quoted(out: Path) -> None:
    folder = out.with_suffix("")
    macros = (folder / "numbers.tex").read_text()
    for e in analysis().iql:
        assert f"bench/{e.cell.task}/iql/verdict\\endcsname{{{e.verdict}}}" in macros
    assert "nan" not in macros
    bib = (folder / "references.bib").read_text()
    assert sorted(re.findall(r"^@misc\{(.+),$", bib, re.MULTILINE)) == sorted(record().sources)
    assert bib.count("{") == bib.count("}")
    assert "commit cb6e709a9f91" in bib
    assert citing.page(analysis()) == (folder / "page.md").read_text()


def test_the_sensitivity_table_marks_what_changes(out: Path) -> None:
    table = pd.read_csv(out.with_suffix("") / "tables/sensitivity.csv").set_index("choice")
    reported = table.loc["as reported"]
    for name, others in analysis().alternatives.items():
        for e, cell, first in zip(others, table.loc[name], reported, strict=False):
            word = first.split(" ", 1)[1]
            assert ("(changed)" in cell) == (e.verdict != word), (name, cell)


def test_no_verdict_is_printed_where_the_paper_has_other_data(out: Path) -> None:
    report = json.loads((out.with_suffix("") / "report.json").read_text())
    (other,) = [s for s in report["sections"] if s["name"] == "Other data"]
    assert "verdict" not in json.dumps([i["table"]["header"] for i in other["items"][1:]])
    frame = pd.read_csv(out.with_suffix("") / "estimates.csv")
    assert frame[frame["published"].isna()]["verdict"].isna().all()


def test_the_words_on_baselines_are_what_their_numbers_say() -> None:
    pooled: dict[tuple[str, str], Pooled] = {
        (e.cell.method, e.cell.task): e.headline for e in analysis().baselines if e.headline
    }
    for robot in ("hopper", "walker2d"):
        assert pooled["awac", f"{robot}-medium-replay-v2"].value > 40
    for maze in ("medium-play", "medium-diverse"):
        assert pooled["cql", f"antmaze-{maze}-v0"].value < -50
    assert not [key for key in pooled if key[0] == "onestep"]


def test_a_heat_map_names_every_cell_and_every_verdict() -> None:
    figure = figures.heat_map(analysis().iql)
    (axis,) = figure.axes
    drawn = [text.get_text() for text in axis.texts]
    for e in analysis().iql:
        assert e.headline
        assert signed(e.headline.value) in drawn
        assert figures.SHORT.get(e.verdict, e.verdict) in drawn
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        e.cell.task for e in analysis().iql
    ]


def test_a_forest_plot_has_a_line_per_reproduction() -> None:
    (e,) = [e for e in analysis().iql if e.cell.task == "hopper-medium-v2"]
    (axis,) = figures.forest(e).axes
    drawn = [text.get_text() for text in axis.texts]
    assert [name for name in e.rows["source"] if name not in drawn] == []
    assert any("5 seeds*" in text for text in drawn)
    low, high = axis.get_xlim()
    assert low <= e.rows["low"].min() <= e.rows["high"].max() <= high  # none is wider than WIDEST

"""The front page of all published suites: its two pages, its links, and what it pools."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.publishing import derived
from bench.report import all_suites, citation, inputs, pooled, prose
from bench.report.all_suites import Record
from bench.report.figures import style
from bench.report.pooled import Published

RECORD = Record("The record says so.", "In detail.", "1 score from 1 source", "record.html")


@pytest.fixture(scope="module")
def suites() -> list[Published]:
    """All published suites, one of them with a publication."""
    catalogue, found = Catalogue(), []
    for folder in sorted(path.parent for path in ROOT.glob("results/published/*/suite.json")):
        if folder.name == all_suites.SEARCH:
            continue
        suite = derived.suite_of(folder, catalogue)
        read = inputs.read(suite, catalogue, folder, [], lambda *_: "")
        stated = {"version": "1.2.3", "date": "2031-05-06", "commit": "0123456789abcdef"}
        found.append(Published(read, stated if not found else {}, f"{folder.name}.html"))
    return found


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory, suites: list[Published]) -> Path:
    pdf = tmp_path_factory.mktemp("front") / "index.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "FORMATS", ("svg",))
        all_suites.build(suites, RECORD, pdf)
    return pdf


def test_it_has_two_pages_that_begin_with_the_answer(out: Path) -> None:
    document = pypdfium2.PdfDocument(out)
    assert len(document) == 2
    text = " ".join(document[0].get_textpage().get_text_bounded().split())
    cited = citation.read()
    assert text.index(all_suites.TITLE) < text.index(cited.released) < text.index(RECORD.answer)
    assert f"version {cited.version}" in text


def test_every_suite_has_a_row_with_its_answer_and_publication(
    out: Path, suites: list[Published]
) -> None:
    table = json.loads(out.with_suffix("").joinpath("report.json").read_text())["sections"][0]
    rows = {row[0]["text"]: row for row in table["items"][0]["table"]["rows"]}
    assert list(rows) == ["record", *(suite.inputs.suite.suite for suite in suites)]
    assert all(row[2]["text"] for row in rows.values())
    first = suites[0].inputs.suite.suite
    assert rows[first][3]["text"] == "2031-05-06"
    runs = prose.commit(suites[0].inputs.runs).replace(" + changes", "+")
    assert rows[first][3]["notes"] == ["version 1.2.3", "0123456789", f"runs: {runs}"]
    links = re.findall(r'<th[^>]*><a href="([^"]*)"', out.with_suffix(".html").read_text())
    assert links == ["record.html", *(suite.report for suite in suites)]


def test_collections_of_one_suite_are_pooled_seed_by_seed(suites: list[Published]) -> None:
    members = pooled.together(suites)["local"]
    assert [one.suite.suite for one in members] == ["local", "local-again"]
    both = pooled.pooled(members)["antmaze-large-diverse", "iql"]
    each = [pooled.pooled([one])["antmaze-large-diverse", "iql"] for one in members]
    assert len(both.values) == 6
    assert both.values.mean() == pytest.approx(np.mean([one.values.mean() for one in each]))
    lows = [one.interval()[0] for one in each]
    assert both.interval()[0] > min(lows)


def test_the_counts_are_those_of_the_forest(suites: list[Published]) -> None:
    said = pooled.summary(suites)[0]
    numbers = [int(n) for n in re.findall(r"\d+", said)]
    assert numbers[0] + numbers[2] + numbers[3] == numbers[1]
    (figure,) = all_suites.forest(pooled.together(suites)).items
    kinds = figure.numbers["kind"]
    assert (kinds == "minus the best other method").sum() <= numbers[1]
    assert not figure.numbers["row"].str.contains("-again").any()


def test_a_release_has_a_version_and_a_date_everywhere() -> None:
    cited = citation.read()
    assert re.fullmatch(r"\d+\.\d+\.\d+", cited.version)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", cited.released)
    assert f"date        = {{{cited.released}}}" in all_suites.bibtex()
    page = (ROOT / "docs/citing.md").read_text()
    assert f"{{{cited.version}}}" in page
    assert f"{{{cited.released}}}" in page
    assert ("url" in all_suites.bibtex()) == bool(cited.url)

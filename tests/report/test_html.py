"""The HTML page without a browser: what it says, and that it needs nothing else."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from matplotlib.colors import to_hex

from bench.report.figures.method_styles import COLORS
from bench.report.html import in_script
from bench.report.inline_svg import BACKGROUND, dark, luminance


def test_the_page_needs_nothing_else(made: Path) -> None:
    own = re.sub(r"<script>.*?</script>", "", made.read_text(), flags=re.DOTALL)
    own = re.sub(r'<a href="https://arxiv.org/abs/2110.06169">', "", own)  # loads nothing
    for url in re.findall(r'(?:src|href)="([^"]*)"', own):
        assert url == "fixture.pdf" or url.startswith("#") or urlparse(url).scheme == "data", url[
            :80
        ]


def test_what_comes_from_files_is_escaped(made: Path) -> None:
    text = made.read_text()
    assert "<b>bold</b>" not in text
    assert html.escape("A <b>bold</b> & made-up title") in text
    assert in_script("</script>") == "\\u003c/script>"


def tables_of(content: object) -> list[dict[str, Any]]:
    """Every table of a report's content that has rows."""
    if isinstance(content, list):
        return [t for part in content for t in tables_of(part)]
    if not isinstance(content, dict):
        return []
    if "header" in content:
        return [content] if content["rows"] else []
    return tables_of(list(content.values()))


def test_the_page_has_every_table_of_the_pdf(made: Path) -> None:
    content = json.loads((made.parent / "fixture/report.json").read_text())
    names = sorted(t["name"] for t in tables_of(content))
    assert {"scores", "evaluations", "departures", "settings", "runs"} <= set(names)
    assert sorted(re.findall(r'<table id="table-([^"]*)"', made.read_text())) == names


def test_the_page_begins_as_the_pdf_does(made: Path) -> None:
    content = json.loads((made.parent / "fixture/report.json").read_text())
    text = made.read_text()
    for said in (content["key_result"][0], content["machines"], content["commit"]):
        assert html.escape(said, quote=False) in html.unescape(text)
    assert text.count(content["description"]) == 1
    titles = [s["title"] for s in content["sections"] if s["title"]]
    assert re.findall(r"<h2 id=[^>]*>(.*?)</h2>", text) == titles


def test_every_figure_has_its_data_and_a_text_alternative(made: Path) -> None:
    text = made.read_text()
    stems = re.findall(r'<figure id="figure-([^"]*)"', text)
    assert {"forest", "overall", "aggregate", "curves"} <= set(stems)
    for stem in stems:
        behind = (made.parent / "fixture/figures" / f"{stem}.csv").read_text()
        link = re.search(
            rf'<a href="data:text/csv;charset=utf-8,([^"]*)" download="{stem}.csv"', text
        )
        assert link, stem
        assert unquote(link[1]) == behind
        assert len(behind.splitlines()) > 1, stem
    for attributes in re.findall(r"<svg ([^>]*)>", re.sub("<script.*", "", text, flags=re.DOTALL)):
        assert "aria-label=" in attributes or "aria-hidden" in attributes


def test_ids_are_unique_and_links_lead_somewhere(made: Path) -> None:
    own = re.sub("<script.*", "", made.read_text(), flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]*)"', own)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', own)) <= set(ids)
    assert set(re.findall(r"url\(#([^)]*)\)", own)) <= set(ids)


def test_a_score_leads_to_its_run_and_back(made: Path) -> None:
    cells = dict(re.findall(r'<t[dh] id="([^"]*)"[^>]*><a href="#([^"]*)"', made.read_text()))
    scores = {name for name in cells if name.startswith("scores--")}
    assert len(scores) == 7
    for name in scores:
        assert cells[name].startswith("runs--")
        assert cells[cells[name]] == name


def test_a_method_is_marked_in_every_figure_that_draws_it(made: Path) -> None:
    figures = re.findall(r'<figure id="figure-(.*?)".*?</figure>', made.read_text(), re.DOTALL)
    for stem in figures:
        svg = (made.parent / "fixture/figures" / f"{stem}.svg").read_text()
        if stem not in ("verdicts", "returns"):
            assert 'class="series" data-method="' in svg, stem
        assert 'id="series' not in svg


def test_dark_colours_stand_out_from_a_dark_page() -> None:
    page = luminance(BACKGROUND, BACKGROUND, BACKGROUND)
    for color in [to_hex(c) for c in COLORS] + ["#262626", "#737373"]:
        shown = [int(dark(color)[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        assert (luminance(*shown) + 0.05) / (page + 0.05) >= 3, color
    assert dark("#ffffff") == "#171717"

"""The reports of published results: what their tables say, and that no two are cited alike."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import matplotlib as mpl
import pytest
from helpers.paths import ROOT
from matplotlib.lines import Line2D

from bench.config.catalogue import Catalogue
from bench.publishing import derived
from bench.report import front, inputs
from bench.report.contents import APPENDIX, PAGES
from bench.report.figures import style
from bench.report.markup import typographic
from bench.report.pages import basis
from bench.report.section import CaptionedTable, Figure, Paragraph, Section
from bench.report.sections import claims, curves, data, mazes, scores
from bench.report.table import Table

PUBLISHED = ROOT / "results/published"


@functools.cache
def read(name: str) -> inputs.ReportInputs:
    """The inputs of a published suite's report, without its dataset cards."""
    catalogue, folder = Catalogue(), PUBLISHED / name
    suite = derived.suite_of(folder, catalogue)
    return inputs.read(suite, catalogue, folder, [], lambda *_: "another version")


def tables(section: Section | None) -> dict[str, Table]:
    assert section is not None
    return {i.table.name: i.table for i in section.items if isinstance(i, CaptionedTable)}


@pytest.mark.parametrize("name", ["quick", "finetune", "local-ablations"])
def test_bold_is_the_highest_of_the_columns_shown(name: str) -> None:
    """A column that is not shown, SAC with the networks of IQL, had the highest mean."""
    table = scores.score_table(read(name).summary, read(name).offline, read(name).catalogue)
    for row in table.rows[: len(read(name).offline.tasks)]:
        shown = [cell for cell, head in zip(row[1:], table.header[1:], strict=True)
                 if "paper" not in head]  # fmt: skip
        best = max(float(cell.text) for cell in shown)
        assert [cell.mark == "best" for cell in shown] == [
            float(cell.text) == best for cell in shown
        ]


def test_runs_that_are_all_of_another_version_are_not_marked_one_by_one() -> None:
    found = read("quick")
    assert found.all_stale
    cells = [cell for row in tables(scores.section(found))["scores"].rows for cell in row]
    assert not [cell for cell in cells if "stale" in cell.notes]
    assert "16 of 16 runs were made with source code that differs" in " ".join(
        basis.limitations(found)
    )


def test_what_was_not_traced_is_said_and_leaves_no_white() -> None:
    section = mazes.section(read("local"))
    assert section is not None
    assert [i.stem for i in section.items if isinstance(i, Figure)] == ["success"]
    said = [i.text for i in section.items if isinstance(i, Paragraph)]
    assert said[0].startswith("The values and policies on antmaze-medium-play and antmaze-large-")
    alone = mazes.section(read("quick"))  # of one maze, whose bars would repeat its scores
    assert alone is not None
    assert not [i for i in alone.items if isinstance(i, Figure)]


def test_two_points_are_no_curve() -> None:
    few, many = curves.section(read("quick")), curves.section(read("baselines"))
    assert few is not None
    assert many is not None
    assert [i.stem for i in few.items if isinstance(i, Figure)] == ["seeds"]
    assert [i.stem for i in many.items if isinstance(i, Figure)] == ["curves", "seeds"]


def test_a_claim_has_one_number_of_decimals() -> None:
    parts = tables(claims.section(read("local")))["claims_parts"]
    for row in parts.rows:
        numbers = re.findall(r"\d+(?:\.\d+)?", " ".join([row[2].text, row[3].text, *row[3].notes]))
        assert {len(n.partition(".")[2]) for n in numbers} <= {1}, row[1].text
        assert " " in row[0].text  # the claim, not its key


def test_two_collections_have_two_citations_and_two_first_pages() -> None:
    one, two = read("local"), read("local-again")
    assert basis.bibtex(one) != basis.bibtex(two)
    first, second = front.page(one), front.page(two)
    assert first["commit"] != second["commit"]
    assert first["title"] != second["title"]


def test_facts_name_methods_as_the_tables_do() -> None:
    facts = dict(front.page(read("local"))["facts"])
    assert "td3_bc" not in " ".join(facts.values())
    assert facts["training"].endswith("per seed (DT 15,000, CQL 24,000, BCQ 12,000, BEAR 12,000, "
                                      "AWR 20,000)")  # fmt: skip
    schedules = facts["evaluation"].split("; ")
    assert len(schedules) == len(set(schedules))
    assert "every 30,000 updates (IQL, BC" in schedules[0]


def test_a_data_section_draws_no_histogram_of_successes() -> None:
    section = data.section(read("local"))
    assert section is not None
    assert not [i for i in section.items if isinstance(i, Figure)]


def texts(content: object) -> Iterator[str]:
    """Every text of a section's content but code, commands and file names."""
    if isinstance(content, dict):
        if content.get("kind") != "code":
            for value in content.values():
                yield from texts(value)
    elif isinstance(content, list | tuple):
        if len(content) != 2 or content[0] != "code":
            for value in content:
                yield from texts(value)
    elif isinstance(content, str):
        yield content


@pytest.mark.parametrize("name", ["quick", "finetune", "local"])
def test_numbers_have_one_form(name: str) -> None:
    """There were two minus signs, two ways to write 95%, and 1e-05 beside 3e-4."""
    made = [make(read(name)) for make in (*PAGES, *APPENDIX)]
    found = [text for section in made if section for text in texts(typographic(section.content()))]
    assert len(found) > 500
    for text in found:
        assert not re.search(r"(?<![\w.\]/})-])-\d|\d %|\d percent|e[-\u2212]0\d", text), text


def figures(name: str) -> list[Figure]:
    """The figures of a published suite's report."""
    sections = [make(read(name)) for make in (*PAGES, *APPENDIX)]
    return [i for section in sections if section for i in section.items if isinstance(i, Figure)]


@pytest.mark.parametrize("name", ["local", "finetune"])
def test_nothing_leaves_its_figure_and_no_two_series_look_alike(name: str) -> None:
    """With many methods and long names; it draws every figure, which takes some seconds."""
    for item in figures(name):
        with mpl.rc_context(style.STYLE):
            drawn = item.draw()
            drawn.draw_without_rendering()
        box, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()  # both in inches
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) > -0.01, item.stem
        for legend in drawn.legends:
            looks = [(h.get_color(), h.get_linestyle(), h.get_marker(), h.get_markerfacecolor())
                     for h in legend.legend_handles if isinstance(h, Line2D)]  # fmt: skip
            assert len(set(map(str, looks))) == len(looks), item.stem

"""The reports of published results: what their tables say, and that no two are cited alike."""

from __future__ import annotations

import functools
import re

import pytest
from helpers.paths import ROOT

from bench.config.catalogue import Catalogue
from bench.publishing import derived
from bench.report import front, inputs
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
    few, many = curves.section(read("local")), curves.section(read("quick"))
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
    for one, two in (("quick", "quick-again"), ("local", "local-again")):
        assert basis.bibtex(read(one)) != basis.bibtex(read(two))
        first, second = (front.page(read(name)) for name in (one, two))
        assert first["machines"] != second["machines"]
        assert first["commit"] != second["commit"]


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

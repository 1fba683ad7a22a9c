"""The report: what its PDF says for finished, unfinished and doubtful suites."""

from __future__ import annotations

import json
from pathlib import Path

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
    write_record,
    write_results,
)

from bench.config.catalogue import Catalogue
from bench.config.types import Override, Suite
from bench.errors import BenchError
from bench.records import runs
from bench.records.layouts import open_results
from bench.report import build as report
from bench.report import front, inputs, prose
from bench.report.contents import PAGES
from bench.report.pages import basis
from bench.report.sections import data

pytestmark = pytest.mark.usefixtures("svg_alone")

A, B, MAZE = TASKS[0], TASKS[1], MAZES[5]


def build(folder: Path, suite: Suite, cards: tuple[str, ...] = ()) -> str:
    """Build the report of `folder/results`; returns the PDF's text without its line breaks."""
    paths = [write_card(folder / "cards", task) for task in cards]
    out = folder / "reports" / "fixture.pdf"
    report.build(suite, catalogue(), folder / "results", paths, out, source_hash)
    pages = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(out)]
    # pdfium gives a hyphen at the end of a line as \x02.
    return " ".join(" ".join(pages).replace("\x02", "-").split())


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Five seeds, with a cell that did not run, one that diverged and one that is stale."""
    folder = tmp_path_factory.mktemp("unfinished")
    suite = make_suite([A, B, MAZE])
    write_results(
        *(folder / "results", suite),
        skip=[("bc", A)],
        diverged=[("bc", B)],
        stale=[("iql", A)],
    )
    return folder, build(folder, suite, (A, MAZE))


@pytest.mark.parametrize(
    "text",
    [
        "Fixture of a report",
        "Data: our own, not D4RL’s. These scores cannot be compared one to one with the paper’s.",
        "suite fixture · data: regenerated locally, not D4RL’s",
        f"Not compared (fewer than three seeds): {A}, {B}.",
        "4 of 6 done, 1 diverged, 1 not run, 1 stale",
        f"not run bc/{A}/0-4",
        f"stale iql/{A}/0-4",
        "1 of 5 runs were made with source code that differs",
        "Omitted: BC from all (no last score on",
        "3 actions lie outside",
        "narrow networks make the fixture small",
        "python 3.11.0, torch 2.0",
        "Fixture CPU, 2 cores, 24 GB, Linux",
        "commit 0123456789",
        "page 1 /",
        "Completed seeds, out of those the suite asks for",
        "5 of 5 5 stale 0 of 5 5 missing",
        "0 of 5 5 diverged",
        "Each score links to its runs",
        "https://arxiv.org/abs/2110.06169): @techreport{iql_fixture_0123456,",
        "git checkout 0123456789 python -m bench run",
        "Appendix A How to read this report",
        "Runs behind the scores",
        f"{A} IQL 0-4 stale 0123456789 older 00ff",
    ],
)
def test_an_unfinished_suite_says(unfinished: tuple[Path, str], text: str) -> None:
    assert text in unfinished[1]


def test_a_reason_for_several_settings_stands_once(tmp_path: Path) -> None:
    shared = Override(
        methods=("iql",), config={"discount": 0.95}, updates=1500, reason="one reason for two"
    )
    suite = make_suite([A]).model_copy(update={"overrides": (shared,)})
    write_results(tmp_path / "results", suite)
    text = build(tmp_path, suite, (A,))
    appendix = text[text.index("Appendix") :]
    assert text.count("one reason for two") == 2
    assert appendix.count("one reason for two") == 1
    departures = text[text.index("Departures of this suite from the sourced settings") :]
    assert "updates 2,000 1,500" in departures
    assert "discount 0.99 0.95" in departures


def test_all_files_lie_beside_the_pdf(unfinished: tuple[Path, str]) -> None:
    folder = unfinished[0] / "reports" / "fixture"
    written = {p.stem for p in (folder / "tables").glob("*.tex")}
    assert written == {p.stem for p in (folder / "tables").glob("*.csv")}
    assert {"scores", "aggregate", "data", "compute", "departures", "settings"} <= written
    assert {p.stem for p in (folder / "figures").glob("*.svg")} == {
        *("aggregate", "curves", "seeds", "returns"),
        *("profiles", "compute"),  # of what is complete: one method
    }
    content = json.loads((folder / "report.json").read_text())
    items = [item for section in content["sections"] for item in section["items"]]
    tables = {item["table"]["name"]: item["table"] for item in items if item["kind"] == "table"}
    cells = tables["scores"]["rows"]
    assert [[c["text"] for c in row][3] for row in cells[:2]] == ["not run", "diverged"]
    assert "stale" in cells[0][1]["notes"]


def test_a_score_links_to_its_runs(unfinished: tuple[Path, str]) -> None:
    document = pypdfium2.PdfDocument(unfinished[0] / "reports" / "fixture.pdf")
    links = [pypdfium2.raw.FPDFPage_GetAnnotCount(page) for page in document]
    assert sum(links) >= 5  # the runs that there are, of six
    numbers = (unfinished[0] / "reports" / "fixture" / "numbers.tex").read_text()
    assert f"bench/{A}/iql/mean" in numbers


def test_the_page_of_claims(tmp_path: Path) -> None:
    suite = make_suite([A])
    write_results(tmp_path / "results", suite)
    assert "Published claims about IQL" not in build(tmp_path, suite)
    numbers = {"published": 4.0, "measured": 5.0, "ci": [3.5, 6.5]}
    part = {**numbers, "part": "IQL", "tasks": [A], "methods": ["iql"], "reason": ""}
    part |= {"verdict": "inconclusive"}
    entry = {**part, "id": "made-up", "statement": "A claim of the tests.", "source": "none"}
    entry |= {"test": "IQL > 4", "remark": "", "unit": "seeds", "parts": [part], "elsewhere": None}
    entry |= {"needed": [12, 31, None], "binding": None, "refuted_by": "a score below 4"}
    entry |= {"decided_by": "runs", "protocol": "paper", "basis": "runs of the suite fixture"}
    other = entry | {"id": "other", "elsewhere": {**entry, "differs": ["data of a fixture"]}}
    other |= {"verdict": "not run"}
    path = tmp_path / "results" / "claims.json"
    path.write_text(json.dumps([entry, other]))
    text = build(tmp_path, suite)
    assert "Verdicts: 1 inconclusive, 1 not tested." in text
    assert "A claim of the tests. none Refuted by: a score below 4 IQL > 4 4.0 5.0" in text
    assert text.count("31 seeds per cell would decide with 80% probability") == 2
    assert text.count("from 12 to more than 1,000") == 2
    assert "that depart from the paper’s (data of a fixture). They do not count for or" in text
    assert "not assessed" in text  # by the published record


def test_equal_inputs_give_an_equal_report(unfinished: tuple[Path, str]) -> None:
    folder = unfinished[0] / "reports"
    written = [folder / "fixture.pdf", folder / "fixture.html"]
    before = [path.read_bytes() for path in written]
    build(unfinished[0], make_suite([A, B, MAZE]), (A, MAZE))
    assert [path.read_bytes() for path in written] == before
    assert set(folder.iterdir()) == {*written, folder / "fixture"}


def test_a_suite_that_did_not_start(tmp_path: Path) -> None:
    suite = make_suite([A])
    write_results(tmp_path / "results", suite, skip=[("iql", A), ("bc", A)])
    text = build(tmp_path, suite)
    assert "No task has three seeds of IQL and of another method." in text
    assert f"{A} not run 47.4 ± 0.2 not run" in text


def test_one_seed_has_no_interval(tmp_path: Path) -> None:
    suite = make_suite([A], seeds=1)
    write_results(tmp_path / "results", suite)
    text = build(tmp_path, suite, (A,))
    assert "No task has three seeds of IQL and of another method." in text
    assert "2 of 2 done" in text


def test_a_wide_suite_fits_the_page(tmp_path: Path) -> None:
    suite = make_suite([*TASKS[:2], MAZES[3]], list(LABELS), seeds=3)
    write_results(tmp_path / "results", suite)
    build(tmp_path, suite)
    for page in pypdfium2.PdfDocument(tmp_path / "reports" / "fixture.pdf"):
        text = page.get_textpage()
        right = max(text.get_charbox(i)[2] for i in range(text.count_chars()))
        assert right <= page.get_width() - 50  # 2 cm are 57 points


def test_a_missing_file_or_key_is_named(tmp_path: Path) -> None:
    suite = make_suite([A], seeds=1)
    with pytest.raises(BenchError, match=r"scores.csv: file not found"):
        build(tmp_path, suite)
    write_results(tmp_path / "results", suite)
    path = tmp_path / "results" / "runs" / "iql" / A / "0" / "run.json"
    content = json.loads(path.read_text())
    del content["machine"]
    write_record(path.parent, content)
    with pytest.raises(BenchError, match=r"run.json: the key 'machine' is missing"):
        build(tmp_path, suite)


def test_stale_runs_differ_in_source(tmp_path: Path) -> None:
    write_results(tmp_path, make_suite([A], seeds=1), stale=[("bc", A)])
    found = {name: run.record() for name, run in open_results(tmp_path).runs.items()}
    assert runs.stale_runs(found, source_hash) == [f"bc/{A}/0"]


def origin_in_words(suite: Suite, cat: Catalogue) -> str:
    return prose.data_origin([cat.tasks[task].origin for task in suite.tasks])


def test_the_origin_of_the_data() -> None:
    cat = catalogue()
    assert origin_in_words(make_suite(), cat) == "regenerated locally, not D4RL’s"
    cat.tasks[A] = cat.tasks[A].model_copy(update={"recipe": "none"})
    mixed = "1 of 2 datasets regenerated locally, not D4RL’s"
    assert origin_in_words(make_suite(), cat) == mixed
    assert origin_in_words(make_suite([A]), cat) == "existing datasets"
    for recipes, heading in (
        (("d4rl", "d4rl"), "D4RL’s datasets"),
        (("minari", "d4rl"), "D4RL’s and Minari’s datasets"),
        (("minari", "none"), "existing datasets"),
    ):
        for task, recipe in zip((A, B), recipes, strict=True):
            cat.tasks[task] = cat.tasks[task].model_copy(update={"recipe": recipe})
        assert origin_in_words(make_suite([A, B]), cat) == heading


def test_stand_ins_are_named_in_every_heading(unfinished: tuple[Path, str]) -> None:
    suite, results = make_suite([A, B, MAZE]), unfinished[0] / "results"
    cards = [write_card(unfinished[0] / "marked", task) for task in (A, MAZE)]
    for path in cards:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"origin": "stand-in"}))
    found = inputs.read(suite, catalogue(), results, cards, source_hash)
    content = front.page(found)
    assert content["title"] == f"{suite.title} (on stand-ins)"
    sections = report.made(PAGES, found, unfinished[0] / "marked")
    headings = [section["title"] for section in sections if section["title"]]
    assert headings
    assert all(heading.endswith(" (on stand-ins)") for heading in headings)
    assert content["origin"] == "2 of 3 datasets stand-ins for a rehearsal, not D4RL’s"
    assert content["banner"].startswith("Rehearsal: 2 of 3 datasets are stand-ins")
    assert "2 of 3 datasets are stand-ins" in basis.limitations(found)[0]
    table = data.data_table(found.cards, suite, catalogue())
    assert [cells[-1].text for cells in table.rows[:3:2]] == ["stand-in", "stand-in"]
    assert prose.data_origin(["stand-in", "stand-in"]) == "stand-ins for a rehearsal, not D4RL’s"

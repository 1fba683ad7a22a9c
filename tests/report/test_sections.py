"""Sections: what one declaration reaches, and that none of them fails for lack of a record."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pypdfium2
import pytest
from helpers.suite_results import (
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    source_hash,
    write_card,
    write_results,
)
from matplotlib.figure import Figure as Drawing

from bench.config.types import Maps, Online, Suite
from bench.report import build, inputs
from bench.report.contents import APPENDIX, PAGES
from bench.report.markup import rst_captions
from bench.report.section import Figure, Section
from bench.report.sections import notes
from bench.statistics import finetuning, paired_effects
from bench.statistics.frames import read_csv, write_csv
from bench.statistics.scores import SCORE_COLUMNS

A, MAZE = TASKS[0], "pointmaze-stitch"
METHODS = ("iql", "cql")


def everything() -> Suite:
    """A suite with something to say in every section."""
    return make_suite([A, MAZE], METHODS, seeds=3).model_copy(
        update={
            "baseline": "iql",
            "online": Online(steps=1000, every=500, episodes=4),
            "maps": Maps(tasks=(MAZE,), methods=METHODS),
        }
    )


def known() -> Any:
    """The catalogue of the fixtures, in which one task has a maze."""
    made = catalogue()
    maze = {"env_id": "bench.maze:PointMazeStitch-v0"}
    made.tasks[MAZE] = made.tasks[MAZE].model_copy(update=maze)
    return made


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Results of `everything`, without its online phase: all of that is still to come."""
    folder, suite, cat = tmp_path / "results", everything(), known()
    write_results(folder, suite)
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    write_csv(paired_effects.paired_effects(scores, suite, cat.tasks), folder / "effects.csv")
    episodes = finetuning.read_episodes([])
    frame = finetuning.fine_tuning(scores, episodes, suite, cat.tasks)
    write_csv(frame, folder / "finetune.csv")
    return folder


def pdf_text(path: Path) -> str:
    pages = [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(path)]
    return " ".join(" ".join(pages).replace("\x02", "-").split())


def html_text(path: Path) -> str:
    body = re.sub(r"<(script|style).*?</\1>|<[^>]*>", "", path.read_text(), flags=re.DOTALL)
    return " ".join(html.unescape(body).split())


def scratch(read: inputs.ReportInputs) -> Section:
    """A section as someone would add it: one figure, declared once."""

    def draw() -> Drawing:
        figure = Drawing()
        figure.subplots().set_title(str(mpl.rcParams["axes.titlesize"]))
        return figure

    caption = f"Made for {read.suite.suite}: *bold*, a name_with_lines and `code_too`."
    figure = Figure("new", "Newest", caption, draw, pd.DataFrame({"x": [1], "y": [2]}))
    return Section("Scratch", "A scratch section", (figure,))


def test_a_figure_is_declared_once(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "PAGES", (scratch,))
    monkeypatch.setattr(build, "APPENDIX", ())
    out = tmp_path / "report.pdf"
    build.build(everything(), known(), results, [], out, source_hash)
    for kind in ("svg", "pdf", "png"):
        assert (tmp_path / f"report/figures/new.{kind}").stat().st_size > 500
    (section,) = json.loads((tmp_path / "report/report.json").read_text())["sections"]
    (item,) = section["items"]
    assert (section["title"], item["stem"]) == ("A scratch section", "new")
    shown = "Made for fixture: bold, a name_with_lines and code_too."
    assert "".join(text for _, text in item["caption"]) == shown
    assert f"Figure 1. {shown}" in pdf_text(out)
    assert "1 A scratch section" in pdf_text(out)
    assert f"Newest. {shown}" in html_text(tmp_path / "report.html")
    assert (tmp_path / "report/figures/new.csv").read_text() == "x,y\n1,2\n"
    assert rst_captions(tmp_path / "report/report.json") == {
        "new": r"**Newest.** Made for fixture: **bold**, a name\_with\_lines and ``code_too``."
    }


@pytest.mark.usefixtures("svg_alone")
def test_every_figure_has_its_caption_everywhere(results: Path, tmp_path: Path) -> None:
    cards = [write_card(tmp_path / "cards", task) for task in (A, MAZE)]
    out = tmp_path / "report.pdf"
    build.build(everything(), known(), results, cards, out, source_hash)
    content = json.loads((tmp_path / "report/report.json").read_text())
    items = [item for section in content["sections"] for item in section["items"]]
    captions = {
        item["stem"]: "".join(text for face, text in item["caption"] if face != "table")
        for item in items
        if item["kind"] == "figure"
    }
    drawn = {path.stem for path in (tmp_path / "report/figures").glob("*.svg")}
    assert set(captions) == drawn >= {"aggregate", "profiles", "finetune", "overall"}
    texts = [pdf_text(out), html_text(tmp_path / "report.html")]
    listed = rst_captions(tmp_path / "report/report.json")
    for stem, caption in captions.items():
        assert len(caption) > 40
        assert all(caption[:40] in text for text in texts), stem
        assert caption[:10] in listed[stem]


# --- older and unfinished records -----------------------------------------------------


def older(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def nothing_ran(results: Path, cards: list[Path]) -> None:
    """The three tables without rows, and no run."""
    for name in ("scores", "summary", "aggregate", "effects", "finetune"):
        path = results / f"{name}.csv"
        path.write_text(path.read_text().splitlines()[0] + "\n")
    for path in results.rglob("run.json"):
        path.unlink()
    cards.clear()


def older_cards(results: Path, cards: list[Path]) -> None:
    """Cards of mazes without the count of cells, and with less said of returns."""
    for card in cards:
        older(card, lambda c: c.update(proof={"reach_goal": 3}))
        older(card, lambda c: (c["return"].pop("std"), c["return"].pop("max"), c["length"].clear()))
        older(card, lambda c: (c["histogram"].clear(), c["audit"][0].pop("finding")))


def older_runs(results: Path, cards: list[Path]) -> None:
    """Runs without what was recorded later: parts of the machine, shared settings, the data."""
    for path in results.rglob("run.json"):
        older(path, lambda r: (r["machine"].clear(), r.pop("dataset_hash")))
        older(path, lambda r: (r["settings"].pop("rewards"), r.update(commit=None)))
        older(path, lambda r: r.update(online_seconds={"total": 3.0}))
        edit_record(path.parent)


@pytest.mark.usefixtures("svg_alone")
@pytest.mark.parametrize("change", [nothing_ran, older_cards, older_runs], ids=lambda c: c.__name__)
def test_no_section_fails_for_lack_of_a_record(
    change: Callable[..., None], results: Path, tmp_path: Path
) -> None:
    cards = [write_card(tmp_path / "cards", task) for task in (A, MAZE)]
    change(results, cards)
    out = tmp_path / "report.pdf"
    build.build(everything(), known(), results, cards, out, source_hash)
    text = pdf_text(out)
    assert ("not run" if change is nothing_ran else "not recorded") in text


@pytest.mark.parametrize(
    "section", [*PAGES, *APPENDIX], ids=lambda s: f"{s.__module__.rpartition('.')[2]}.{s.__name__}"
)
def test_a_section_of_a_plain_suite(
    section: Callable[[inputs.ReportInputs], Section | None], tmp_path: Path
) -> None:
    """Of two methods on one task, with no baseline, no maze and no online phase."""
    suite = make_suite([A], METHODS, seeds=3)
    write_results(tmp_path, suite)
    read = inputs.read(suite, catalogue(), tmp_path, [], source_hash)
    made = section(read)
    silent = {"claims", "finetuning", "effects", "ablations", "mazes"}
    silent |= {"losses", "notes", "strips", "stitching"}
    silent |= {"aggregates", "overall"}  # of one task they would repeat its scores
    if section.__module__ != "bench.report.pages.shortfalls":  # which the made-up scores decide
        assert (made is None) == (section.__module__.rpartition(".")[2] in silent)


def test_the_notes_of_a_suite_are_paragraphs(tmp_path: Path) -> None:
    """Their text is shown as it is: no markup, no template."""
    suite = make_suite([A], METHODS, seeds=3).model_copy(update={"notes": ("Mine.", "*a* {b}")})
    write_results(tmp_path, suite)
    made = notes.section(inputs.read(suite, catalogue(), tmp_path, [], source_hash))
    assert made is not None
    content = made.content()
    assert content is not None
    assert [i["text"] for i in content["items"]] == [[("plain", "Mine.")], [("plain", "*a* {b}")]]

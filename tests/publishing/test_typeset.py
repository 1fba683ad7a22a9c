"""Published reports typeset anew: the title of today, the publication, and unchanged results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.suite_results import (
    MAZES,
    TASKS,
    catalogue,
    edit_record,
    make_suite,
    write_card,
    write_results,
)

from bench.errors import BenchError
from bench.publishing import packing, sums, typeset
from bench.records.layouts import open_results

CATALOGUE = catalogue()
SUITE = make_suite([TASKS[0], MAZES[0]], ["iql", "bc"], seeds=3, seeds_per_job=3)
ROOT = Path("results/published")
PUBLICATION = {"version": "1.2.3", "date": "2026-01-31", "commit": "abc"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A packed suite, published long ago under another title."""
    monkeypatch.chdir(tmp_path)
    write_results(Path("results/fixture"), SUITE)
    for task in SUITE.tasks:
        place = Path(f"data/transitions/fixture/{task}-100k-v0/card.json")
        place.parent.mkdir(parents=True)
        card = json.loads(write_card(Path("cards"), task).read_text())
        place.write_text(json.dumps({**card, "hash": "00ff"}))
    for name in open_results(Path("results/fixture")).runs:
        edit_record(Path("results/fixture/runs") / name, dataset_hash="00ff")
    Path("old.pdf").write_text("old")
    packing.pack(Path("results/fixture"), Path("old.pdf"), ROOT / "fixture", [])
    sums.write(ROOT / "fixture")
    sums.write(ROOT)
    Path("config").mkdir()
    Path("config/fixture.yaml").touch()
    titled = SUITE.model_copy(update={"title": "Anew"})
    monkeypatch.setattr(CATALOGUE, "read_suite", lambda _: titled)
    return ROOT / "fixture"


def build(suite: Any, _: Path, cards: Sequence[Path], publication: Any, out: Path) -> None:
    out.write_text(json.dumps([suite.title, len(cards), publication]))


def test_a_report_gets_the_title_of_today(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    monkeypatch.setattr(typeset, "clean_publication", lambda: PUBLICATION)
    assert typeset.typeset(ROOT, CATALOGUE, build) == [str(folder / "report.pdf")]
    title, cards, publication = json.loads((folder / "report.pdf").read_text())
    assert (title, publication) == ("Anew", PUBLICATION)
    assert cards == len(open_results(folder).cards())
    changed = {p.name for p in folder.iterdir() if before.get(p.name) != p.read_bytes()}
    assert changed == {"report.pdf", "suite.json", "publication.json", "SHA256SUMS"}
    assert json.loads((folder / "suite.json").read_text())["title"] == "Anew"
    assert sums.differences(ROOT) == []
    folder.rename(ROOT / "fixture-again")
    typeset.typeset(ROOT, CATALOGUE, build)
    title = json.loads((ROOT / "fixture-again/report.pdf").read_text())[0]
    assert title == "Anew, on data collected again"
    assert not list(ROOT.glob(".typesetting-*"))


def test_a_tree_with_changes_typesets_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise BenchError("publish: 1 files differ")

    monkeypatch.setattr(typeset, "clean_publication", refuse)
    with pytest.raises(BenchError, match="1 files differ"):
        typeset.typeset(ROOT, CATALOGUE, build)
    assert (folder / "report.pdf").read_text() == "old"

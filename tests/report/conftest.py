"""Shared by the tests of reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.suite_results import MAZES, TASKS, catalogue, make_suite, source_hash, write_results

from bench.report.build import build
from bench.report.figures import style


@pytest.fixture
def svg_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw figures in the one format that the PDF and the page show, which halves the time."""
    monkeypatch.setattr(style, "FORMATS", ("svg",))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The HTML page of a made-up suite, with one missing and one diverged run."""
    folder = tmp_path_factory.mktemp("page")
    suite = make_suite([TASKS[0], TASKS[1], MAZES[5]], ["iql", "bc", "bc10"])
    suite = suite.model_copy(update={"title": "A <b>bold</b> & made-up title"})
    write_results(folder / "results", suite, skip=[("bc", TASKS[0])], diverged=[("bc", TASKS[1])])
    out = folder / "reports" / "fixture.pdf"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "FORMATS", ("svg",))
        build(suite, catalogue(), folder / "results", [], out, source_hash)
    return out.with_suffix(".html")

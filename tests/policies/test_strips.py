"""The report's strips: whose episode is drawn, and what is said where none can be."""

from __future__ import annotations

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest
from helpers import suite_results
from helpers.suite_results import TASKS, make_suite, write_results

from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.paths import SuiteFolder
from bench.policies import drawing, finished, strips
from bench.report import inputs
from bench.report.section import Figure, Paragraph
from bench.report.sections.strips import section


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SuiteFolder:
    """Made-up results of three methods on two tasks."""
    monkeypatch.chdir(tmp_path)
    folder = SuiteFolder.of("fixture")
    write_results(folder.path, make_suite(methods=("iql", "bc", "td3_bc")))
    return folder


def read(results: SuiteFolder) -> inputs.ReportInputs:
    suite, catalogue = make_suite(methods=("iql", "bc", "td3_bc")), suite_results.catalogue()
    return inputs.read(suite, catalogue, results.path, [], suite_results.source_hash)


def test_the_highest_and_the_lowest_mean_are_drawn() -> None:
    rows = [("a", "iql", 3.0), ("a", "bc", 9.0), ("a", "dt", np.nan), ("a", "awr", 1.0)]
    frame = pd.DataFrame([*rows, ("b", "bc", 2.0)], columns=["task", "method", "mean"])
    assert list(strips.extremes(frame, "a")) == ["bc", "awr"]
    assert list(strips.extremes(frame, "b")) == ["bc"]
    assert list(strips.extremes(frame, "c")) == []


def test_without_a_renderer_the_report_says_so_in_a_sentence(
    results: SuiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "BACKENDS", ("absent",))
    monkeypatch.setenv("MUJOCO_GL", "disable")
    before = {path: path.read_bytes() for path in results.path.rglob("*.csv")}
    strips.draw(make_suite(), suite_results.catalogue())
    assert read_json(results.strips)["strips"] == []
    assert {path: path.read_bytes() for path in results.path.rglob("*.csv")} == before
    made = section(read(results))
    assert made is not None
    [paragraph] = made.items
    assert isinstance(paragraph, Paragraph)
    assert "No picture: render: nothing here draws without a screen" in paragraph.text


def test_a_policy_that_cannot_be_loaded_costs_its_task_alone(
    results: SuiteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(folder: Path, seed: int | None = None) -> finished.Policy:
        raise BenchError(f"{folder}: no networks.")

    monkeypatch.setattr(drawing, "backend", lambda: "egl")
    monkeypatch.setattr(finished, "load", refused)
    content = strips.draw(make_suite(), suite_results.catalogue())
    assert list(content["missing"]) == list(TASKS[:2])
    assert content["missing"][TASKS[0]].endswith("/0-4: no networks.")


def test_each_strip_is_shown_with_its_score(results: SuiteFolder) -> None:
    assert section(read(results)) is None  # none was asked for
    entry = {"task": TASKS[1], "method": "bc", "seed": 0, "steps": 1200, "return": 250.0}
    other = entry | {"task": "../../elsewhere"}
    write_json(results.strips, {"strips": [entry, other], "missing": {}})
    imageio.imwrite(results.strip(TASKS[1], "bc"), np.full((20, 60, 3), 7, np.uint8))
    made = section(read(results))
    assert made is not None
    [figure] = made.items
    assert isinstance(figure, Figure)
    [axis] = figure.draw().axes
    assert axis.get_title(loc="left") == f"{TASKS[1]}, BC: score 25.0 in 1,200 steps"
    assert axis.images[0].get_array().shape[:2] == (20, 60)  # type: ignore[union-attr]


def test_the_number_of_frames_leaves_no_trace_where_it_is_the_default() -> None:
    suite = make_suite()
    assert "frames" not in suite.model_dump()
    assert suite.model_copy(update={"frames": 0}).model_dump()["frames"] == 0

"""Strips of frames for a report: an episode of the best and of the worst method on each task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import write_json
from bench.paths import SuiteFolder
from bench.policies import drawing, finished
from bench.statistics.aggregates import SUMMARY_COLUMNS
from bench.statistics.frames import read_csv


def draw(suite: Suite, catalogue: Catalogue) -> dict[str, Any]:
    """Draw a suite's strips into results/SUITE/strips; return what strips.json says of them.

    `strips` lists them, and `missing` gives the reason for each task without. Nothing else changes.
    """
    results = SuiteFolder.of(suite.suite)
    summary = read_csv(results.summary, SUMMARY_COLUMNS)
    content: dict[str, Any] = {"strips": [], "missing": {}}
    try:
        drawing.backend()
    except BenchError as error:
        content["missing"] = dict.fromkeys(suite.tasks, str(error))
    for task in (t for t in suite.tasks if t not in content["missing"]):
        try:
            content["strips"] += [
                _strip(suite, catalogue, task, method) for method in extremes(summary, task)
            ]
        except BenchError as error:
            content["missing"][task] = str(error)
    write_json(results.strips, content)
    return content


def extremes(summary: pd.DataFrame, task: str) -> Iterator[str]:
    """Yield the method with the highest mean score on a task, and that with the lowest."""
    rows = summary[(summary["task"] == task) & summary["mean"].notna()].sort_values("mean")
    if len(rows):
        yield from dict.fromkeys([str(rows["method"].iloc[-1]), str(rows["method"].iloc[0])])


def _strip(suite: Suite, catalogue: Catalogue, task: str, method: str) -> dict[str, Any]:
    """Draw the first episode of the method's first seed that did not diverge."""
    results = SuiteFolder.of(suite.suite)
    folder = results.run(method, task, suite.blocks()[0]).path
    policy = finished.load(folder, finished.load(folder).seeds[0])
    played = drawing.play(policy, catalogue.tasks[task].env_id, 0)
    drawing.write_strip(drawing.frames(played, suite.frames), results.strip(task, method))
    facts = {"seed": policy.seeds[0], "steps": len(played.states) - 1, "return": played.total}
    return {"task": task, "method": method, **facts}

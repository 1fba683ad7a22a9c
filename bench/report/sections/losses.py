"""What tasks without an environment have instead of scores: the losses of their runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from bench.paths import SuiteFolder
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.table import NOT_RUN, Table, number, row_of
from bench.statistics.frames import read_csv

PLACE = ["phase", "step", "seed"]
Curves = Mapping[tuple[str, str], pd.DataFrame]  # by task and method


def section(inputs: ReportInputs) -> Section | None:
    """Say that nothing was scored, and tabulate the losses; None if all tasks are scored."""
    tasks = [name for name, task in inputs.tasks.items() if not task.scored]
    if not tasks:
        return None
    rows = [row for task in tasks for row in _rows(task, inputs)]
    header = ("task", "method", "metric", "first", "last", "seeds")
    table = Table("losses", header, "lllrrr", tuple(rows))
    return Section(
        "Losses",
        "Losses of tasks without an environment",
        (
            Paragraph(NOT_SCORED.format(plain(", ".join(tasks)))),
            CaptionedTable(table, CAPTION, size=8, merge=(0, 1)),
        ),
    )


NOT_SCORED = (
    "Nothing was scored on {}: without an environment no policy can act there. The losses show how "
    "training went; they do not tell which policy is better."
)
CAPTION = (
    "Metrics at the first and the last logged update, means over seeds. Losses of different "
    "methods are on different scales."
)


def _rows(task: str, inputs: ReportInputs) -> Iterator[tuple]:
    for method, label in inputs.labels.items():
        frame = _metrics(task, method, inputs)
        if frame is None:
            yield row_of(task, label, NOT_RUN, NOT_RUN, NOT_RUN, "0")
            continue
        means = frame.groupby("step").mean(numeric_only=True)
        for metric in (name for name in frame.columns if name not in PLACE):
            values = means[metric].dropna()
            seeds = frame.loc[frame[metric].notna(), "seed"].nunique()
            ends = (number(values.iloc[i], 3) if len(values) else NOT_RUN for i in (0, -1))
            yield row_of(task, label, metric.replace("_", " "), *ends, str(seeds))


def _metrics(task: str, method: str, inputs: ReportInputs) -> pd.DataFrame | None:
    """Return the metrics of all finished seeds of a cell, or None without any."""
    results = SuiteFolder(inputs.results_dir)
    files = [results.run(method, task, seeds).metrics for seeds in inputs.suite.blocks()]
    frames = [read_csv(path, PLACE) for path in files if path.exists()]
    return pd.concat(frames) if frames else None

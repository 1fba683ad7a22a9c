"""Mazes: success rates, and maps of learned values and policies."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from bench.config.types import Suite
from bench.errors import BenchError
from bench.paths import SuiteFolder
from bench.records.sealed_tensors import problem
from bench.report import plotted
from bench.report.figures.mazes import Trace, Values, success_bars, success_map, value_maps
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Figure, Item, Paragraph, Section
from bench.statistics import published

VALUES = ("values", "value_rank", "positions")  # keys of a trace whose method has a state value


def section(inputs: ReportInputs) -> Section | None:
    """Show success in several mazes, and the maps of the traced ones; None without either."""
    suite, mazes = inputs.offline, inputs.mazes
    items: list[Item] = []
    untraced: list[str] = []
    shown = False  # whether page 3 has the maps of a task, with PANELS methods
    if len(mazes) > 1:
        paper = published.beside(list(mazes), suite.methods)
        same_data = all(task.endswith("-v0") for task, _ in paper)
        ticks = TICKS.format("" if same_data else ", which differ from this suite’s")
        numbers = inputs.summary[inputs.summary["task"].isin(mazes)]
        if len(suite.methods) * len(mazes) > BARS:
            draw = partial(success_map, inputs.summary, inputs.labels, list(mazes))
            items.append(
                Figure("success", "Success in the mazes", SQUARES, draw, numbers, shaded=True)
            )
        else:
            draw = partial(success_bars, inputs.summary, inputs.labels, list(mazes), paper)
            caption = SUCCESS + (ticks if paper else "")
            items.append(Figure("success", "Success in the mazes", caption, draw, numbers))
    for task in suite.maps.tasks if suite.maps else ():
        traces = traces_of(task, inputs)
        if not traces:
            untraced.append(task)
        elif shown or len(traces) > PANELS:
            items.append(value_map(task, inputs, traces))
        shown = shown or bool(traces)
    if untraced and inputs.runs.found:
        items.append(Paragraph(UNTRACED.format(plain(" and ".join(untraced)))))
    return Section("Mazes", inputs.heading("Mazes"), tuple(items)) if items else None


PANELS = 2  # methods in the maze of page 3
BARS = 24  # of a figure at most; more are squares
SQUARES = (
    "Success in the mazes at the last evaluation, in percent of episodes; mean over seeds, and "
    "below it its 95% CI (omitted below three seeds). White: not run."
)
UNTRACED = (
    "The values and policies on {} are not shown, because the runs were not traced or their traces "
    "are not among these files (`python -m bench trace`)."
)
SUCCESS = (
    "Success in the mazes at the last evaluation: share of episodes that reach the goal, mean over "
    "seeds with 95% CI (from the episodes, with the seed as cluster; omitted below three seeds). A "
    "marker at 0: no episode succeeded."
)
TICKS = " Black ticks: the paper’s Table 1, on D4RL’s v0 datasets{}."


def traces_of(task: str, inputs: ReportInputs) -> dict[str, Trace]:
    """Return the traces of the suite's mapped methods on a task, by label; no others."""
    suite, methods = inputs.suite, inputs.catalogue.methods
    found = {
        methods[m].label: read_trace(suite, inputs.results_dir, m, task)
        for m in (suite.maps.methods if suite.maps else ())
    }
    return {label: trace for label, trace in found.items() if trace is not None}


def value_map(task: str, inputs: ReportInputs, traces: Mapping[str, Trace]) -> Figure:
    """Map the values and policies that methods learned in a task's maze."""
    draw = partial(value_maps, inputs.mazes[task], traces)
    title = f"Learned values and policies on {task}"
    numbers = plotted.maze(inputs.mazes[task], traces)
    return Figure(f"map-{task}", title, MAP.format(plain(task)), draw, numbers, shaded=True)


MAP = (
    "Learned values and policies on {}. Colour: state value, averaged over seeds and over the "
    "dataset’s observations in each square (white: no data). Colours are quantile bins, with a "
    "separate scale per method because methods scale rewards differently. ρ: Spearman correlation "
    "of the value with proximity to the goal along the corridors; 1 is a perfect ordering. Lines: "
    "up to five episodes from each seed’s last evaluation, rolled out again; a cross marks where "
    "one ended short of the goal."
)


def read_trace(suite: Suite, results_dir: Path, method: str, task: str) -> Trace | None:
    """Read what `python -m bench trace` wrote for a cell's seeds; None if it wrote nothing."""
    results = SuiteFolder(results_dir)
    files = [results.run(method, task, seeds).trace for seeds in suite.blocks()]
    for file in files:
        if file.exists() and (why := problem(file)):
            raise BenchError(
                f"{file}: {why}; delete it and run `python -m bench trace {file.parent}`."
            )
    blocks = [load_file(file) for file in files if file.exists()]
    if not sum(len(block["arrived"]) for block in blocks):
        return None
    paths = [p for block in blocks for p in block["paths"].reshape(-1, *block["paths"].shape[2:])]
    values = None
    if all(
        set(VALUES) <= set(block) for block in blocks
    ):  # all blocks have the same rows of the data
        mean = np.concatenate([block["values"] for block in blocks]).mean(axis=0)
        rank = np.concatenate([block["value_rank"] for block in blocks]).mean()
        values = Values(blocks[0]["positions"], mean, float(rank))
    arrived = np.concatenate([block["arrived"].ravel() for block in blocks])
    return Trace([path[np.isfinite(path).all(axis=1)] for path in paths], arrived, values)

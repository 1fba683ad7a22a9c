"""A page with the curves of a suite's runs, finished or running, which a browser reloads itself."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs
from plotly.subplots import make_subplots

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.files import write_text
from bench.records.curves import RETURN, Scalar, suite_curves
from bench.records.layouts import Results

HEIGHT = 320  # pixels of a row of panels
WIDE = 2  # panels in a row
Line = list[tuple[int, float]]  # step, and mean over seeds


def write(suite: Suite, catalogue: Catalogue, stored: Results, out: Path, reload: float) -> int:
    """Write the page and, beside it, plotly's script; return the number of curves.

    Each task has a panel of scores, or without an environment one of every metric; a line is the
    mean over the seeds that have reached a step. The page reloads every `reload` seconds, 0: never.
    """
    lines = _lines(suite, catalogue, stored)
    titles = list(lines) or ["nothing has run yet"]
    figure = make_subplots(math.ceil(len(titles) / WIDE), WIDE, subplot_titles=titles)
    for number, panel in enumerate(lines.values()):
        place = {"row": number // WIDE + 1, "col": number % WIDE + 1}
        for method, line in panel.items():
            steps, values = zip(*line, strict=True)
            figure.add_trace(
                go.Scatter(x=steps, y=values, name=method, legendgroup=method), **place
            )
    height = HEIGHT * math.ceil(len(titles) / WIDE)
    figure.update_layout(title=suite.title, height=height, template="plotly_white")
    out.parent.mkdir(parents=True, exist_ok=True)
    page = figure.to_html(include_plotlyjs="directory", div_id="curves")
    if reload:
        refresh = f'<head><meta http-equiv="refresh" content="{reload:g}">'
        page = page.replace("<head>", refresh, 1)
    script = out.parent / "plotly.min.js"
    if not script.exists():
        write_text(script, get_plotlyjs())
    write_text(out, page)
    return sum(len(panel) for panel in lines.values())


def _lines(suite: Suite, catalogue: Catalogue, stored: Results) -> dict[str, dict[str, Line]]:
    """Return title -> method -> line."""
    found: dict[tuple[str, str], list[Scalar]] = defaultdict(list)
    for method, name, _, curves in suite_curves(suite, stored):
        found[name, method] += [scalar for of_seed in curves.values() for scalar in of_seed]
    panels: dict[str, dict[str, Line]] = defaultdict(dict)
    for name in suite.tasks:
        task = catalogue.tasks[name]
        for method in suite.methods:
            scalars = found[name, method]
            for tag in dict.fromkeys(tag for _, tag, _ in scalars):
                phase, _, metric = tag.partition("/")
                if task.scored != (metric == RETURN):
                    continue
                shown = "score" if task.scored else metric.replace("_", " ")
                line = _mean([(step, value) for step, t, value in scalars if t == tag])
                if task.scored:
                    line = [(step, task.score(value)) for step, value in line]
                when = "" if phase == "offline" else f", {phase}"
                panels[f"{name}: {shown}{when}"][catalogue.methods[method].label] = line
    return panels


def _mean(values: Line) -> Line:
    by_step: dict[int, list[float]] = defaultdict(list)
    for step, value in values:
        by_step[step].append(value)
    return [(step, math.fsum(found) / len(found)) for step, found in sorted(by_step.items())]

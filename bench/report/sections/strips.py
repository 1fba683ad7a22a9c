"""An episode of the best and of the worst method on each task, as strips of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import image
from matplotlib.figure import Figure as Drawing

from bench.files import read_json
from bench.paths import SuiteFolder
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Figure, Item, Paragraph, Section

ROW, WIDTH = 1.15, 7.0  # inches


def section(inputs: ReportInputs) -> Section | None:
    """Show the strips that were drawn, and say why others were not; None if none was asked for."""
    results = SuiteFolder(inputs.results_dir)
    if not inputs.suite.frames or not results.strips.exists():
        return None
    content = read_json(results.strips)
    known = set(inputs.suite.tasks), set(inputs.suite.methods)
    drawn = [
        (entry, path)
        for entry in content.get("strips", [])
        if entry["task"] in known[0] and entry["method"] in known[1]
        if (path := results.strip(entry["task"], entry["method"])).exists()
    ]
    items: list[Item] = []
    if drawn:
        titles = [_title(entry, inputs) for entry, _ in drawn]
        paths = [path for _, path in drawn]
        figure = partial(strips, list(zip(titles, paths, strict=True)))
        numbers = pd.DataFrame([entry for entry, _ in drawn])
        items.append(
            Figure("strips", "Episodes of policies", CAPTION, figure, numbers, shaded=True)
        )
    reasons = dict.fromkeys(content.get("missing", {}).values())
    items += [Paragraph(MISSING.format(plain(reason))) for reason in reasons]
    return Section("Episodes", "Episodes of the best and the worst policy", tuple(items))


CAPTION = (
    "One episode of the method with the highest and of the one with the lowest mean score on each "
    "task, from its first to its last step; the frames are evenly spaced. It is the first "
    "episode of the first seed of `python -m bench render`, and none of those behind the scores."
)
MISSING = "No picture: {}"


def _title(entry: Mapping[str, Any], inputs: ReportInputs) -> str:
    label = inputs.catalogue.methods[entry["method"]].label
    score = inputs.tasks[entry["task"]].score(entry["return"])
    return f"{entry['task']}, {label}: score {score:.1f} in {entry['steps']:,} steps"


def strips(pictures: Sequence[tuple[str, Path]]) -> Drawing:
    """Draw each strip below its title."""
    figure = Drawing(figsize=(WIDTH, ROW * len(pictures)), layout="constrained")
    axes = figure.subplots(len(pictures), squeeze=False)[:, 0]
    for axis, (title, path) in zip(axes, pictures, strict=True):
        axis.imshow(image.imread(path))
        axis.set_title(title, loc="left", fontsize=8)
        axis.set_axis_off()
    return figure

"""The report as one HTML file: sortable tables, curves to zoom, every figure. Needs no network.

It says what the PDF says, from the same report.json; the PDF is the one to cite.
"""

from __future__ import annotations

import base64
import functools
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
import yaml
from matplotlib.colors import to_hex
from plotly.offline import get_plotlyjs

from bench.catalogue import Catalogue
from bench.figures import curve_of
from bench.finetune import through_both
from bench.looks import look
from bench.records import write_text
from bench.suite import Suite

TEMPLATE = Path(__file__).with_name("page.html.j2")
CAPTIONS = Path(__file__).with_name("captions.yaml")


def build(
    content: Mapping[str, Any],
    scores: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    folder: Path,
    out: Path,
) -> None:
    """Write `out` from the report's `content` and the figures below `folder`.

    Equal inputs give equal bytes. All that comes from files is escaped.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        data=json.loads(json.dumps(content)),  # tuples become lists, as in report.json
        drawing=in_script(get_plotlyjs()),
        curves=in_script(json.dumps(curves(scores, suite, catalogue), separators=(",", ":"))),
        figures=figures(folder / "figures"),
    )
    write_text(out, text)


def in_script(text: str) -> str:
    """Text that may stand inside a script element, which no `</` must close."""
    return text.replace("</", "<\\/")


@functools.cache
def captions() -> dict[str, dict[str, str]]:
    """What each figure shows, by the name of its file or the beginning of it."""
    loaded: dict[str, dict[str, str]] = yaml.safe_load(CAPTIONS.read_text(encoding="utf-8"))
    return loaded


def caption(stem: str) -> dict[str, str]:
    """`title` and `text` of a figure; one of several a task has the task in its title."""
    known = captions()
    if stem in known:
        return known[stem]
    kind = next(k for k in known if k.endswith("-") and stem.startswith(k))
    return {**known[kind], "title": f"{known[kind]['title']}: {stem.removeprefix(kind)}"}


def figures(folder: Path) -> list[dict[str, str]]:
    """The figures of a report in the order of their captions, each with its image as a URL."""
    order = list(captions())

    def place(path: Path) -> tuple[int, str]:
        kind = next(i for i, k in enumerate(order) if path.stem == k or path.stem.startswith(k))
        return kind, path.stem

    found = []
    for path in sorted(folder.glob("*.svg"), key=place):
        image = base64.b64encode(path.read_bytes()).decode()
        url = f"data:image/svg+xml;base64,{image}"
        found.append({"name": path.stem, "url": url, **caption(path.stem)})
    return found


def curves(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> dict[str, Any]:
    """The learning curves: the looks of the methods, a list of lines a task, and their axis.

    A line has `method` and the columns of figures.curve_of, with null for no interval. With an
    online phase, offline updates count up to 0 and environment steps from there.
    """
    online = (scores["phase"] == "online").any()
    charts: dict[str, list[dict[str, Any]]] = {task: [] for task in suite.tasks}
    for task, method in itertools.product(suite.tasks, suite.methods):
        cell = scores[(scores["task"] == task) & (scores["method"] == method)]
        if len(cell):
            cell = through_both(cell, suite.updates_of(method)) if online else cell
            columns = curve_of(cell, catalogue.tasks[task].bounded)
            plain = [[None if np.isnan(v) else round(v, 3) for v in c.tolist()] for c in columns]
            line = dict(zip(("step", "mean", "low", "high"), plain, strict=True))
            charts[task].append({"method": method, **line})
    looks = {m: look(m, suite.methods) for m in suite.methods}
    styles = {
        method: {
            "label": catalogue.methods[method].label,
            "color": to_hex(style.color),
            "dash": "solid" if style.line == "-" else ",".join(f"{2 * d}px" for d in style.line[1]),
        }
        for method, style in looks.items()
    }
    axis = "offline updates | online steps" if online else "updates"
    return {"methods": styles, "charts": charts, "steps": axis}

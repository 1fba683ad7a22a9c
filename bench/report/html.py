"""Write the report as one self-contained HTML file with sortable tables and zoomable curves.

Its content is that of the PDF, from the same report.json; the PDF is the version to cite.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
import pandas as pd
from matplotlib.colors import to_hex
from plotly.offline import get_plotlyjs

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.files import write_text
from bench.report.figures.method_styles import look
from bench.report.inputs import ReportInputs
from bench.report.pdf import TEMPLATES
from bench.statistics.curves import curve_of
from bench.statistics.finetuning import through_both


def build(content: Mapping[str, Any], inputs: ReportInputs, folder: Path, out: Path) -> None:
    """Write `out` from the report's `content` and the figures below `folder`.

    Equal inputs give equal bytes. All text from files is escaped.
    """
    lines = curves(inputs.scores, inputs.suite, inputs.catalogue)
    scripts = {
        "drawing": in_script(get_plotlyjs()),
        "curves": json.dumps(lines, separators=(",", ":")).replace("<", "\\u003c"),
    }
    render("page.html.j2", content, folder, out, scripts)


def render(
    template: str,
    content: Mapping[str, Any],
    folder: Path,
    out: Path,
    scripts: Mapping[str, str],
) -> None:
    """Write `out` from a template of TEMPLATES, `content` and the figures below `folder`.

    `scripts` are inserted without escaping.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["image"] = lambda stem: image(folder / "figures" / f"{stem}.svg")
    data = json.loads(json.dumps(content))  # tuples become lists, as in report.json
    write_text(out, environment.get_template(template).render(data=data, **scripts))


def in_script(text: str) -> str:
    """Escape text for a script element, which any `</` could close."""
    return text.replace("</", "<\\/")


def image(path: Path) -> str:
    """Return an SVG file as a data URL."""
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def curves(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> dict[str, Any]:
    """Return the learning curves: the style of each method, the lines of each task, the axis label.

    A line has `method` and the columns of statistics.curves.curve_of, with null where there is no
    interval. With an online phase, offline updates count up to 0 and environment steps from 0.
    """
    online = (scores["phase"] == "online").any()
    tasks = [task for task in suite.tasks if catalogue.tasks[task].scored]
    charts: dict[str, list[dict[str, Any]]] = {task: [] for task in tasks}
    for task, method in itertools.product(tasks, suite.methods):
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

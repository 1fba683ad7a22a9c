"""Write the report as one self-contained HTML file: sortable tables, zoomable and linked figures.

Its content is that of the PDF, from the same report.json; the PDF is the version to cite.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
import pandas as pd
from markupsafe import Markup
from matplotlib.colors import to_hex

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.files import write_text
from bench.report import plotted
from bench.report.figures.method_styles import look
from bench.report.figures.scores import coloured
from bench.report.inline_svg import Colors, inlined
from bench.report.inputs import ReportInputs
from bench.report.pdf import TEMPLATES
from bench.report.sections.curves import data_scores

CHARTED = "curves"  # the figure that the page draws itself
NAMES = {"figure": "Figure", "table": "Table"}


def build(content: Mapping[str, Any], inputs: ReportInputs, folder: Path, out: Path) -> None:
    """Write `out` from the report's `content` and the figures below `folder`.

    Equal inputs give equal bytes. All text from files is escaped.
    """
    methods = styles(inputs.suite, inputs.catalogue)
    stems = {i["stem"] for s in content["sections"] for i in s["items"] if i["kind"] == "figure"}
    charts = curves(inputs) if CHARTED in stems else {}
    render("page.html.j2", content, folder, out, methods, charts)


def render(
    template: str,
    content: Mapping[str, Any],
    folder: Path,
    out: Path,
    methods: Mapping[str, Mapping[str, str]],
    charts: Mapping[str, Any],
) -> None:
    """Write `out` from a template of TEMPLATES, `content` and the figures below `folder`.

    `methods` are styles by name; `charts` are the lines of the figure CHARTED, if any.
    """
    environment = templates()
    data = json.loads(json.dumps(content))  # tuples become lists, as in report.json
    by_label = {style["label"]: name for name, style in methods.items()}
    numbered(data["sections"])
    identify(data["sections"], by_label)
    colors = Colors()
    for style in methods.values():
        colors.variable(style["color"])
    figures = folder / "figures"

    def svg(stem: str, alt: str, shaded: bool) -> Markup:
        text = (figures / f"{stem}.svg").read_text(encoding="utf-8")
        return inlined(text, stem, alt, None if shaded else colors)

    environment.globals["svg"] = svg
    environment.globals["csv"] = lambda stem: data_url(figures / f"{stem}.csv")
    environment.filters["slug"] = slug
    shared = {"methods": methods, "charts": charts}
    body = environment.get_template(template).render(
        data=data,
        methods=methods,
        by_label=by_label,
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        script=Markup((TEMPLATES / "page.js").read_text(encoding="utf-8")),
        charts=Markup((TEMPLATES / "charts.js").read_text(encoding="utf-8")),
        charted=CHARTED if charts else "",
        shared=Markup(in_script(json.dumps(shared, separators=(",", ":")))),
    )
    write_text(out, body.replace(COLORS, colors.css()))


def templates() -> jinja2.Environment:
    """Return the environment of TEMPLATES: text is escaped, an unknown name is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


COLORS = "/* colours */"  # in the style sheet, which precedes the figures that use them


def in_script(text: str) -> str:
    """Escape JSON for a script element, which any `</` could close."""
    return text.replace("<", "\\u003c")


def data_url(path: Path) -> str:
    """Return a CSV file as a data URL."""
    return f"data:text/csv;charset=utf-8,{quote(path.read_text(encoding='utf-8'))}"


def slug(text: str) -> str:
    """Return a text as part of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def items_of(sections: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    """Yield the items of one kind, in order."""
    for section in sections:
        yield from (item for item in section["items"] if item["kind"] == kind)


def numbered(sections: list[dict[str, Any]]) -> None:
    """Give figures and tables their numbers in the PDF, and name them in references."""
    names = {}
    for kind, word in NAMES.items():
        for count, item in enumerate(items_of(sections, kind), start=1):
            item["number"] = f"{word} {count}"
            if kind == "table":
                names[item["table"]["name"]] = item["number"]
    for section in sections:
        for item in section["items"]:
            for key in ("caption", "text"):
                if isinstance(item.get(key), list):
                    item[key] = [[face, text, names.get(text, "")] for face, text in item[key]]


def identify(sections: list[dict[str, Any]], by_label: Mapping[str, str]) -> None:
    """Name each cell by table, row and column; add its method and its link.

    A score links to the first of its runs, and a run's task back to the score.
    """
    ids: set[str] = set()
    first_run: dict[str, str] = {}
    scores: dict[str, str] = {}
    tables = list(items_of(sections, "table"))
    for item in tables:
        header = item["table"]["header"]
        for row in item["table"]["rows"]:
            named = [cell["text"] for cell in row if cell["text"]][: 1 + item["runs"]]
            own = next((cell["text"] for cell in row if cell["text"] in by_label), "")
            for cell, column in zip(row, header, strict=True):
                cell["id"] = fresh(
                    "--".join(map(slug, (item["table"]["name"], *named, column))), ids
                )
                cell["method"] = by_label.get(own or column, "")
                if cell["run"] and not item["runs"]:
                    scores.setdefault(cell["run"], cell["id"])
            if item["runs"]:
                first_run.setdefault(" ".join(named), row[0]["id"])
    for item in tables:
        targets = scores if item["runs"] else first_run
        for cell in (cell for row in item["table"]["rows"] for cell in row):
            target = targets.get(cell["run"])
            cell["link"] = f"#{target}" if target else cell["address"]


def fresh(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, and take it."""
    count = 1
    while (found := name if count == 1 else f"{name}-{count}") in taken:
        count += 1
    taken.add(found)
    return found


def styles(suite: Suite, catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Return label, colour and dashes of each method of the suite, by name."""
    looks = {m: look(m, suite.methods) for m in suite.methods}
    return {
        method: {
            "label": catalogue.methods[method].label,
            "color": to_hex(style.color),
            "dash": "none" if style.line == "-" else " ".join(f"{2 * d:g}" for d in style.line[1]),
        }
        for method, style in looks.items()
    }


def curves(inputs: ReportInputs) -> dict[str, Any]:
    """Return what the figure of learning curves shows, for the page to draw.

    A line has `method` and the columns of plotted.CURVES, with null where there is no interval.
    """
    tasks, labels = inputs.offline.tasks, inputs.labels
    points = plotted.curves(inputs, labels, tasks).round(3)
    lines: dict[str, list[dict[str, Any]]] = {task: [] for task in tasks}
    for (task, method), cell in points.groupby(["task", "method"], sort=False):
        columns = {
            name: [None if pd.isna(value) else value for value in cell[name].to_list()]
            for name in plotted.CURVES[2:]
        }
        lines[str(task)].append({"method": method} | columns)
    shown = coloured(inputs.scores, labels)
    return {"lines": lines, "coloured": shown, "data": data_scores(inputs)}

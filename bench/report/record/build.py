"""Build reports/record.pdf, its HTML page and its folder of tables, figures and numbers."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from bench import files
from bench.literature import sentences
from bench.literature.analysis import Analysis, pooled, reproductions, unused
from bench.literature.pooling import RULE
from bench.records import machine
from bench.report import html, pdf
from bench.report.build import write_files
from bench.report.figures import style
from bench.report.record import citing, figures, origins, other_tables, robustness, table1
from bench.statistics.frames import write_csv

SECTIONS = (
    table1.cells,
    other_tables.table2,
    table1.baselines,
    other_tables.other_data,
    robustness.sensitivity,
    robustness.evaluation,
    robustness.seeds,
    origins.conflicts,
)
HEAT_MAP = (
    f"Pooled difference of others’ scores from the paper’s, in points, with the number of "
    f"reproductions k. Colour saturates at {figures.LIMIT:g} points; italics are single sources. "
    "Right: the verdict with the paper’s settings."
)


def build(found: Analysis, out_pdf: Path) -> None:
    """Write `out_pdf`, the page beside it, and a folder with everything that they show."""
    folder = out_pdf.with_suffix("")
    used = reproductions(found.all())
    made = [*(make(found) for make in SECTIONS), origins.sources(found, used)]
    style.write(partial(figures.heat_map, found.iql), folder / "figures/heat_map")
    for section in made:
        write_files(section, folder)
    content = first_page(found) | {"sections": [s.content() for s in made if s.content()]}
    files.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    write_data(found, folder)
    files.write_text(folder / "page.md", citing.page(found))
    html.render("record.html.j2", content, folder, out_pdf.with_suffix(".html"), {}, {})
    pdf.typeset("record.typ", folder, out_pdf)


def first_page(found: Analysis) -> dict[str, Any]:
    """Return the entries of report.json that precede the sections: the page that people quote."""
    scores, record = found.record.scores, found.record
    commit, _ = machine.commit()
    return {
        "title": sentences.QUESTION,
        "origin": (
            f"A meta-analysis of the published record: {len(scores):,} scores from "
            f"{len(record.sources)} sources, {len(record.seeds):,} of single runs and "
            f"{len(record.curves):,} points of curves, on D4RL’s own data. No run of this project."
        ),
        "answer": sentences.answer(found),
        "sentences": sentences.ten(found),
        "heat_map": HEAT_MAP,
        "rule": RULE,
        "cite": citing.CITE,
        "commit": commit,
        "pdf": "record.pdf",
    }


def write_data(found: Analysis, folder: Path) -> None:
    """Write the numbers behind the report as CSV, LaTeX macros and BibTeX."""
    used = reproductions(found.all())
    frames = {
        "reproductions": used,
        "unused": unused(found.record, used),
        "estimates": pooled(found.all()),
        "choices": found.choices,
        "late_ranges": found.late,
        "seeds_needed": found.seeds,
        "conflicts": found.conflicts,
    }
    for name, frame in frames.items():
        write_csv(frame, folder / f"{name}.csv")
    numbers = [*found.iql, *found.baselines, *found.kitchen]
    files.write_text(folder / "numbers.tex", citing.macros(numbers))
    commits = found.record.scores.groupby("source")["commit"].first()
    bib = citing.bibtex(found.record.sources, {str(k): str(v) for k, v in commits.items()})
    files.write_text(folder / "references.bib", bib)

"""Build the report of a suite: draw its figures, write its tables, typeset its PDF.

`build` writes everything the template needs into one folder, so that folder alone reproduces
the PDF with `typst compile`. Equal inputs give an equal PDF.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import files
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.records.source_hash import source_hash as current_hash
from bench.report import front, html, inputs, pdf, provenance, table
from bench.report.contents import APPENDIX, PAGES, Sections
from bench.report.figures import style
from bench.report.markup import typographic
from bench.report.section import CaptionedTable, Figure, Section
from bench.statistics.frames import write_csv


def build(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    out_pdf: Path,
    source_hash: Callable[[str, str], str] = current_hash,
    publication: Mapping[str, str] | None = None,
) -> None:
    """Write `out_pdf` and, next to it, an HTML page and a folder with all inputs of the template.

    `results_dir` is the suite's own folder. It holds scores.csv, summary.csv, aggregate.csv and
    runs/, and where they apply effects.csv (suites with a baseline), finetune.csv (with an online
    phase) and claims.json. Missing runs and cards read "not run"; runs whose source hash differs
    from what `source_hash` returns for their method and environment are marked stale. `publication`
    has the version, date and commit of a published report. Raise BenchError when a file is missing
    or malformed.
    """
    folder = out_pdf.with_suffix("")
    read = inputs.read(suite, catalogue, results_dir, cards, source_hash)
    pages = made(PAGES, read, folder)
    appendix = [entry | {"appendix": True} for entry in made(APPENDIX, read, folder)]
    sections = sorted((*pages, *appendix), key=lambda entry: entry["appendix"])
    content = typographic(
        front.page(read, publication) | {"pdf": out_pdf.name, "sections": sections}
    )
    files.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    macros = provenance.macros(read.summary, read.aggregate, suite.suite)
    files.write_text(folder / "numbers.tex", macros)
    html.build(content, read, folder, out_pdf.with_suffix(".html"))
    pdf.typeset("report.typ", folder, out_pdf)


def made(sections: Sections, read: inputs.ReportInputs, folder: Path) -> list[dict[str, Any]]:
    """Make the sections, write their files into `folder` and return their entries."""
    entries = []
    for make in sections:
        section = make(read)
        if section is not None and (content := section.content()) is not None:
            write_files(section, folder)
            entries.append(content | {"title": read.labelled(section.title)})
    return entries


def write_files(section: Section, folder: Path) -> None:
    """Write a section's tables into `folder`/tables and its figures into `folder`/figures."""
    for item in section.items:
        if isinstance(item, CaptionedTable):
            table.write(item.table, folder / "tables")
        elif isinstance(item, Figure):
            style.write(item.draw, folder / "figures" / item.stem)
            write_csv(item.numbers.map(table.inert), folder / "figures" / f"{item.stem}.csv")

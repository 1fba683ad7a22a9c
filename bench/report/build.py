"""Build the report of a suite: draw its figures, write its tables, typeset its PDF.

`build` writes everything the template needs into one folder, so that folder alone reproduces
the PDF with `typst compile`. Equal inputs give an equal PDF.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from bench import files
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.records.source_hash import source_hash as current_hash
from bench.report import front, html, inputs, pdf, prose, provenance, table
from bench.report.figures import style
from bench.report.section import CaptionedTable, Figure, Section
from bench.report.sections import SECTIONS
from bench.statistics.frames import write_csv


def build(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    out_pdf: Path,
    source_hash: Callable[[str], str] = current_hash,
) -> None:
    """Write `out_pdf` and, next to it, an HTML page and a folder with all inputs of the template.

    `results_dir` is the suite's own folder. It holds scores.csv, summary.csv, aggregate.csv and
    runs/, and where they apply effects.csv (suites with a baseline), finetune.csv (with an online
    phase) and claims.json. Missing runs and cards read "not run"; runs whose source hash differs
    from what `source_hash` returns for their method are marked stale. Raise BenchError when a file
    is missing or malformed.
    """
    folder = out_pdf.with_suffix("")
    read = inputs.read(suite, catalogue, results_dir, cards, source_hash)
    sections = [made for section in SECTIONS if (made := section(read)) is not None]
    for made in sections:
        write_files(made, folder)
    contents = [made.content() for made in sections]
    content = front.page(read) | {
        "coverage": prose.coverage(),
        "sections": [found for found in contents if found is not None],
    }
    files.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    macros = provenance.macros(read.summary, read.aggregate, suite.suite)
    files.write_text(folder / "numbers.tex", macros)
    html.build(content, read, folder, out_pdf.with_suffix(".html"))
    pdf.typeset("report.typ", folder, out_pdf)


def write_files(section: Section, folder: Path) -> None:
    """Write a section's tables into `folder`/tables and its figures into `folder`/figures."""
    for item in section.items:
        if isinstance(item, CaptionedTable):
            table.write(item.table, folder / "tables")
        elif isinstance(item, Figure):
            style.write(item.draw, folder / "figures" / item.stem)
            if item.numbers is not None:
                write_csv(item.numbers, folder / "figures" / f"{item.stem}.csv")

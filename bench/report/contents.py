"""The sections of the report, in order: the first three pages, and the appendix.

A section is a function of the inputs that returns None where it does not apply to the suite. To
add one, list it here. It is then drawn and shown in the PDF, the HTML page and Snakemake's report.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.report.inputs import ReportInputs
from bench.report.pages import basis, overall, overview, shortfalls, stitching
from bench.report.section import Section
from bench.report.sections import (
    ablations,
    aggregates,
    claims,
    cost,
    curves,
    data,
    effects,
    finetuning,
    losses,
    mazes,
    notes,
    progress,
    provenance,
    published,
    reading,
    scores,
    settings,
    strips,
)

Sections = tuple[Callable[[ReportInputs], Section | None], ...]

PAGES: Sections = (
    overview.section,
    notes.section,
    effects.section,
    ablations.section,
    scores.section,
    overall.section,
    losses.section,
    stitching.section,
    finetuning.section,
    shortfalls.section,
    basis.section,
)
APPENDIX: Sections = (
    reading.section,
    progress.section,
    claims.section,
    finetuning.details,
    published.section,
    aggregates.section,
    curves.section,
    mazes.section,
    strips.section,
    data.section,
    settings.overridden,
    cost.section,
    provenance.section,
    settings.section,
)

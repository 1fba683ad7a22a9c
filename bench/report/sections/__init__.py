"""The sections of the report, in order; each makes its tables and figures from the inputs.

To add a figure, declare a `Figure` in one of these modules. It is then drawn and shown with its
caption in the PDF, the HTML page and Snakemake's report.
"""

from __future__ import annotations

from collections.abc import Callable

from bench.report.inputs import ReportInputs
from bench.report.section import Section
from bench.report.sections import (
    ablations,
    aggregates,
    claims,
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
    scores,
    settings,
    strips,
)

# A section is None where it does not apply to the suite.
SECTIONS: tuple[Callable[[ReportInputs], Section | None], ...] = (
    notes.section,
    progress.section,
    claims.section,
    finetuning.section,
    scores.section,
    losses.section,
    published.section,
    effects.section,
    ablations.section,
    aggregates.section,
    curves.section,
    mazes.section,
    strips.section,
    data.section,
    settings.section,
    provenance.section,
)

"""Notes: what the suite's author tells its readers."""

from __future__ import annotations

from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import Paragraph, Section


def section(inputs: ReportInputs) -> Section | None:
    """Show the suite's notes, a paragraph each; None without any."""
    notes = tuple(Paragraph(plain(note)) for note in inputs.suite.notes)
    return Section("Notes", "Notes", notes) if notes else None

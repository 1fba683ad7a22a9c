"""How to read the report: what a score, an interval and a missing number mean."""

from __future__ import annotations

from bench.report.inputs import ReportInputs
from bench.report.section import Item, Paragraph, Section
from bench.report.sections import scores


def section(inputs: ReportInputs) -> Section:
    """Explain scores, intervals, aggregates, missing numbers and files."""
    items: list[Item] = [Paragraph(SCORE), Paragraph(INTERVALS)]
    if inputs.scored:
        items.append(scores.details(inputs))
    items += [Paragraph(text) for text in (AGGREGATES, MISSING, FILES)]
    return Section("Reading", "How to read this report", tuple(items))


SCORE = (
    "*One score per seed.* The score of a seed is the normalised mean return over the episodes of "
    "its last evaluation. The best evaluation of a run is never reported as its score."
)
INTERVALS = (
    "*Intervals* are 95% confidence intervals (CIs) of the mean over seeds, for these data, "
    "settings and environments. They do not extend to other datasets. Whether two methods differ "
    "is decided by the difference between their scores, seed by seed, and never by whether two CIs "
    "overlap."
)
AGGREGATES = (
    "*Aggregates* treat tasks as fixed. Sums and means over tasks are taken per seed; the "
    "bootstrap of an IQM resamples seeds within each task."
)
MISSING = (
    "*Nothing is imputed.* Missing runs read _not run_, and a method without a score on every task "
    "of a group has no aggregate there."
)
FILES = (
    "*Files.* The folder next to this PDF holds every table as CSV and LaTeX, every figure as SVG, "
    "PDF and PNG, and `numbers.tex`, which makes each number available as a LaTeX macro; "
    "`results/` holds the return of every evaluation episode. `python -m bench archive SUITE` "
    "packs all of it into one file with SHA-256 checksums."
)

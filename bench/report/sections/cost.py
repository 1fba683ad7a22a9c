"""What the runs cost: time of an update with its range over jobs, wall-clock time, memory."""

from __future__ import annotations

from collections.abc import Sequence

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.report.inputs import ReportInputs
from bench.report.section import CaptionedTable, Section
from bench.report.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, number, row_of
from bench.statistics.costs import REFERENCE, Run, seed_update_seconds, seed_updates_per_second


def section(inputs: ReportInputs) -> Section:
    """Tabulate the cost of each method."""
    table = compute_table(inputs.records, inputs.suite, inputs.catalogue)
    return Section("Cost", "Cost", (CaptionedTable(table, CAPTION, title="Cost", size=8, gap=4),))


CAPTION = (
    "Cost of the runs. _update_: milliseconds of an update, per seed (seeds are trained together, "
    "and each is charged its share), mean over jobs with the smallest and the largest below. "
    "_ratio_: to IQL’s. _paper_: ratio of the runtimes in the paper (its Table 1: 1,000,000 "
    "updates on a GTX 1080, each method with its own code). *Other work on the machine was not "
    "recorded, so these are no measurement of speed*: where a range is wide, it is the machine’s."
)


def compute_table(runs: Sequence[Run], suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate the cost of each method from the contents of its run.json files.

    Hours are summed over runs, milliseconds are means over them; memory is the largest peak.
    """
    reference, paper = seed_update_seconds(runs, REFERENCE), catalogue.methods
    theirs = paper[REFERENCE].paper_minutes if REFERENCE in paper else None
    rows = []
    for method in suite.methods:
        mine = [r for r in runs if r["settings"]["method"] == method]
        label, minutes = catalogue.methods[method].label, catalogue.methods[method].paper_minutes
        if not mine:
            rows.append(row_of(label, *[NOT_RUN] * 6))
            continue
        each = [1000 / rate for r in mine if (rate := seed_updates_per_second(r))]
        mean = sum(each) / len(each) if each else None
        spread = (f"{number(min(each), 2)} to {number(max(each), 2)}",) if len(each) > 1 else ()
        ratio = mean / 1000 / reference if mean and reference else None
        rows.append(
            row_of(
                label,
                str(len(mine)),
                number(sum(r["wall_seconds"] for r in mine) / 3600, 2),
                Cell(number(mean, 2), spread),
                number(ratio),
                number(minutes / theirs) if minutes and theirs else NOT_AVAILABLE,
                number(max(r["peak_memory_mb"] for r in mine), 0),
            )
        )
    header = ("method", "jobs", "hours", "update (ms)", "ratio", "paper", "peak memory (MB)")
    return Table("compute", header, "lrrcrrr", tuple(rows))

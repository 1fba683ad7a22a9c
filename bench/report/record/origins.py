"""Where the numbers come from: cells whose sources disagree, and the sources."""

from __future__ import annotations

import pandas as pd

from bench.literature.analysis import Analysis, unused
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Section
from bench.report.table import Table, number, row_of


def conflicts(found: Analysis) -> Section:
    """Show the cells whose sources disagree, and who is on which side."""
    rows = [
        row_of(
            r["task"],
            found.methods.get(r["method"], r["method"]),
            number(r["range"]),
            r["low"],
            r["high"],
            r["paper"] or "–",
            r["odd"] or "–",
        )
        for r in found.conflicts.to_dict("records")
    ]
    return Section(
        "Conflicts",
        "Where sources disagree",
        (
            CaptionedTable(
                Table(
                    "conflicts",
                    (
                        "dataset",
                        "method",
                        "range",
                        "below the middle",
                        "above it",
                        "paper",
                        "alone",
                    ),
                    "llrllll",
                    tuple(rows),
                ),
                "Cells whose final scores range over more than 10 points, all strata and the "
                "paper included, split at the middle of the range. _paper_: the side of the "
                "paper’s value; _alone_: the source that has its side to itself against at least "
                "two.",
                size=6.3,
                gap=2,
                widths=(0, 0, 0, 1, 1.4, 0, 0),
                breakable=True,
            ),
        ),
        landscape=True,
    )


def sources(found: Analysis, used: pd.DataFrame) -> Section:
    """List the sources, what was checked, and what of each entered."""
    counts = found.record.scores.groupby("source").size()
    entered = used.groupby("source")["mean"].size()
    left = unused(found.record, used).groupby("reason").size()
    rows = [
        row_of(
            key,
            source.title,
            str(counts[key]),
            str(entered.get(key, 0)),
            source.checked,
        )
        for key, source in found.record.sources.items()
    ]
    reasons = "; ".join(f"{reason}: {count}" for reason, count in left.items())
    return Section(
        "Sources",
        "Sources",
        (
            CaptionedTable(
                Table(
                    "sources", ("key", "source", "rows", "used", "checked"), "llrrl", tuple(rows)
                ),
                "What each source has and what entered an estimate of this report. A score of a "
                "gain counts once more. `reproductions.csv` beside this report has every score "
                f"that entered, with file and commit; `unused.csv` the others ({plain(reasons)}).",
                size=7,
                gap=3,
                widths=(0, 1, 0, 0, 1.2),
                breakable=True,
            ),
        ),
    )

"""What the numbers hang on: assumptions, the evaluation that is reported, the number of seeds."""

from __future__ import annotations

from functools import partial

import pandas as pd

from bench.literature.analysis import Analysis
from bench.literature.evidence import SEEDS
from bench.literature.pooling import DOES_NOT, NOISY, WITHIN_5, WITHIN_10
from bench.literature.protocol import CHOICES, LATE, summary
from bench.literature.seeds_needed import LEAST_RUNS, MARGINS, MOST
from bench.report.record import figures
from bench.report.record.figures import signed
from bench.report.section import CaptionedTable, Figure, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, Cell, Table, number, row_of

GRADES = (WITHIN_5, WITHIN_10, NOISY, DOES_NOT)  # from the best to the worst
SHOWN_CURVES = "nnabla-rl"


def sensitivity(found: Analysis) -> Section:
    """Show the verdicts under other choices, and which single source each hangs on."""
    header = ("choice", *(e.cell.task.replace("halfcheetah", "hc") for e in found.locomotion))
    rows = []
    base = [e.verdict for e in found.iql]
    for name, others in found.alternatives.items():
        made = []
        for e, before in zip(others[: len(found.locomotion)], base, strict=False):
            main = e.headline
            text = f"{signed(main.value)}" if main else NOT_AVAILABLE
            mark = "changed" if e.verdict != before else ""
            made.append(Cell(text, (e.verdict,), mark))
        rows.append(row_of(name, *made))
    decided = [
        [e.cell.task, e.verdict, ", ".join(found.decisive[e.cell.task]) or "none"]
        for e in found.locomotion
    ]
    changed = [name for name, o in found.alternatives.items() if [e.verdict for e in o] != base]
    steps = [
        abs(GRADES.index(e.verdict) - GRADES.index(before))
        for others in found.alternatives.values()
        for e, before in zip(others, base, strict=True)
    ]
    mazes = [
        name
        for name, others in found.alternatives.items()
        if any(e.cell.antmaze and e.verdict != b for e, b in zip(others, base, strict=True))
    ]
    on_mazes = f"some change only with: {', '.join(mazes)}" if mazes else "none changes"
    return Section(
        "Sensitivity",
        "Do the verdicts hang on what is assumed?",
        (
            Paragraph(ASSUMED),
            Paragraph(LIMITS),
            Paragraph(
                f"Some verdict changes under {len(changed)} of {len(found.alternatives) - 1} other "
                f"choices, by at most {max(steps)} step{'s'[: max(steps) != 1]} of the order "
                f"{', '.join(GRADES)}. On AntMaze-v0 {on_mazes}."
            ),
            CaptionedTable(
                Table("sensitivity", header, "l" + "c" * len(found.locomotion), tuple(rows), (1,)),
                "Pooled difference and verdict under other choices; bold where the verdict is not "
                "the reported one.",
                size=6.4,
                gap=2,
                breakable=True,
            ),
            CaptionedTable(
                Table(
                    "decisive",
                    ("dataset", "verdict", "sources without which it would be another"),
                    "lll",
                    tuple(row_of(*row) for row in decided),
                ),
                "Leaving out one source at a time.",
                size=8,
                breakable=True,
            ),
        ),
        landscape=True,
    )


ASSUMED = (
    "Where a source prints no spread, its seeds are given the pooled deviation of the other "
    "sources of the cell; where none of these has one, the paper’s spread (as SEABO quotes it), "
    "that of the dataset’s other version, or the method’s median. Where it states no seeds, "
    f"{SEEDS} are assumed, or what else is known of it. An unexplained ± is taken for a "
    "deviation. A printed spread below 0.1, the paper’s rounding, counts as 0.1. The paper’s own "
    "value is taken as printed: the question is whether that number comes out again."
)


LIMITS = (
    "*What this cannot say.* What is published is no random sample of what was tried: a port that "
    "fails is repaired or not shown, so the record may flatter. Sources are taken as independent "
    "though some share code (`corl`, `corl-finetune` and `rebrac-paper`; `offlinerl-lib` and its "
    "second configuration) or authors. Versions of MuJoCo, Gym and D4RL’s evaluation differ and "
    "are rarely stated. Some sources do not say which evaluation they print. Within-source "
    "variances come from three to ten seeds and are taken as known. Intervals are approximate for "
    "bounded scores. Fifteen verdicts are given at 95% each, without correction for their number."
)


def evaluation(found: Analysis) -> Section:
    """Show what the choice of evaluation does to the same runs."""
    table = summary(found.choices)
    rows = [
        row_of(
            CHOICES[r["choice"]],
            "IQL" if r["method"] == "iql" else "all methods",
            str(r["cells"]),
            str(r["sources"]),
            *(signed(r[name]) for name in ("median", "p90", "most")),
            r["where"],
        )
        for r in table.to_dict("records")
    ]
    late = found.late.head(15)
    published = found.record.curves
    published = published[published["source"] == SHOWN_CURVES]
    drawn = [e.cell.task for e in found.locomotion]
    return Section(
        "Protocol",
        "What the choice of evaluation does",
        (
            Paragraph(
                "The same runs give other numbers under other protocols. A score picked at its "
                "best, or at the highest point of a mean curve, is chosen with the test "
                "environment in view, so it estimates something else and enters no estimate here."
            ),
            CaptionedTable(
                Table(
                    "protocol",
                    (
                        "choice",
                        "scores of",
                        "cells",
                        "sources",
                        "median",
                        "90th pct.",
                        "most",
                        "where",
                    ),
                    "llrrrrrl",
                    tuple(rows),
                ),
                "Points above the last evaluation of the same runs.",
                size=7.5,
            ),
            Figure(
                "choices",
                "Choices of evaluation",
                "IQL’s scores by other choices, minus the last evaluation of the same runs.",
                partial(figures.choices, found.choices),
                found.choices,
            ),
            Figure(
                "curves",
                f"Curves of {SHOWN_CURVES}",
                f"IQL’s curves as {SHOWN_CURVES} publishes them: three seeds in grey, their mean "
                "in blue; the triangle is the highest point of the mean, the square the last.",
                partial(figures.curves, found.record.curves, SHOWN_CURVES, drawn),
                published[published["task"].isin(drawn)],
            ),
            CaptionedTable(
                Table(
                    "late_ranges",
                    (
                        "source",
                        "dataset",
                        "phase",
                        "seeds",
                        "evals",
                        "last",
                        "lowest",
                        "highest",
                        "range",
                    ),
                    "lllrrrrrr",
                    tuple(
                        row_of(
                            *(r[name] for name in ("source", "task", "phase")),
                            *(str(r[name]) for name in ("seeds", "evaluations")),
                            *(number(r[name]) for name in ("last", "low", "high", "range")),
                        )
                        for r in late.to_dict("records")
                    ),
                ),
                f"How far the seed-mean curve of IQL ranges in the last {1 - LATE:.0%} of training "
                "(stored every 50,000 steps), the widest fifteen: what the step at which a number "
                "is taken is worth.",
                size=7.5,
            ),
        ),
    )


def seeds(found: Analysis) -> Section:
    """Show how many seeds a cell needs."""
    tasks = [e.cell.task for e in (*found.locomotion, *found.antmaze_v2, *found.antmaze)]
    rows = found.seeds[found.seeds["task"].isin(tasks)].copy()
    rows["order"] = rows["task"].map(tasks.index)
    names = [f"within_{margin:g}" for margin in MARGINS]
    return Section(
        "Seeds",
        "How many seeds a score needs",
        (
            Paragraph(
                f"From sources that publish at least {LEAST_RUNS} runs of a cell one by one: the "
                "fewest seeds whose mean lies within the margin of the truth in 95% of draws with "
                "replacement, deviations stretched for the small number of runs. It holds for one "
                "code and its settings; between codes come the differences above."
            ),
            CaptionedTable(
                Table(
                    "seeds_needed",
                    (
                        "dataset",
                        "source",
                        "kind",
                        "runs",
                        "mean",
                        "sd",
                        *(f"seeds, ±{m:g}" for m in MARGINS),
                    ),
                    "lllrrrrr",
                    tuple(
                        row_of(
                            *(r[name] for name in ("task", "source", "kind")),
                            str(r["runs"]),
                            number(r["mean"]),
                            number(r["sd"]),
                            *(f"> {MOST}" if pd.isna(r[name]) else str(r[name]) for name in names),
                        )
                        for r in rows.sort_values(["order", "source"]).to_dict("records")
                    ),
                ),
                "Seeds needed by IQL for a mean within 2 and 5 points.",
                size=8,
            ),
        ),
    )

"""The sections of the published record: cells, tables, protocol, seeds, conflicts, sources."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd

from bench.literature.analysis import ADROIT, Analysis, pooled, unused
from bench.literature.cells import HEADLINE, Estimate
from bench.literature.evidence import SEEDS, STRATA, stem
from bench.literature.pooling import NOISY, RULE
from bench.literature.protocol import CHOICES, LATE, summary
from bench.literature.seeds_needed import LEAST_RUNS, MARGINS, MOST
from bench.report.markup import plain
from bench.report.record import figures
from bench.report.record.figures import signed
from bench.report.section import CaptionedTable, Figure, Item, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, Cell, Table, interval, number, row_of

SHOWN_CURVES = "nnabla-rl"


def sections(found: Analysis, used: pd.DataFrame) -> list[Section]:
    """Return the sections after the first page; `used` are the scores that entered."""
    makers: Sequence[Callable[[Analysis], Section]] = (
        cells,
        table2,
        baselines,
        other_data,
        sensitivity,
        evaluation,
        seeds,
        conflicts,
    )
    return [*(make(found) for make in makers), sources(found, used)]


def cells(found: Analysis) -> Section:
    """Show Table 1's cells: estimates, and a forest plot each."""
    items: list[Item] = [
        Paragraph(METHOD),
        Paragraph(RULE),
        CaptionedTable(
            estimates_table("table1_iql", found.iql), TABLE1, size=7.2, gap=3, breakable=True
        ),
    ]
    for e in found.iql:
        items.append(
            Figure(
                f"forest_{e.cell.task}",
                f"{e.cell.task}: {e.verdict}",
                f"*{plain(e.cell.task)}: {e.verdict}.* {FOREST}",
                partial(figures.forest, e),
            )
        )
    return Section("Table 1", "IQL’s fifteen scores, cell by cell", tuple(items))


METHOD = (
    "A reproduction is an independent run of IQL by somebody else, read in its source’s own files "
    "(`docs/record.md`). Its effect is its mean minus the paper’s value, its variance the squared "
    "deviation over seeds divided by their number. Effects are pooled by random effects with Paule "
    "and Mandel’s variance between sources; intervals are Hartung and Knapp’s, whose standard error "
    "is never taken below the classical one; the prediction interval is Higgins’s, with t of k − 2 "
    "degrees of freedom and not cut at the ends of the scale. The strata are never mixed without "
    "saying so: _authors_ is the authors’ own code rerun by others, _ports_ are other codes with "
    "the paper’s settings, _other_ has other or tuned settings. The verdict rests on the first two "
    "together, called the paper’s settings. Only final scores enter: the last evaluation or, if a "
    "source gives no last, the mean of the last ten or a score of unstated kind; never a best one. "
    "D4RL’s versions are other data: v0 and v2 are never pooled."
)
TABLE1 = (
    "IQL in Table 1. _k_: independent reproductions; differences are reproduction minus paper, "
    "with 95% intervals; _next_: 95% prediction interval for the difference of a further code with "
    "five seeds; n/a where k does not allow one."
)
FOREST = (
    "Squares, diamonds and circles are reproductions with their 95% interval over seeds, open and "
    "broken where the spread is assumed, _*_ where anything is. Filled diamonds are pooled "
    "differences with 95% intervals."
).replace("_*_", "an asterisk marks a row")


def estimates_table(name: str, found: Sequence[Estimate]) -> Table:
    """Tabulate published value, pooled difference of each stratum, heterogeneity and verdict."""

    def stratum(e: Estimate, which: str) -> Cell:
        p = e.pooled.get(which)
        if p is None:
            return Cell("–")
        notes = (f"k = {p.k}",) if p.k == 1 else (interval(p.low, p.high), f"k = {p.k}")
        return Cell(signed(p.value), notes)

    rows = []
    for e in found:
        main = e.headline
        rows.append(
            row_of(
                e.cell.task,
                number(e.cell.published),
                *(stratum(e, which) for which in (HEADLINE, *STRATA)),
                number(main.tau) if main else NOT_AVAILABLE,
                number(main.i2, 0) if main else NOT_AVAILABLE,
                interval(*e.next_few),
                e.verdict,
            )
        )
    header = (
        *("dataset", "paper", "paper’s settings", "authors", "ports", "other"),
        *("τ", "I², %", "next", "verdict"),
    )
    return Table(name, header, "lrccccrrcl", tuple(rows))


def table2(found: Analysis) -> Section:
    """Show fine-tuning: before, after and gain, v0 and v2 apart."""
    return Section(
        "Table 2",
        "Fine-tuning: before, after and gain",
        (
            Paragraph(
                "The paper’s Table 2 is on antmaze-v0. Few have rerun it, so no cell is decided by "
                f"the rule. Gains are paired by seed where a source publishes its runs. {SHORTFALL}"
            ),
            CaptionedTable(
                phases_table("table2", found.fine_tuning, found),
                "Fine-tuning on antmaze-v0: pooled score of others with 95% interval, and below it "
                "the paper’s value and the number of sources. AWAC’s scores after fine-tuning are "
                "only remembered, so the paper’s column is empty there.",
                size=7.5,
                gap=3,
            ),
            CaptionedTable(
                phases_table("table2_v2", found.fine_tuning_v2, found),
                "The same on antmaze-v2, other data for which the paper has no number; "
                "sources of every stratum one below the other.",
                size=7.5,
                gap=3,
            ),
        ),
    )


SHORTFALL = (
    "Scores are shown rather than differences, so that versions with and without a published value "
    "can be read side by side; they are never pooled with each other."
)


def phases_table(name: str, found: Sequence[Estimate], analysis: Analysis) -> Table:
    """Tabulate scores before and after fine-tuning and the gain, by method and task."""
    by_cell = {(e.cell.method, e.cell.task, e.cell.phase): e for e in found}
    rows, rules, seen = [], [], ""
    for method, task in dict.fromkeys((e.cell.method, e.cell.task) for e in found):
        three = [by_cell[method, task, phase] for phase in ("before", "after", "gain")]
        if not any(len(e.rows) for e in three):
            continue
        if method != seen and rows:
            rules.append(len(rows))
        seen = method
        label = analysis.methods[method]
        rows.append(row_of(label, task, *(_scores(e) for e in three)))
    return Table(name, ("method", "dataset", "before", "after", "gain"), "llccc", tuple(rows),
                 tuple(rules))  # fmt: skip


def _scores(e: Estimate) -> Cell:
    """Return the pooled score of each stratum, and the paper's below."""
    published = e.cell.published or 0.0
    notes = [f"paper {number(e.cell.published)}"] if e.cell.published is not None else []
    texts = []
    for which in (HEADLINE, "other"):
        p = e.pooled.get(which)
        if p is not None:
            low, high = p.low + published, p.high + published
            extra = "" if which == HEADLINE else ", other settings"
            texts.append(f"{number(p.value + published)} {interval(low, high)}, k = {p.k}{extra}")
    if not texts:
        return Cell("–", tuple(notes))
    return Cell(texts[0], (*texts[1:], *notes))


def baselines(found: Analysis) -> Section:
    """Show the other columns of Table 1, and IQL beside CQL where a recipe decides."""
    by_cell = {(e.cell.method, e.cell.task): e for e in found.baselines}
    methods = list(dict.fromkeys(e.cell.method for e in found.baselines))
    methods = [m for m in methods if any(e.pooled for (n, _), e in by_cell.items() if n == m)]
    rows = []
    for task in dict.fromkeys(e.cell.task for e in found.baselines):
        rows.append(row_of(task, *(_baseline(by_cell[m, task]) for m in methods)))
    header = ("dataset", *(found.methods[m] for m in methods))
    table = Table("table1_baselines", header, "l" + "c" * len(methods), tuple(rows), (9,))
    return Section(
        "Baselines",
        "The baselines’ columns of Table 1",
        (Paragraph(BASELINES), CaptionedTable(table, BASELINES_TABLE, size=7, gap=3)),
        landscape=True,
    )


BASELINES = (
    "Most of the paper’s baseline scores were taken over from other papers, so these rows compare "
    "implementations and recipes rather than reruns. Sources tuned per dataset are a stratum of "
    "their own and do not enter here. Large gaps are differences of recipe: AWAC’s "
    "column is far below every later implementation on the replay data, and CQL’s on AntMaze falls "
    "to almost nothing without the recipe for mazes. Nobody in the record has rerun Onestep RL."
)
BASELINES_TABLE = (
    "Pooled difference from the paper with its 95% interval and the number of sources, for settings "
    "not tuned per dataset. Bold: decided by the rule of Table 1."
)


def _baseline(e: Estimate) -> Cell:
    main = e.headline
    if main is None:
        return Cell("–", (f"paper {number(e.cell.published)}",))
    bounds = interval(main.low, main.high) if main.k > 1 else ""
    notes = tuple(filter(None, (bounds, f"k = {main.k}, paper {number(e.cell.published)}")))
    decided = e.verdict != NOISY
    return Cell(signed(main.value), (*notes, *([e.verdict] if decided else [])),
                "changed" if decided else "")  # fmt: skip


def other_data(found: Analysis) -> Section:
    """Show AntMaze-v2, Kitchen and Adroit."""
    mazes = {stem(e.cell.task): e.cell.published for e in found.antmaze}
    items: list[Item] = [
        Paragraph(
            "Here others ran data of a version that the paper did not score, or only one has rerun "
            "the paper’s version. Nothing of this enters a verdict on Table 1."
        ),
        CaptionedTable(
            scores_table("antmaze_v2", found.antmaze_v2, mazes, "paper (v0)"),
            "IQL on antmaze-v2, pooled by stratum, beside the paper’s scores on v0, which are of "
            "other data.",
            size=8,
        ),
        CaptionedTable(
            scores_table(
                "kitchen",
                found.kitchen,
                {stem(e.cell.task): e.cell.published for e in found.kitchen},
                "paper (v0)",
            ),
            "IQL on Kitchen v0, the version that the paper scores.",
            size=8,
        ),
        CaptionedTable(
            scores_table("adroit", found.adroit, found.adroit_paper, "paper (v0)"),
            f"IQL on Adroit v1 ({', '.join(ADROIT)}) beside the paper’s scores on v0, which are of "
            "other data. The authors’ code was rerun there with the locomotion settings.",
            size=8,
        ),
    ]
    return Section("Other data", "AntMaze-v2, Kitchen and Adroit", tuple(items))


def scores_table(
    name: str, found: Sequence[Estimate], paper: dict[str, float | None] | object, title: str
) -> Table:
    """Tabulate pooled scores by stratum beside the paper's score on another version."""
    known = dict(paper)  # type: ignore[call-overload]

    def score(e: Estimate, which: str) -> Cell:
        p = e.pooled.get(which)
        if p is None:
            return Cell("–")
        base = e.cell.published or 0.0
        notes = [interval(p.low + base, p.high + base)] if p.k > 1 else []
        return Cell(number(p.value + base), (*notes, f"k = {p.k}"))

    rows = [
        row_of(e.cell.task, number(known.get(stem(e.cell.task))), *(score(e, s) for s in STRATA))
        for e in found
    ]
    return Table(name, ("dataset", title, "authors", "ports", "other"), "lrccc", tuple(rows))


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
    return Section(
        "Sensitivity",
        "Do the verdicts hang on what is assumed?",
        (
            Paragraph(ASSUMED),
            Paragraph(
                f"A verdict changes under {len(changed)} of {len(found.alternatives) - 1} other "
                "choices, always by one step. On AntMaze-v0 it never does: fewer than three "
                "sources stay fewer than three, but for the choice that mixes the strata."
            ),
            CaptionedTable(
                Table("sensitivity", header, "l" + "c" * len(found.locomotion), tuple(rows), (1,)),
                "Pooled difference and verdict under other choices; bold where the verdict is not "
                "the reported one.",
                size=6.4,
                gap=2,
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
            ),
        ),
        landscape=True,
    )


ASSUMED = (
    "Where a source prints no spread, its seeds are given the pooled deviation of the other sources "
    "of the cell; where none of these has one, the paper’s spread (as SEABO quotes it), that of the "
    f"dataset’s other version, or the method’s median. Where it states no seeds, {SEEDS} are "
    "assumed, or what else is known of it. An unexplained ± is taken for a deviation. A printed "
    "spread below 0.1, the paper’s rounding, counts as 0.1. The paper’s own value is taken as "
    "printed: the question is whether that number comes out again."
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
    drawn = [e.cell.task for e in found.locomotion]
    return Section(
        "Protocol",
        "What the choice of evaluation does",
        (
            Paragraph(
                "The same runs give other numbers under other protocols. A score picked at its best, "
                "or at the highest point of a mean curve, is chosen with the test environment in "
                "view, so it estimates something else and enters no estimate here."
            ),
            CaptionedTable(
                Table(
                    "protocol",
                    ("choice", "scores of", "cells", "sources", "median", "90th pct.", "most", "where"),
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
                f"IQL’s curves as {SHOWN_CURVES} publishes them: three seeds in grey, their mean in "
                "blue; the triangle is the highest point of the mean, the square the last.",
                partial(figures.curves, found.record.curves, SHOWN_CURVES, drawn),
            ),
            CaptionedTable(
                Table(
                    "late_ranges",
                    ("source", "dataset", "phase", "seeds", "evals", "last", "lowest", "highest", "range"),
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
                    ("dataset", "source", "kind", "runs", "mean", "sd",
                     *(f"seeds, ±{m:g}" for m in MARGINS)),  # fmt: skip
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
                    ("dataset", "method", "range", "below the middle", "above it", "paper", "alone"),
                    "llrlllll"[:7],
                    tuple(rows),
                ),
                "Cells whose final scores range over more than 10 points, all strata and the paper "
                "included, split at the middle of the range. _paper_: the side of the paper’s value; "
                "_alone_: the source that has its side to itself against at least two.",
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
                Table("sources", ("key", "source", "rows", "used", "checked"), "llrrl", tuple(rows)),
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


def verdict_counts(found: Sequence[Estimate]) -> pd.DataFrame:
    """Return the estimates of `found` as numbers, for the folder of CSVs."""
    frame = pooled(found)
    return frame.replace({math.inf: math.nan})

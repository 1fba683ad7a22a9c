"""Table 1 in the published record: IQL cell by cell, and the baselines' columns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from bench.literature.analysis import Analysis
from bench.literature.cells import HEADLINE, Estimate
from bench.literature.evidence import STRATA
from bench.literature.pooling import NOISY, RULE
from bench.report.markup import plain
from bench.report.record import figures
from bench.report.record.figures import signed
from bench.report.section import CaptionedTable, Figure, Item, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, Cell, Table, interval, number, row_of


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
                e.rows,
            )
        )
    return Section("Table 1", "IQL’s fifteen scores, cell by cell", tuple(items))


METHOD = (
    "A reproduction is an independent run of IQL by somebody else, read in its source’s own "
    "files (`docs/record.md`). Its effect is its mean minus the paper’s value, its variance the "
    "squared deviation over seeds divided by their number. Effects are pooled by random effects "
    "with Paule and Mandel’s variance between sources; intervals are Hartung and Knapp’s, whose "
    "standard error is never taken below the classical one; the prediction interval is "
    "Higgins’s, with t of k − 2 degrees of freedom and not cut at the ends of the scale. The "
    "strata are never mixed without saying so: _authors_ is the authors’ own code rerun by "
    "others, _ports_ are other codes with the paper’s settings, _other_ has other or tuned "
    "settings. The verdict rests on the first two together, called the paper’s settings. Only "
    "final scores enter: the last evaluation or, if a source gives no last, the mean of the last "
    "ten or a score of unstated kind; never a best one. D4RL’s versions are other data: v0 and "
    "v2 are never pooled."
)
TABLE1 = (
    "IQL in Table 1. _k_: independent reproductions; differences are reproduction minus paper, "
    "with 95% intervals; _next_: 95% prediction interval for the difference of a further code with "
    "five seeds; n/a where k does not allow one."
)
FOREST = (
    "Squares, diamonds and circles are reproductions with their 95% interval over seeds, open and "
    "broken where the spread is assumed; a star marks rows where the number of seeds, the spread "
    "or the meaning of its ± is. Filled diamonds are pooled differences with 95% intervals."
)


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
                number(main.between_sd) if main else NOT_AVAILABLE,
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


def baselines(found: Analysis) -> Section:
    """Show the other columns of Table 1, and IQL beside CQL where a recipe decides."""
    by_cell = {(e.cell.method, e.cell.task): e for e in found.baselines}
    methods = list(dict.fromkeys(e.cell.method for e in found.baselines))
    silent = [m for m in methods if not any(e.pooled for (n, _), e in by_cell.items() if n == m)]
    methods = [m for m in methods if m not in silent]
    nobody = f" Nobody in the record has rerun {', '.join(found.methods[m] for m in silent)}."
    groups = {found.methods[m]: [e for e in found.baselines if e.cell.method == m] for m in methods}
    rows = []
    for task in dict.fromkeys(e.cell.task for e in found.baselines):
        rows.append(row_of(task, *(_baseline(by_cell[m, task]) for m in methods)))
    header = ("dataset", *(found.methods[m] for m in methods))
    table = Table("table1_baselines", header, "l" + "c" * len(methods), tuple(rows), (9,))
    numbers = figures.points(groups)
    return Section(
        "Baselines",
        "The baselines’ columns of Table 1",
        (
            Paragraph(BASELINES + (nobody if silent else "")),
            CaptionedTable(table, BASELINES_TABLE, size=7, gap=3, breakable=True),
            Figure("baselines", "Baselines", STRIPS, partial(figures.strips, groups), numbers),
        ),
    )


BASELINES = (
    "Most of the paper’s baseline scores were taken over from other papers, so these rows compare "
    "implementations and recipes rather than reruns. Sources tuned per dataset are a stratum of "
    "their own and do not enter here. Large gaps are differences of recipe: AWAC’s "
    "column is far below every later implementation on the replay data, and CQL’s on AntMaze falls "
    "to almost nothing without the recipe for mazes."
)
STRIPS = (
    "Each source’s difference from the paper: squares not tuned per dataset, circles other or "
    "tuned settings. Black: the pooled difference of the former with its 95% interval, where two "
    "or more exist. The band is ±10 points."
)
BASELINES_TABLE = (
    "Pooled difference from the paper with its 95% interval and the number of sources, for "
    "settings not tuned per dataset. Bold: decided by the rule of Table 1."
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

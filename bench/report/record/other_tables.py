"""Fine-tuning, and data that Table 1 lacks: AntMaze-v2, Kitchen and Adroit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from bench.literature.analysis import ADROIT, Analysis
from bench.literature.cells import HEADLINE, PHASES, Estimate
from bench.literature.evidence import STRATA, stem
from bench.report.record import figures
from bench.report.section import CaptionedTable, Figure, Item, Paragraph, Section
from bench.report.table import Cell, Table, interval, number, row_of


def table2(found: Analysis) -> Section:
    """Show fine-tuning: before, after and gain, v0 and v2 apart."""
    all_groups = {
        f"{found.methods[method]}, {phase}": [
            e for e in found.fine_tuning if (e.cell.method, e.cell.phase) == (method, phase)
        ]
        for method in ("iql", "cql")
        for phase in PHASES[1:]
    }
    groups = {name: group for name, group in all_groups.items() if any(len(e.rows) for e in group)}
    points = figures.points(groups)
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
            Figure("table2", "Table 2", STRIPS, partial(figures.strips, groups), points),
            CaptionedTable(
                phases_table("table2_v2", found.fine_tuning_v2, found),
                "The same on antmaze-v2, other data for which the paper has no number; "
                "sources of every stratum one below the other.",
                size=7.5,
                gap=3,
            ),
        ),
    )


STRIPS = (
    "Differences from Table 2 on antmaze-v0: squares are sources with the paper’s settings, "
    "black is their pooled difference with its 95% interval where two or more exist. The band is "
    "±10 points."
)
SHORTFALL = (
    "Scores are shown rather than differences, so that versions with and without a published value "
    "can be read side by side; they are never pooled with each other."
)


def phases_table(name: str, found: Sequence[Estimate], analysis: Analysis) -> Table:
    """Tabulate scores before and after fine-tuning and the gain, by method and task."""
    by_cell = {(e.cell.method, e.cell.task, e.cell.phase): e for e in found}
    rows: list[tuple[Cell, ...]] = []
    rules: list[int] = []
    seen = ""
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
    name: str, found: Sequence[Estimate], known: Mapping[str, float | None], title: str
) -> Table:
    """Tabulate pooled scores by stratum beside those of the paper, by dataset without version."""

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

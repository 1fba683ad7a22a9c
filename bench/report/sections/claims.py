"""Claims: the verdict on each, what it rests on, and the parts it is made of."""

from __future__ import annotations

from collections import Counter

from bench.claims.forecast import NEARBY, errors
from bench.claims.words import first
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.sections.verdict_tables import (
    SHOWN,
    WORDS,
    chance_table,
    exact_table,
    parts_table,
    silent_table,
    verdict_table,
)
from bench.report.table import NOT_RUN, Table
from bench.statistics import published

VERDICTS = ("reproduced", "not reproduced", "inconclusive", NOT_RUN)
EXACT = tuple(WORDS)


def section(inputs: ReportInputs) -> Section | None:
    """List verdicts, their parts, and claims not tested.

    None without claims.json, and for a suite that no claim concerns.
    """
    if inputs.claims is None or not concerned(inputs):
        return None
    entries = inputs.claims
    exact = [e for e in entries if e["decided_by"] in EXACT and e["verdict"] != NOT_RUN]
    others = [e for e in entries if e not in exact]
    decided = [e for e in others if e["verdict"] != NOT_RUN]
    elsewhere = [e for e in others if e["elsewhere"]]
    silent = [e for e in others if e["verdict"] == NOT_RUN and not e["elsewhere"]]
    many = [e for e in (*decided, *elsewhere) if len((e["elsewhere"] or e)["parts"]) > 1]
    counts = Counter(e["verdict"] for e in others)
    counted = ", ".join(f"{counts[v]} {SHOWN.get(v, v)}" for v in VERDICTS if counts[v])
    tested = [e for e in decided if e["decided_by"] == "runs"]
    differs = dict.fromkeys(text for e in elsewhere for text in e["elsewhere"]["differs"])
    stale, record = inputs.stale, inputs.published_record

    def ledger(table: Table, caption: str, title: str = "") -> CaptionedTable:
        widths = (2, 1.7, 0, 1.1, 1.4, 1) if len(table.header) == 6 else (2.3, 1.7, 0, 0, 1)
        return CaptionedTable(
            table,
            caption,
            title,
            bool(title),
            size=7.5,
            widths=widths,
            breakable=True,
            merge=(0,) if len(table.header) == 5 else (),
        )

    return Section(
        "Claims",
        "Claims",
        (
            Paragraph(INTRODUCTION.format(counted, f" {errors(len(tested))}" if tested else "")),
            ledger(verdict_table("claims", decided, stale, record), DECIDED),
            ledger(
                verdict_table("claims_elsewhere", elsewhere, stale, record),
                ELSEWHERE.format(plain(first(list(differs)))),
            ),
            CaptionedTable(
                chance_table(inputs.chances),
                CHANCES.format(len(inputs.suite.seeds) if inputs.chances else 0),
                size=7.5,
                breakable=True,
            ),
            CaptionedTable(
                exact_table(exact), ATONCE, size=7.5, widths=(2.3, 1.7, 0, 1.4), breakable=True
            ),
            ledger(
                parts_table(many, stale),
                "Results for the parts of claims with several parts.",
                "Claims with several parts",
            ),
            CaptionedTable(
                silent_table(silent, record),
                SILENT,
                "Claims not tested by this suite",
                folded=True,
                size=7.5,
                widths=(2.2, 1.6, 0.9),
                breakable=True,
            ),
        ),
    )


def concerned(inputs: ReportInputs) -> bool:
    """Return whether the suite tests a claim, or has a task that the paper has, on any data."""
    tested = [e for e in inputs.claims or () if e["decided_by"] in ("runs", "data")]
    papers = {task for task, _ in published.paper_scores()}
    return any(e["verdict"] != NOT_RUN or e["elsewhere"] for e in tested) or any(
        published.counterpart(task, papers) for task in inputs.suite.tasks
    )


INTRODUCTION = (
    "Published claims about IQL, each with a test fixed in advance in `config/claims.yaml`. "
    "Verdicts: {}. A claim about scores is decided only by runs with its protocol: every setting, "
    "network size, evaluation, planned seed and dataset is compared with what each run recorded. "
    "Otherwise it is _not tested_, and the outcome of the same test is listed separately.{}"
)
DECIDED = (
    "Verdicts. _measured_: the part of the claim with the least support, with its 95% CI. A claim "
    "holds if all its parts hold; a part refutes it at a level corrected for the number of parts. "
    "_published record_: what reproductions by others say, which enters no verdict of ours."
)
ELSEWHERE = (
    "Exploratory verdicts: the same tests on data and settings that depart from the paper’s ({}). "
    "*They do not count for or against its claims.*"
)
CHANCES = (
    "Chance of each verdict with {} seeds if the published numbers are true, computed before the "
    f"runs. {NEARBY}"
)
SILENT = "Claims not tested by this suite. _no data_: it does not have the claim’s datasets."
ATONCE = (
    "Claims that no scores decide: about ideas, on small problems solved exactly; about data, by "
    "their cards; and what the paper’s own table or the authors’ settings say of a claim."
)

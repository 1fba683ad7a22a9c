"""Claims: the verdict on each, and the parts it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, number, row_of

Entry = Mapping[str, Any]
Pairs = Collection[tuple[str, str]]
VERDICTS = ("reproduced", "not reproduced", "inconclusive", NOT_RUN)
HERE = {"reproduced": "holds here", "not reproduced": "does not hold here"}


def section(inputs: ReportInputs) -> Section | None:
    """List verdicts, their parts, and claims not tested; None without claims.json."""
    if inputs.claims is None:
        return None
    entries = inputs.claims
    decided = [e for e in entries if e["verdict"] != NOT_RUN]
    elsewhere = [e for e in entries if e["elsewhere"]]
    silent = [e for e in entries if e["verdict"] == NOT_RUN and not e["elsewhere"]]
    many = [e for e in (*decided, *elsewhere) if len((e["elsewhere"] or e)["parts"]) > 1]
    counts = Counter(e["verdict"] for e in entries)
    counted = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    differs = dict.fromkeys(text for e in elsewhere for text in e["elsewhere"]["differs"])
    stale = inputs.stale

    def ledger(table: Table, caption: str, title: str = "") -> CaptionedTable:
        widths = (2.3, 1.7, 0, 0, 1)
        return CaptionedTable(
            table, caption, title, bool(title), size=7.5, widths=widths, breakable=True
        )

    return Section(
        "Claims",
        f"Claims (data: {inputs.origin})",
        (
            Paragraph(INTRODUCTION.format(counted)),
            ledger(verdict_table("claims", decided, stale), DECIDED),
            ledger(
                verdict_table("claims_elsewhere", elsewhere, stale),
                ELSEWHERE.format(plain("; ".join(differs))),
            ),
            ledger(
                parts_table(many, stale),
                "Results for the parts of claims with several parts.",
                "Claims with several parts",
            ),
            CaptionedTable(
                silent_table(silent),
                "Claims not tested by this suite.",
                "Claims not tested by this suite",
                folded=True,
                size=7,
                widths=(1.7, 1),
                breakable=True,
            ),
        ),
    )


INTRODUCTION = (
    "Published claims about IQL, each with a test fixed in advance in `config/claims.yaml`. "
    "Verdicts: {}. Claims about D4RL’s data and the published settings are decided only by runs on "
    "both. Otherwise they stay _not run_, and the outcome of the same test is listed separately."
)
DECIDED = (
    "Verdicts. _measured_: the part of the claim that decides it, with its 95% CI (Student’s t "
    "with Welch’s degrees of freedom over seeds; for P, bootstrap over seeds; for costs, over "
    "jobs). A bound is decided if the interval lies entirely on one side of it. Equality with a "
    "published score is an equivalence test (TOST at 5%: the 90% CI lies within the margin) that "
    "includes the spread of the published score where it is known. A claim holds if all its parts "
    "hold; a part refutes it at a level corrected for the number of parts. _80% power_: the number "
    "needed per cell if means and standard deviations are as measured, a rough estimate when seeds "
    "are few."
)
ELSEWHERE = (
    "Exploratory verdicts: the same tests under conditions that depart from the paper’s ({}). "
    "*They do not count for or against a claim.*"
)


def verdict_table(name: str, entries: Sequence[Entry], stale: Pairs) -> Table:
    """Tabulate statement and source, test, published, measured and verdict, one row per claim."""
    rows = []
    for entry in entries:
        result = entry["elsewhere"] or entry
        notes = [entry["source"], *([entry["remark"]] if entry["remark"] else [])]
        differs = result.get("differs", ())
        rows.append(
            row_of(
                Cell(entry["statement"], tuple(notes)),
                Cell(entry["test"], tuple(differs)),
                _published(entry),
                _measured(result, stale),
                _verdict(result, entry["unit"], bool(differs)),
            )
        )
    header = ("claim", "test", "published", "measured", "verdict")
    return Table(name, header, "llrrl", tuple(rows))


def parts_table(entries: Sequence[Entry], stale: Pairs) -> Table:
    """Tabulate the parts of each claim that has several."""
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for entry in entries:
        rules += [len(rows)] if rows else []
        for index, part in enumerate((entry["elsewhere"] or entry)["parts"]):
            rows.append(
                row_of(
                    entry["id"] if index == 0 else "",
                    part["part"],
                    _published(part),
                    _measured(part, stale),
                    _verdict(part, entry["unit"], entry["elsewhere"] is not None),
                )
            )
    header = ("claim", "part", "published", "measured", "verdict")
    return Table("claims_parts", header, "llrrl", tuple(rows), tuple(rules))


def silent_table(entries: Sequence[Entry]) -> Table:
    """Tabulate the claims that the suite does not test, and why."""
    rows = [
        row_of(Cell(e["statement"], (e["remark"],) if e["remark"] else ()), e["reason"])
        for e in entries
    ]
    return Table("claims_not_run", ("claim", "reason"), "ll", tuple(rows))


def _published(entry: Entry) -> str:
    return NOT_AVAILABLE if entry["published"] is None else _number(entry["published"], entry)


def _number(value: float, entry: Entry) -> str:
    """Format scores with one decimal, ratios and probabilities with two."""
    small = [entry["published"], entry["measured"], *(entry["ci"] or [])]
    decimals = 2 if all(abs(v) <= 2 for v in small if v is not None) else 1
    return number(value, decimals)


def _measured(entry: Entry, stale: Pairs) -> Cell:
    if entry["measured"] is None:
        return Cell(NOT_RUN if entry["verdict"] == NOT_RUN else NOT_AVAILABLE)
    notes = [f"[{', '.join(_number(end, entry) for end in entry['ci'])}]"]
    cells = [(t, m) for p in entry.get("parts", [entry]) for t in p["tasks"] for m in p["methods"]]
    if set(cells) & set(stale):
        notes.append("stale")
    return Cell(_number(entry["measured"], entry), tuple(notes))


def _verdict(entry: Entry, unit: str, elsewhere: bool) -> Cell:
    verdict, reason = entry["verdict"], entry["reason"]
    if elsewhere:
        verdict = HERE.get(verdict, verdict)
    if entry["verdict"] == "inconclusive" and not reason:
        needed = f"about {entry['needed']:,}" if entry["needed"] else "more than 1,000"
        reason = f"{needed} {unit} per cell for 80% power"
    mark = "decided" if entry["verdict"] in ("reproduced", "not reproduced") else ""
    return Cell(verdict, (reason,) if reason else (), mark)

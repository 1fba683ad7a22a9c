"""Claims: a verdict each, and the parts that it rests on."""

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
    """Verdicts, their parts, and what the suite cannot speak to; None without claims.json."""
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
                "The parts of the claims above that have several.",
                "The parts of the claims that have several",
            ),
            CaptionedTable(
                silent_table(silent),
                "Claims that this suite cannot speak to.",
                "Claims that this suite cannot speak to",
                folded=True,
                size=7,
                widths=(1.7, 1),
                breakable=True,
            ),
        ),
    )


INTRODUCTION = (
    "What is claimed of IQL, each with the test that `config/claims.yaml` fixed beforehand: {}. A "
    "claim about D4RL’s data and the sources’ settings is decided by these alone; by others it "
    "stays _not run_, and what the same test says of them stands apart."
)
DECIDED = (
    "Verdicts. _measured_: of all parts of the claim the one that decides, with its 95 % interval "
    "(Student t with Welch’s degrees of freedom over seeds; of P the bootstrap over seeds; of "
    "costs over jobs). A bound is kept (_reproduced_) or broken (_not reproduced_) where the "
    "interval lies wholly on one side; being equal to a published score is a test of equivalence "
    "(TOST at 5 %: the 90 % interval inside the margin), which counts the published score’s own "
    "spread where it is known. All parts must hold; a part that breaks the claim must do so at a "
    "level corrected for the number of parts. _seeds would decide_: in each cell, with a chance of "
    "80 %, if means and deviations are as measured, which few seeds make a rough guess."
)
ELSEWHERE = "What the same tests say here, of: {}. *None of this decides a claim.*"


def verdict_table(name: str, entries: Sequence[Entry], stale: Pairs) -> Table:
    """Statement and source, test, published, measured, verdict: a row a claim."""
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
    """The parts of each claim that has several."""
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
    """The claims that the suite cannot speak to, and why."""
    rows = [
        row_of(Cell(e["statement"], (e["remark"],) if e["remark"] else ()), e["reason"])
        for e in entries
    ]
    return Table("claims_not_run", ("claim", "not run: why"), "ll", tuple(rows))


def _published(entry: Entry) -> str:
    return NOT_AVAILABLE if entry["published"] is None else _number(entry["published"], entry)


def _number(value: float, entry: Entry) -> str:
    """Scores with one decimal, ratios and probabilities with two."""
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
        needed = entry["needed"]
        reason = f"{needed:,} {unit} would decide" if needed else f"nor would 1,000 {unit} decide"
    mark = "decided" if entry["verdict"] in ("reproduced", "not reproduced") else ""
    return Cell(verdict, (reason,) if reason else (), mark)

"""Claims: the verdict on each, what it rests on, and the parts it is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bench.claims.chances import Chance
from bench.claims.forecast import NEARBY, UNKNOWN, errors, percent
from bench.claims.needed import in_words
from bench.claims.record import RecordVerdict
from bench.claims.words import first
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, number, row_of
from bench.statistics import published

Entry = Mapping[str, Any]
Record = Mapping[str, RecordVerdict]
Pairs = Collection[tuple[str, str]]
VERDICTS = ("reproduced", "not reproduced", "inconclusive", NOT_RUN)
HERE = {"reproduced": "holds here", "not reproduced": "does not hold here"}
# What the verdict is called where no scores decide: by kind of claim.
WORDS = {
    "idea": ("holds exactly", "does not hold"),
    "data": ("holds of the data", "does not hold of the data"),
    "settings": ("agrees with the authors\N{RIGHT SINGLE QUOTATION MARK} settings",
                 "contradicted by the authors\N{RIGHT SINGLE QUOTATION MARK} settings"),
    "published": ("agrees with the paper\N{RIGHT SINGLE QUOTATION MARK}s own table",
                  "contradicted by the paper\N{RIGHT SINGLE QUOTATION MARK}s own table"),
}  # fmt: skip
EXACT = tuple(WORDS)
NO_RECORD, NOT_ASSESSED = "not yet assessed", "not assessed"


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
    counted = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
    tested = [e for e in decided if e["decided_by"] == "runs"]
    differs = dict.fromkeys(text for e in elsewhere for text in e["elsewhere"]["differs"])
    stale, record = inputs.stale, inputs.published_record

    def ledger(table: Table, caption: str, title: str = "") -> CaptionedTable:
        widths = (2.1, 1.5, 0, 0.9, 1.1, 0.8) if len(table.header) == 6 else (2.3, 1.7, 0, 0, 1)
        return CaptionedTable(
            table, caption, title, bool(title), size=7.5, widths=widths, breakable=True
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
                "Claims not tested by this suite.",
                "Claims not tested by this suite",
                folded=True,
                size=7,
                widths=(1.7, 1, 0.8),
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
    "Otherwise it stays _not run_, and the outcome of the same test is listed separately.{}"
)
DECIDED = (
    "Verdicts. _measured_: the part of the claim that binds, the one with the least support, with "
    "its 95% CI (Student’s t over the seeds’ own sums and differences; for a single success rate, "
    "Korn and Graubard’s with the seed as cluster; for P, Newcombe’s). A bound is decided if the "
    "interval lies entirely on one side of it, and equality with a published score if it lies "
    "within the margin, the spread of the published score included where it is known. A claim "
    "holds if all its parts hold; a part refutes it at a level corrected for the number of parts. "
    "Scores that do not vary over seeds decide nothing; a diverged seed counts as a failure in "
    "a maze and leaves the claim open elsewhere. _published record_: what reproductions by others "
    "say, which enters no verdict of ours."
)
ELSEWHERE = (
    "Exploratory verdicts: the same tests under conditions that depart from the claim’s ({}). "
    "*They do not count for or against a claim.*"
)
CHANCES = (
    "Chance of each verdict with {} seeds if the published numbers are true, computed before the "
    f"runs. {NEARBY}"
)
ATONCE = (
    "Claims that no scores decide: about ideas, on small problems solved exactly; about data, by "
    "their cards; and what the paper’s own table or the authors’ settings say of a claim."
)


def verdict_table(name: str, entries: Sequence[Entry], stale: Pairs, record: Record) -> Table:
    """Tabulate statement and source, test, published, measured and both verdicts by claim."""
    rows = []
    for entry in entries:
        result = entry["elsewhere"] or entry
        differs = result.get("differs", ())
        rows.append(
            row_of(
                Cell(entry["statement"], notes_of(entry)),
                Cell(entry["test"], (first(differs),) if differs else ()),
                _published(result),
                _measured(result, stale),
                _verdict(result, entry["unit"], bool(differs)),
                record_cell(entry, record),
            )
        )
    header = ("claim", "test", "published", "measured", "verdict", "published record")
    return Table(name, header, "llrrll", tuple(rows))


def notes_of(entry: Entry) -> tuple[str, ...]:
    """Return source, refutation and remark of a claim."""
    remark = (entry["remark"],) if entry["remark"] else ()
    return (entry["source"], f"Refuted by: {entry['refuted_by']}", *remark)


def record_cell(entry: Entry, record: Record) -> Cell:
    """Return the published record's verdict on a claim, with what it rests on."""
    if entry["decided_by"] != "runs":
        return Cell("")
    found = record.get(entry["id"])
    if found is None:
        return Cell(NOT_ASSESSED if record else NO_RECORD)
    seeds = f", {found.seeds} seeds" if found.seeds else ""
    notes = (found.wording, f"{', '.join(found.sources)}{seeds}")
    return Cell(found.verdict, notes + ((found.reason,) if found.reason else ()))


def chance_table(found: Mapping[str, Chance | None]) -> Table:
    """Tabulate the chance of each verdict by claim."""
    rows = []
    for claim, chance in found.items():
        if chance is None:
            rows.append(row_of(claim, Cell(NOT_AVAILABLE, (UNKNOWN,)), "", ""))
            continue
        span = f"{percent(chance.low)} to {percent(chance.high)} nearby"
        rest = (percent(chance.not_reproduced), percent(chance.inconclusive))
        rows.append(row_of(claim, Cell(percent(chance.reproduced), (span,)), *rest))
    header = ("claim", "reproduced", "not reproduced", "inconclusive")
    return Table("claims_chances", header, "lrrr", tuple(rows))


def exact_table(entries: Sequence[Entry]) -> Table:
    """Tabulate the claims that no scores decide; each part with its number."""
    rows = []
    for entry in entries:
        result = entry["elsewhere"] or entry
        agrees, contradicts = WORDS[entry["decided_by"]]
        word = agrees if result["verdict"] == "reproduced" else contradicts
        if result["verdict"] not in HERE:
            word = result["verdict"]
        numbers = [f"{p['part']}: {exact(p['measured'])}" for p in result["parts"]]
        rows.append(
            row_of(
                Cell(entry["statement"], notes_of(entry)),
                Cell(entry["test"], (entry["basis"],)),
                Cell(exact(result["measured"]), tuple(numbers) if len(numbers) > 1 else ()),
                Cell(word, (), "decided"),
            )
        )
    return Table("claims_exact", ("claim", "test", "measured", "verdict"), "llrl", tuple(rows))


def exact(value: float | None) -> str:
    """Format a number that may be as small as rounding errors."""
    if value is None or value == 0 or abs(value) >= 0.01:
        return number(value, 2)
    return f"{value:.0e}".replace("-", "\N{MINUS SIGN}")


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


def silent_table(entries: Sequence[Entry], record: Record) -> Table:
    """Tabulate the claims that the suite does not test, and why."""
    rows = [
        row_of(
            Cell(e["statement"], (e["remark"],) if e["remark"] else ()),
            e["reason"],
            record_cell(e, record),
        )
        for e in entries
    ]
    header = ("claim", "reason", "published record")
    return Table("claims_not_run", header, "lll", tuple(rows))


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
    ends = entry["ci"]
    known = ends is not None and None not in ends
    notes = [f"[{', '.join(_number(end, entry) for end in ends)}]"] if known else []
    if entry.get("binding"):
        notes.append(entry["binding"])
    cells = [(t, m) for p in entry.get("parts", [entry]) for t in p["tasks"] for m in p["methods"]]
    if set(cells) & set(stale):
        notes.append("stale")
    return Cell(_number(entry["measured"], entry), tuple(notes))


def _verdict(entry: Entry, unit: str, elsewhere: bool) -> Cell:
    verdict, reason = entry["verdict"], entry["reason"]
    if elsewhere:
        verdict = HERE.get(verdict, verdict)
    if entry["verdict"] == "inconclusive" and entry.get("needed"):
        estimate = in_words(entry["needed"], unit)
        reason = f"{reason}; {estimate}" if reason else estimate
    mark = "decided" if entry["verdict"] in ("reproduced", "not reproduced") else ""
    return Cell(verdict, (reason,) if reason else (), mark)

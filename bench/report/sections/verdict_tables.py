"""The tables of claims: verdicts, exact results, parts, chances, and what was not tested."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bench.claims.chances import Chance
from bench.claims.forecast import UNKNOWN, percent
from bench.claims.needed import in_words
from bench.claims.record import RecordVerdict
from bench.report.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, number, plain_value, row_of

Entry = Mapping[str, Any]
Record = Mapping[str, RecordVerdict]
Pairs = Collection[tuple[str, str]]
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
NOT_TESTED = "not tested"
SHOWN = {NOT_RUN: NOT_TESTED}
NO_RECORD, NOT_ASSESSED = "not yet assessed", "not assessed"


def verdict_table(name: str, entries: Sequence[Entry], stale: Pairs, record: Record) -> Table:
    """Tabulate statement and source, test, published, measured and both verdicts by claim."""
    rows = []
    for entry in entries:
        result = entry["elsewhere"] or entry
        differs = result.get("differs", ())
        rows.append(
            row_of(
                Cell(entry["statement"], notes_of(entry)),
                entry["test"],
                _published(result, entry),
                _measured(result, stale, entry),
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
    """Return the published record's verdict on a claim, and from how much."""
    if entry["decided_by"] != "runs":
        return Cell("")
    found = record.get(entry["id"])
    if found is None:
        return Cell(NOT_ASSESSED if record else NO_RECORD)
    count = len(found.sources)
    codes = f"{count} source{'' if count == 1 else 's'}"
    seeds = f", {found.seeds} seeds" if found.seeds else ""
    return Cell(found.verdict, (f"{codes}{seeds}",))


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
    return plain_value(float(f"{value:.0e}"))


def parts_table(entries: Sequence[Entry], stale: Pairs) -> Table:
    """Tabulate the parts of each claim that has several."""
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for entry in entries:
        rules += [len(rows)] if rows else []
        for part in (entry["elsewhere"] or entry)["parts"]:
            rows.append(
                row_of(
                    entry["statement"],
                    part["part"],
                    _published(part, entry),
                    _measured(part, stale, entry),
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
            reason(e),
            record_cell(e, record),
        )
        for e in entries
    ]
    header = ("claim", "reason", "published record")
    return Table("claims_not_run", header, "lll", tuple(rows))


def reason(entry: Entry) -> str:
    """Return why a claim was not tested, in short: one reason for all of its parts."""
    text = str(entry["reason"]).split("; ")[0].split(", ")[0]
    return MISSING.sub("no data", text) if MISSING.match(text) else text


MISSING = re.compile(r"no data of .*")


def _published(result: Entry, claim: Entry) -> str:
    return NOT_AVAILABLE if result["published"] is None else _number(result["published"], claim)


def _number(value: float, claim: Entry) -> str:
    """Format scores with one decimal, and ratios and probabilities with two."""
    small = claim["decided_by"] not in ("runs", "data") or claim["test"].startswith("P(")
    return number(value, 2 if small else 1)


def _measured(entry: Entry, stale: Pairs, claim: Entry) -> Cell:
    if entry["measured"] is None:
        return Cell(NOT_TESTED if entry["verdict"] == NOT_RUN else NOT_AVAILABLE)
    ends = entry["ci"]
    known = ends is not None and None not in ends
    notes = [f"[{', '.join(_number(end, claim) for end in ends)}]"] if known else []
    if entry.get("binding"):
        notes.append(entry["binding"])
    cells = [(t, m) for p in entry.get("parts", [entry]) for t in p["tasks"] for m in p["methods"]]
    if set(cells) & set(stale):
        notes.append("stale")
    return Cell(_number(entry["measured"], claim), tuple(notes))


def _verdict(entry: Entry, unit: str, elsewhere: bool) -> Cell:
    verdict = NOT_TESTED if entry["verdict"] == NOT_RUN else str(entry["verdict"])
    reason = entry["reason"]
    if elsewhere:
        verdict = HERE.get(verdict, verdict)
    if entry["verdict"] == "inconclusive" and entry.get("needed"):
        estimate = in_words(entry["needed"], unit)
        reason = f"{reason}; {estimate}" if reason else estimate
    mark = "decided" if entry["verdict"] in ("reproduced", "not reproduced") else ""
    return Cell(verdict, (reason,) if reason else (), mark)

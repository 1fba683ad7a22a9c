"""The report's page on claims: a verdict each, and the parts that it rests on."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.table import NOT_AVAILABLE, NOT_RUN, Cell, Table, number, row_of, write

Entry = Mapping[str, Any]
Pairs = Collection[tuple[str, str]]
KEYS = ("id", "statement", "source", "published", "measured", "ci", "verdict")
VERDICTS = ("reproduced", "not reproduced", "inconclusive", NOT_RUN)
HERE = {"reproduced": "holds here", "not reproduced": "does not hold here"}


def read(path: Path) -> list[dict[str, Any]]:
    """The entries of claims.json; raises BenchError naming the missing key."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BenchError(f"{path}: not valid JSON ({error}); delete it and run again.") from None
    for entry in entries:
        for key in KEYS:
            if key not in entry:
                raise BenchError(f"{path}: the key '{key}' is missing; delete it and run again.")
    return list(entries)


def page(path: Path, stale: Pairs, folder: Path) -> dict[str, Any] | None:
    """What the report says of the claims in claims.json; None where there is no such file.

    `stale` holds (task, method); tables are written into `folder`.
    """
    if not path.exists():
        return None
    entries = read(path)
    decided = [e for e in entries if e["verdict"] != NOT_RUN]
    elsewhere = [e for e in entries if e["elsewhere"]]
    silent = [e for e in entries if e["verdict"] == NOT_RUN and not e["elsewhere"]]
    many = [e for e in (*decided, *elsewhere) if len((e["elsewhere"] or e)["parts"]) > 1]
    drawn = {
        "decided": write(verdict_table("claims", decided, stale), folder),
        "elsewhere": write(verdict_table("claims_elsewhere", elsewhere, stale), folder),
        "silent": write(silent_table(silent), folder),
        "parts": write(parts_table(many, stale), folder),
    }
    differs = [text for e in elsewhere for text in e["elsewhere"]["differs"]]
    counts = Counter(e["verdict"] for e in entries)
    return {
        "counts": [f"{counts[v]} {v}" for v in VERDICTS if counts[v]],
        "differs": list(dict.fromkeys(differs)),
        **{name: asdict(table) for name, table in drawn.items()},
    }


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


def lines(entries: Sequence[Entry]) -> list[str]:
    """A line a claim, for the command line."""
    result = []
    for entry in entries:
        text = f"{entry['id']}: {entry['verdict']}"
        if entry["elsewhere"]:
            there = entry["elsewhere"]
            text += f" ({'; '.join(there['differs'])}: {there['verdict']})"
        elif entry["reason"]:
            text += f" ({entry['reason']})"
        result.append(text)
    return result


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

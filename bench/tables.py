"""One function a table: frames in, a `Table` and its CSV and LaTeX files out.

The report draws the same `Table`, so the PDF, the CSV and the LaTeX cannot differ.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from bench.stats import METRICS, groups, write_text
from bench.suite import Catalogue, Suite

NOT_RUN = "not run"
NOT_AVAILABLE = "n/a"
Pairs = Collection[tuple[str, str]]


@dataclass(frozen=True)
class Cell:
    """`text` with optional small lines below it and a mark: best, tied, changed or ""."""

    text: str
    notes: tuple[str, ...] = ()
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """Cells by row; `rules` are the rows that start below a thin line."""

    name: str
    header: tuple[str, ...]
    align: str  # one of l, c, r a column
    rows: tuple[tuple[Cell, ...], ...]
    rules: tuple[int, ...] = ()


def number(value: float | None, decimals: int = 1) -> str:
    """Fixed decimals, thousands commas and a true minus sign; "n/a" for a missing value."""
    if value is None or pd.isna(value):
        return NOT_AVAILABLE
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")  # a rounded zero has no sign
    return text.replace("-", "\N{MINUS SIGN}")


def interval(low: float, high: float) -> str:
    """`[low, high]` with one decimal, or "n/a"."""
    return NOT_AVAILABLE if pd.isna(low) else f"[{number(low)}, {number(high)}]"


def _row(*values: str | Cell) -> tuple[Cell, ...]:
    return tuple(v if isinstance(v, Cell) else Cell(v) for v in values)


def write(table: Table, folder: Path) -> Table:
    """Write `folder/<name>.csv` and `.tex` (needs booktabs) and return the table."""
    buffer = io.StringIO()
    out = csv.writer(buffer, lineterminator="\n")
    out.writerow(table.header)
    for row in table.rows:
        out.writerow([_plain(cell) for cell in row])
    write_text(folder / f"{table.name}.csv", buffer.getvalue())

    lines = [f"\\begin{{tabular}}{{{table.align}}}", "\\toprule"]
    lines += [_latex_row(_row(*table.header)), "\\midrule"]
    for index, row in enumerate(table.rows):
        if index in table.rules:
            lines.append("\\midrule")
        lines.append(_latex_row(row))
    lines += ["\\bottomrule", "\\end{tabular}", ""]
    write_text(folder / f"{table.name}.tex", "\n".join(lines))
    return table


def _plain(cell: Cell) -> str:
    parts = [cell.text, *cell.notes, f"({cell.mark})" if cell.mark else ""]
    return " ".join(p for p in parts if p).replace("\N{MINUS SIGN}", "-")


def _latex_row(row: Sequence[Cell]) -> str:
    return " & ".join(_latex(cell) for cell in row) + r" \\"


def _latex(cell: Cell) -> str:
    text = _escape(cell.text)
    if cell.mark == "tied":
        text = rf"\underline{{{text}}}"
    elif cell.mark:
        text = rf"\textbf{{{text}}}"
    notes = "".join(rf"\\ {{\scriptsize {_escape(note)}}}" for note in cell.notes)
    return rf"\shortstack{{{text}{notes}}}" if notes else text


LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"\N{MINUS SIGN}": "$-$", "\N{PLUS-MINUS SIGN}": r"$\pm$", "\N{EN DASH}": "--"}
)


def _escape(text: str) -> str:
    return text.translate(LATEX)


def score_table(
    summary: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    folder: Path,
    stale: Pairs = (),
    diverged: Pairs = (),
) -> Table:
    """Mean last score and interval: a row a task, a column a method, then family means.

    `stale` and `diverged` are (task, method) pairs. A family's mean stands only for a
    method with a score on each of its tasks.
    """
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}

    def cell(task: str, method: str) -> Cell:
        row = cells.get((task, method))
        if row is None or not row["seeds"]:
            return Cell("diverged" if (task, method) in diverged else NOT_RUN)
        notes = [interval(row["ci_low"], row["ci_high"])]
        if row["seeds"] < len(suite.seeds):
            notes.append(f"{row['seeds']} of {len(suite.seeds)} seeds")
        if (task, method) in stale:
            notes.append("stale")
        mark = row["tied"] if row["tied"] in ("best", "tied") else ""
        return Cell(number(row["mean"]), tuple(notes), mark)

    def mean(names: Sequence[str], method: str) -> Cell:
        values = [cells[t, method]["mean"] for t in names if (t, method) in cells]
        complete = len(values) == len(names) and not any(map(pd.isna, values))
        return Cell(number(sum(values) / len(values)) if complete else NOT_AVAILABLE)

    rows = [_row(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks]
    families = groups(suite, catalogue.tasks) if len(suite.tasks) > 1 else {}
    for name, names in families.items():
        rows.append(_row(f"mean, {name}", *(mean(names, m) for m in suite.methods)))
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    rules = (len(suite.tasks),) if families else ()
    align = "l" + "c" * len(suite.methods)
    return write(Table("scores", header, align, tuple(rows), rules), folder)


def aggregate_table(
    aggregate: pd.DataFrame, suite: Suite, catalogue: Catalogue, folder: Path
) -> Table:
    """The numbers of the aggregate figure: a row a group and method, a column a metric."""
    cells = {(r["group"], r["method"], r["metric"]): r for r in aggregate.to_dict("records")}
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for group in groups(suite, catalogue.tasks):
        rules += [len(rows)] if rows else []
        for method in suite.methods:
            found = [cells.get((group, method, metric)) for metric in METRICS]
            values = [
                Cell(number(r["value"]), (interval(r["ci_low"], r["ci_high"]),))
                if r
                else Cell(NOT_AVAILABLE)
                for r in found
            ]
            seeds = str(found[0]["seeds"]) if found[0] else NOT_AVAILABLE
            rows.append(_row(group, catalogue.methods[method].label, seeds, *values))
    header = ("tasks", "method", "seeds", *METRICS)
    return write(Table("aggregate", header, "llrcccc", tuple(rows), tuple(rules)), folder)


def settings_table(
    method: str, configs: Mapping[str, Mapping[str, Any]], catalogue: Catalogue, folder: Path
) -> Table:
    """A method's resolved settings: a row a setting, a column a family, beside the default.

    `configs` maps families to settings; a value that differs from the default is "changed".
    """
    default = defaults(method, catalogue)
    keys = list(dict.fromkeys(key for config in configs.values() for key in config))
    rows = []
    for key in keys:
        row: list[str | Cell] = [key, plain_value(default[key]) if key in default else ""]
        for config in configs.values():
            # Compared as text, because YAML and JSON turn tuples to lists and 1.0 to 1.
            changed = key in default and plain_value(config.get(key)) != row[1]
            row.append(Cell(plain_value(config.get(key)), mark="changed" if changed else ""))
        rows.append(_row(*row))
    header = ("setting", "default", *configs)
    align = "l" + "r" * (1 + len(configs))
    return write(Table(f"settings_{method}", header, align, tuple(rows)), folder)


def plain_value(value: Any) -> str:
    """A setting as people write it: `none`, `yes`, `3e-4`, `256, 256`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:g}".replace("e-0", "e-").replace("e+0", "e")
    if isinstance(value, list | tuple):
        return ", ".join(map(plain_value, value))
    return str(value)


def departures_table(suite: Suite, catalogue: Catalogue, folder: Path) -> Table:
    """What the suite's overrides change: the sourced value, the suite's, where and why."""
    rows = []
    for override in suite.overrides:
        methods = [m for m in suite.methods if m in (override.methods or suite.methods)]
        families = list(dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks))
        families = [f for f in families if f in (override.families or families)]
        labels = [catalogue.methods[m].label for m in methods]
        where = (
            f"{', '.join(labels) if override.methods else 'all methods'} on "
            f"{', '.join(families) if override.families else 'all families'}"
        )
        shared = override.model_dump(include={"rewards", "observations"}, exclude_none=True)
        for key, value in (shared | override.config).items():
            before = [sourced(m, f, catalogue).get(key) for m in methods for f in families]
            old = " or ".join(dict.fromkeys(map(plain_value, before)))
            rows.append(_row(key, old, plain_value(value), where, override.reason))
    header = ("setting", "source", "suite", "where", "reason")
    return write(Table("departures", header, "lrrll", tuple(rows)), folder)


def sourced(method: str, family: str, catalogue: Catalogue) -> dict[str, Any]:
    """A method's settings for a family before any suite: defaults and the sourced layer."""
    layer = catalogue.methods[method].families[family]
    shared = {"rewards": layer.rewards or "raw", "observations": layer.observations or "raw"}
    return shared | defaults(method, catalogue) | layer.config


def defaults(method: str, catalogue: Catalogue) -> dict[str, Any]:
    """The defaults of a method's Config, from the schema that is generated from it."""
    properties = catalogue.schemas[method]["properties"]
    return {key: field["default"] for key, field in properties.items() if "default" in field}


def data_table(
    cards: Mapping[str, Mapping[str, Any]], suite: Suite, catalogue: Catalogue, folder: Path
) -> Table:
    """Size, returns and origin of each dataset; `cards` by task. Returns are raw."""
    rows = []
    for task in suite.tasks:
        card = cards.get(task)
        if card is None:
            rows.append(_row(task, *[NOT_RUN] * 7))
            continue
        returns, length = card["return"], card["length"]
        spread = f"{number(returns['mean'])} \N{PLUS-MINUS SIGN} {number(returns['std'])}"
        local = catalogue.tasks[task].recipe != "none"
        rows.append(
            _row(
                Cell(task, (card["dataset"],)),
                number(card["rows"], 0),
                number(card["episodes"], 0),
                spread,
                f"{number(returns['min'])} to {number(returns['max'])}",
                number(card["score_mean"]),
                number(length["mean"], 0),
                "local" if local else "existing",
            )
        )
    header = ("task", "rows", "episodes", "return", "range", "score", "length", "origin")
    return write(Table("data", header, "lrrrrrrl", tuple(rows)), folder)


def compute_table(
    runs: Sequence[Mapping[str, Any]], suite: Suite, catalogue: Catalogue, folder: Path
) -> Table:
    """Cost of each method from the contents of its run.json files.

    Hours are summed over runs; speed is the mean over runs of seed-updates per second
    (updates of the block times its seeds); memory is the largest peak.
    """
    rows = []
    for method in suite.methods:
        mine = [r for r in runs if r["settings"]["method"] == method]
        label = catalogue.methods[method].label
        if not mine:
            rows.append(_row(label, *[NOT_RUN] * 4))
            continue
        speeds = [r["updates_per_second"] * len(r["settings"]["seeds"]) for r in mine]
        rows.append(
            _row(
                label,
                str(len(mine)),
                number(sum(r["wall_seconds"] for r in mine) / 3600, 2),
                number(sum(speeds) / len(speeds), 0),
                number(max(r["peak_memory_mb"] for r in mine), 0),
            )
        )
    header = ("method", "jobs", "hours", "seed-updates/s", "peak memory (MB)")
    return write(Table("compute", header, "lrrrr", tuple(rows)), folder)


def audit_table(
    cards: Mapping[str, Mapping[str, Any]], suite: Suite, folder: Path
) -> tuple[Table, int]:
    """What the audits reported, and how many checks found nothing."""
    found = [
        (task, entry) for task in suite.tasks if task in cards for entry in cards[task]["audit"]
    ]
    reported = [(task, entry) for task, entry in found if entry["verdict"] != "ok"]
    rows = tuple(_row(task, e["rule"], e["finding"]) for task, e in reported)
    table = Table("audit", ("task", "rule", "finding"), "lll", rows)
    return write(table, folder), len(found) - len(reported)


def collection_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite, folder: Path) -> Table:
    """How each dataset was collected, as its card says, and the hash of its content."""
    rows = []
    for task in (t for t in suite.tasks if t in cards):
        facts = cards[task]["collection"] | {"hash": cards[task]["hash"]}
        text = "; ".join(f"{key}: {plain_value(value)}" for key, value in facts.items())
        rows.append(_row(task, text))
    return write(Table("collection", ("task", "collection"), "ll", tuple(rows)), folder)

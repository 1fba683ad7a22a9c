"""One function a table: frames in, a `Table` and its CSV and LaTeX files out.

The report draws the same `Table`, so the PDF, the CSV and the LaTeX cannot differ.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.catalogue import Catalogue
from bench.methods import base_of
from bench.stats import METRICS, groups
from bench.suite import SHARED, SHARED_DEFAULTS, Suite
from bench.table import (
    NOT_AVAILABLE,
    NOT_RUN,
    Cell,
    Table,
    interval,
    number,
    plain_value,
    row_of,
    write,
)

Pairs = Collection[tuple[str, str]]
Run = Mapping[str, Any]
REFERENCE = "iql"  # whose update the others' cost is relative to


def score_table(
    summary: pd.DataFrame,
    suite: Suite,
    catalogue: Catalogue,
    folder: Path,
    stale: Pairs = (),
    diverged: Pairs = (),
    runs: Sequence[Run] = (),
) -> Table:
    """Mean last score and interval: a row a task, a column a method; family means; runtime.

    `stale` and `diverged` are (task, method) pairs, `runs` the contents of run.json files. A
    family's mean stands only for a method with a score on each of its tasks.
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

    rows = [row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks]
    families = groups(suite, catalogue.tasks) if len(suite.tasks) > 1 else {}
    for name, names in families.items():
        rows.append(row_of(f"mean, {name}", *(mean(names, m) for m in suite.methods)))
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    rules = [len(suite.tasks)] if families else []
    if runs:
        rules.append(len(rows))
        rows += _runtime_rows(runs, suite, catalogue)
    align = "l" + "c" * len(suite.methods)
    return write(Table("scores", header, align, tuple(rows), tuple(rules)), folder)


def seed_update_seconds(runs: Sequence[Run], method: str) -> float | None:
    """Seconds of one update of one seed, the mean over the method's runs."""
    rates = [
        r["updates_per_second"] * len(r["settings"]["seeds"])
        for r in runs
        if r["settings"]["method"] == method
    ]
    return sum(1 / rate for rate in rates) / len(rates) if rates else None


def _runtime_rows(
    runs: Sequence[Run], suite: Suite, catalogue: Catalogue
) -> list[tuple[Cell, ...]]:
    """Time of a seed's updates, and an update's cost relative to IQL, ours and the paper's."""
    seconds = {m: seed_update_seconds(runs, m) for m in suite.methods}
    paper = {m: catalogue.methods[m].paper_minutes for m in suite.methods}

    def row(label: str, values: Iterable[float | None], decimals: int = 1) -> tuple[Cell, ...]:
        return row_of(label, *(NOT_RUN if v is None else number(v, decimals) for v in values))

    spent = ((s and s * suite.updates_of(m)) for m, s in seconds.items())
    rows = [row("seconds of updates, a seed", spent)]
    iql, published = seconds.get(REFERENCE), paper.get(REFERENCE)
    if iql:
        rows.append(row("an update, IQL's = 1", (s and s / iql for s in seconds.values()), 2))
    if published:
        ratios = [NOT_AVAILABLE if p is None else number(p / published) for p in paper.values()]
        rows.append(row_of("the paper's runtime, IQL's = 1", *ratios))
    return rows


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
            rows.append(row_of(group, catalogue.methods[method].label, seeds, *values))
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
        rows.append(row_of(*row))
    header = ("setting", "default", *configs)
    align = "l" + "r" * (1 + len(configs))
    return write(Table(f"settings_{method}", header, align, tuple(rows)), folder)


def departures_table(suite: Suite, catalogue: Catalogue, folder: Path) -> Table:
    """What the suite's overrides change: where, why, the sourced value and the suite's."""
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for override in suite.overrides:
        methods = [
            m for m in suite.methods if not override.methods or base_of(m) in override.methods
        ]
        families = list(dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks))
        families = [f for f in families if f in (override.families or families)]
        if not methods or not families:
            continue
        labels = [catalogue.methods[m].label for m in methods]
        where = ", ".join(labels) if override.methods else "all methods"
        if override.families:
            where += f" on {', '.join(families)}"
        if rows:
            rules.append(len(rows))
        shared = override.model_dump(include=SHARED, exclude_none=True)
        if override.updates:
            shared["updates"] = override.updates
        if override.online:
            online = override.online
            shared["online"] = f"{online.steps:,} steps, {online.episodes} per {online.every:,}"
        for key, value in (shared | override.config).items():
            before = [sourced(m, f, catalogue).get(key) for m in methods for f in families]
            if key == "updates":
                before = [suite.updates]
            old = " or ".join(dict.fromkeys(map(plain_value, before)))
            rows.append(row_of(where, override.reason, key, old, plain_value(value)))
    header = ("where", "reason", "setting", "source", "suite")
    return write(Table("departures", header, "lllrr", tuple(rows), tuple(rules)), folder)


def sourced(method: str, family: str, catalogue: Catalogue) -> dict[str, Any]:
    """A method's settings for a family before any suite: defaults and the sourced layer."""
    layer = catalogue.methods[method].layer(family)
    assert layer is not None, f"{method} has no settings for {family}"
    shared = SHARED_DEFAULTS | layer.model_dump(include=SHARED, exclude_none=True)
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
            rows.append(row_of(task, *[NOT_RUN] * 7))
            continue
        returns, length = card["return"], card["length"]
        spread = f"{number(returns['mean'])} \N{PLUS-MINUS SIGN} {number(returns['std'])}"
        rows.append(
            row_of(
                Cell(task, (card["dataset"],)),
                number(card["rows"], 0),
                number(card["episodes"], 0),
                spread,
                f"{number(returns['min'])} to {number(returns['max'])}",
                number(catalogue.tasks[task].score(returns["mean"])),
                number(length["mean"], 0),
                catalogue.tasks[task].origin,
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
            rows.append(row_of(label, *[NOT_RUN] * 4))
            continue
        speeds = [r["updates_per_second"] * len(r["settings"]["seeds"]) for r in mine]
        rows.append(
            row_of(
                label,
                str(len(mine)),
                number(sum(r["wall_seconds"] for r in mine) / 3600, 2),
                number(sum(speeds) / len(speeds), 0),
                number(max(r["peak_memory_mb"] for r in mine), 0),
            )
        )
    header = ("method", "jobs", "hours", "seed-updates/s", "peak memory (MB)")
    return write(Table("compute", header, "lrrrr", tuple(rows)), folder)


def audit_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite, folder: Path) -> Table:
    """What each rule of the audit found, and in which tasks' data."""
    found: dict[tuple[str, str, str], list[str]] = {}
    present = [task for task in suite.tasks if task in cards]
    for task in present:
        for entry in cards[task]["audit"]:
            key = entry["rule"], entry["finding"], entry["verdict"]
            found.setdefault(key, []).append(task)
    order = list(dict.fromkeys(rule for rule, _, _ in found))
    rows = []
    for (rule, finding, verdict), names in sorted(
        found.items(), key=lambda i: order.index(i[0][0])
    ):
        where = "all" if names == present else ", ".join(names)
        mark = "" if verdict == "ok" else "reported"
        rows.append(row_of(rule, finding, Cell(verdict, mark=mark), where))
    header = ("rule", "finding", "verdict", "tasks")
    return write(Table("audit", header, "llll", tuple(rows)), folder)


def collection_table(cards: Mapping[str, Mapping[str, Any]], suite: Suite, folder: Path) -> Table:
    """How each dataset was collected, as its card says, and the hash of its content."""
    rows = []
    for task in (t for t in suite.tasks if t in cards):
        facts = cards[task]["collection"] | {"hash": cards[task]["hash"]}
        text = "; ".join(f"{key}: {plain_value(value)}" for key, value in facts.items())
        rows.append(row_of(task, text))
    return write(Table("collection", ("task", "collection"), "ll", tuple(rows)), folder)

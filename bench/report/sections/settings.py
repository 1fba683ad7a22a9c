"""Settings: departures from the sources, and the settings of every method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.registry import base_of
from bench.config.types import SHARED, SHARED_DEFAULTS, Suite
from bench.records.runs import Runs
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Item, Paragraph, Section
from bench.report.table import CHANGED, Cell, Table, plain_value, row_of

ORDER = ("rewards", "observations", "batch_size")  # of the settings shared by all methods


def overridden(inputs: ReportInputs) -> Section:
    """Show all departures of the suite from its sources, and these."""
    table = departures_table(inputs.suite, inputs.catalogue)
    items: list[Item] = [
        CaptionedTable(
            table,
            "Departures of this suite from the sourced settings, and the reasons.",
            size=8,
            widths=(1.1, 2, 0, 1.1, 1.1),
            merge=(0, 1),
            breakable=True,
        )
    ]
    if not table.rows:
        items.append(Paragraph("This suite overrides no sourced setting."))
    sources = [source_of(method, inputs.suite, inputs.catalogue) for method in inputs.suite.methods]
    items.append(Paragraph(f"*Sources.* {' '.join(sources)}"))
    return Section("All departures", "Departures from the sources", tuple(items))


def section(inputs: ReportInputs) -> Section:
    """Show a table of all settings."""
    suite, catalogue = inputs.suite, inputs.catalogue
    table, caption = settings_table(suite, catalogue, inputs.runs), COLUMNS
    widths: tuple[float, ...] = ()
    if len(table.header) > WIDE:
        table, caption = settings_in_words(suite, catalogue, inputs.runs), ROWS
        widths = (0, 1, 1)
    items = (
        CaptionedTable(
            table, SETTINGS + caption, title="Settings", folded=True, breakable=True, size=8,
            widths=widths,
        ),
    )  # fmt: skip
    return Section("Settings", "Settings", items)


WIDE = 7  # columns that fit on a page
SETTINGS = "Settings of every method, by family of tasks where these differ. "
COLUMNS = (
    "*Bold*: differs from the default in the method’s file. Empty: the method has no such setting."
)
ROWS = "The default is that of the method’s file."


def source_of(method: str, suite: Suite, catalogue: Catalogue) -> str:
    """Return where a method and its settings come from."""
    entry = catalogue.methods[method]
    families = dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks)
    layers = {family: entry.layer(family) for family in families}
    named = dict.fromkeys(layer.source for layer in layers.values() if layer)
    return f"_{plain(entry.label)}_ ({plain(entry.reference)}): {plain('; '.join(named))}."


def used(method: str, suite: Suite, catalogue: Catalogue, runs: Runs) -> dict[str, dict[str, Any]]:
    """Return the settings by family, as a run recorded them or, without a run, as planned."""
    configs: dict[str, dict[str, Any]] = {}
    for run in runs.found.values():
        settings = run["settings"]
        if settings["method"] == method:
            shared = {key: settings[key] for key in ORDER if key in settings}
            configs.setdefault(settings["task"]["family"], shared | run["config"])
    for task in suite.tasks:
        family = catalogue.tasks[task].family
        planned = catalogue.settings(suite, method, task, suite.seeds)
        shared = planned.model_dump(include=SHARED)
        config = defaults(method, catalogue) | planned.config
        configs.setdefault(family, shared | config)
    return {f: configs[f] for f in dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks)}


def settings_table(suite: Suite, catalogue: Catalogue, runs: Runs) -> Table:
    """Tabulate the resolved settings: one row per setting, one column per method.

    A method whose families differ has a column for each. A value that differs from the method's
    default is "changed".
    """
    columns = configurations(suite, catalogue, runs)
    found = [key for _, config in columns.values() for key in config]
    keys = dict.fromkeys((*(key for key in ORDER if key in found), *found))
    rows = [
        row_of(key, *(setting(key, config, defaults(method, catalogue))
                      for method, config in columns.values()))
        for key in keys
    ]  # fmt: skip
    return Table("settings", ("setting", *columns), "l" + "c" * len(columns), tuple(rows))


def settings_in_words(suite: Suite, catalogue: Catalogue, runs: Runs) -> Table:
    """Tabulate the resolved settings: one row per method, or per family of tasks."""
    rows = []
    for label, (method, config) in configurations(suite, catalogue, runs).items():
        parts: dict[bool, list[str]] = {True: [], False: []}
        for key in dict.fromkeys((*(k for k in ORDER if k in config), *config)):
            cell = setting(key, config, defaults(method, catalogue))
            shared = key in ORDER  # which have no default of the method
            parts[shared or cell.mark == CHANGED].append(f"{key} {cell.text}")
        rows.append(row_of(label, *("; ".join(parts[chosen]) for chosen in (True, False))))
    header = ("method", "set by source or suite", "at its default")
    return Table("settings", header, "lll", tuple(rows), tuple(range(1, len(rows))))


def configurations(
    suite: Suite, catalogue: Catalogue, runs: Runs
) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return method and settings by label, with the family of tasks where families differ."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for method in suite.methods:
        configs, label = used(method, suite, catalogue, runs), catalogue.methods[method].label
        alike = len({str(config) for config in configs.values()}) == 1
        for family, config in list(configs.items())[: 1 if alike else None]:
            found[label if alike else f"{label}, {family}"] = (method, config)
    return found


def setting(key: str, config: Mapping[str, Any], default: Mapping[str, Any]) -> Cell:
    """Return a setting's cell, "changed" if it differs from the default."""
    if key not in config:
        return Cell("")
    text = plain_value(config[key])
    # Compared as text, because YAML and JSON turn tuples into lists and 1.0 into 1.
    changed = key in default and text != plain_value(default[key])
    return Cell(text, mark=CHANGED if changed else "")


@dataclass(frozen=True)
class Departure:
    """An override of a suite: where it applies, why, and (setting, sourced, own) of each change."""

    methods: tuple[str, ...]
    where: str
    reason: str
    changes: tuple[tuple[str, str, str], ...]


def departures(suite: Suite, catalogue: Catalogue) -> list[Departure]:
    """Return the suite's overrides that apply to one of its methods and tasks."""
    found = []
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
        shared = override.model_dump(include=SHARED, exclude_none=True)
        if override.updates:
            shared["updates"] = override.updates
        if override.online:
            online = override.online
            shared["online"] = (
                f"{online.steps:,} steps, {online.episodes} episodes per {online.every:,}"
            )
        changes = []
        for key, value in (shared | override.config).items():
            before = [sourced(m, f, catalogue).get(key) for m in methods for f in families]
            if key == "updates":
                before = [suite.updates]
            old = " or ".join(dict.fromkeys(map(plain_value, before)))
            changes.append((key, old, plain_value(value)))
        found.append(Departure(tuple(methods), where, override.reason, tuple(changes)))
    return found


def departures_table(suite: Suite, catalogue: Catalogue) -> Table:
    """Tabulate the suite's overrides: where, why, the sourced value and the suite's."""
    rows: list[tuple[Cell, ...]] = []
    rules = []
    for d in departures(suite, catalogue):
        rules += [len(rows)] if rows else []
        rows += [row_of(d.where, d.reason, *change) for change in d.changes]
    header = ("where", "reason", "setting", "source", "suite")
    return Table("departures", header, "lllrr", tuple(rows), tuple(rules))


def sourced(method: str, family: str, catalogue: Catalogue) -> dict[str, Any]:
    """Return a method's settings for a family without a suite: defaults and sourced layer."""
    layer = catalogue.methods[method].layer(family)
    assert layer is not None, f"{method} has no settings for {family}"
    shared = SHARED_DEFAULTS | layer.model_dump(include=SHARED, exclude_none=True)
    return shared | defaults(method, catalogue) | layer.config


def defaults(method: str, catalogue: Catalogue) -> dict[str, Any]:
    """Return the defaults of a method's Config, from its generated schema."""
    properties = catalogue.schemas[method]["properties"]
    return {key: field["default"] for key, field in properties.items() if "default" in field}

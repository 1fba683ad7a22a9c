"""The runs behind the scores: the commit, source hash and data hash of each."""

from __future__ import annotations

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.records.runs import Runs
from bench.report.inputs import ReportInputs
from bench.report.markup import plain
from bench.report.section import CaptionedTable, Paragraph, Section
from bench.report.table import NOT_RECORDED, Cell, Table, row_of

SHORT = 10  # digits shown of a hash


def section(inputs: ReportInputs) -> Section:
    """List the runs, one row each; the scores link to them."""
    table = trace_table(inputs.suite, inputs.catalogue, inputs.runs)
    item = CaptionedTable(table, CAPTION, size=7.5, breakable=True, runs=True)
    refused = [
        Paragraph(f"Not verified: {plain(reason)}") for reason in inputs.runs.refused.values()
    ]
    return Section("Runs", "Runs behind the scores", (item, *refused))


CAPTION = (
    "Provenance of each score: the first digits of the commit (+: with uncommitted changes), of "
    "the hash of the source code that can change a run’s numbers, and of the hash of the data. "
    "`python -m bench explain TASK METHOD` prints the full record with seeds, settings and files."
)


def trace_table(suite: Suite, catalogue: Catalogue, runs: Runs) -> Table:
    """Tabulate the runs, one row each, by task and method."""
    stale = set(runs.stale)
    rows = []
    for task in suite.tasks:
        for method in suite.methods:
            for name, run in runs.found.items():
                settings = run["settings"]
                if (settings["task"]["task"], settings["method"]) != (task, method):
                    continue
                state = "stale" if name in stale else run["status"]
                rows.append(
                    row_of(
                        task,
                        catalogue.methods[method].label,
                        name.rpartition("/")[2],
                        Cell(state, mark="" if state == "done" else "reported"),
                        _short(run["commit"]) + ("+" if run["dirty"] else ""),
                        run["source_hash"][:SHORT],
                        _short(run.get("dataset_hash")),
                    )
                )
    header = ("task", "method", "seeds", "state", "commit", "source", "data")
    return Table("runs", header, "lllllll", tuple(rows))


def _short(value: str | None) -> str:
    return NOT_RECORDED if value is None else value[:SHORT]

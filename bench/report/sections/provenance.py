"""The runs behind the scores: the commit, source hash and data hash of each."""

from __future__ import annotations

from collections.abc import Collection

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
    cells = inputs.summary[inputs.summary["seeds"] > 0]
    scored = set(zip(cells["task"], cells["method"], strict=True)) if inputs.scored else ()
    table = trace_table(inputs.suite, inputs.catalogue, inputs.runs, scored)
    item = CaptionedTable(table, CAPTION, size=7.5, breakable=True, runs=True)
    refused = [
        Paragraph(f"Not verified: {plain(reason)}") for reason in inputs.runs.refused.values()
    ]
    return Section("Runs", "Runs behind the scores", (item, *refused))


CAPTION = (
    "Provenance of each score: the first digits of the commit (+: with uncommitted changes), of "
    "the hash of the source code that can change a run’s numbers, and of the hash of the data. "
    "Its files are in `results/SUITE/runs/METHOD/TASK/SEEDS`; a task links back to its scores. "
    "`python -m bench explain METHOD TASK` prints the full record with seeds, settings and files."
)


def trace_table(
    suite: Suite, catalogue: Catalogue, runs: Runs, scored: Collection[tuple[str, str]] = ()
) -> Table:
    """Tabulate the runs, one row each, by task and method.

    A task links back to its scores, for the (task, method) in `scored`.
    """
    stale = set(runs.stale)
    rows = []
    for task in suite.tasks:
        for method in suite.methods:
            label = catalogue.methods[method].label
            for name, run in runs.found.items():
                settings = run["settings"]
                if (settings["task"]["task"], settings["method"]) != (task, method):
                    continue
                state = "stale" if name in stale else run["status"]
                rows.append(
                    row_of(
                        Cell(task, run=f"{task} {label}" if (task, method) in scored else ""),
                        label,
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

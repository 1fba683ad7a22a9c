"""Progress of each cell of a suite: seeds done, unverified, begun, diverged, missing or stale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.paths import SuiteFolder, run_name
from bench.records.runs import Runs
from bench.report import prose
from bench.report.inputs import ReportInputs
from bench.report.section import CaptionedTable, Item, Section
from bench.report.table import Cell, Table, row_of, transposed


def section(inputs: ReportInputs) -> Section:
    """Show which seeds have run."""
    runs = replace(inputs.runs, stale=[]) if inputs.all_stale else inputs.runs
    table = status_table(inputs.suite, inputs.catalogue, inputs.results_dir, runs)
    few = len(table.header) <= 6
    if not few:
        table = transposed(table)
    whole = all(cell.mark == "finished" for row in table.rows for cell in row[1:])
    items: list[Item] = [facts(inputs)]
    if not whole:
        items.append(CaptionedTable(table, CAPTION, size=8, gap=4))
    return Section("Jobs", "Jobs, versions and machines", tuple(items))


def facts(inputs: ReportInputs) -> CaptionedTable:
    """Tabulate tasks, methods, training, versions, machines and states of the jobs."""
    runs = inputs.runs
    pairs = prose.facts(inputs.suite, inputs.catalogue, runs)
    states = {"not run": runs.missing, "not verified": runs.refused, "diverged": runs.diverged,
              "stale": ["all"] if inputs.all_stale else runs.stale}  # fmt: skip
    pairs += [[state, names_of(list(names))] for state, names in states.items() if names]
    table = Table("facts", ("", ""), "ll", tuple(row_of(*pair) for pair in pairs))
    return CaptionedTable(table, FACTS, size=8.5, widths=(0, 1), breakable=True)


FACTS = (
    "What ran. _not verified_: runs whose files do not match their seal, left out; _diverged_: "
    "stopped at a non-finite loss; _stale_: made with source code that differs from the version "
    "that typeset this report. Runs are named method/task/seeds."
)
SHOWN = 12  # names; report.json has all


def names_of(names: Sequence[str]) -> str:
    """Return names of runs, cut short with a count."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


CAPTION = (
    "Completed seeds, out of those the suite asks for. *Bold*: all. "
    "_unverified_: of runs whose files do not match their seal; "
    "_begun_: a checkpoint without a result, so the job is running or was interrupted; "
    "_diverged_: stopped at a non-finite loss; _stale_: done, but with source code that differs "
    "from the current version."
)


@dataclass
class SeedStates:
    """Numbers of seeds of one task and method by state; `done` includes `stale`."""

    done: int = 0
    unverified: int = 0
    begun: int = 0
    diverged: int = 0
    missing: int = 0
    stale: int = 0


def seed_states(suite: Suite, results_dir: Path, runs: Runs) -> dict[tuple[str, str], SeedStates]:
    """Count seeds by state: (task, method) -> states. A lone checkpoint counts as begun."""
    stale = set(runs.stale)
    cells: dict[tuple[str, str], SeedStates] = {}
    for method in suite.methods:
        for task in suite.tasks:
            cell = cells.setdefault((task, method), SeedStates())
            for seeds in suite.blocks():
                name = run_name(method, task, seeds)
                run = runs.found.get(name)
                if run is not None:
                    lost = len(run.get("diverged", ())) or len(seeds)
                    lost = lost if run["status"] == "diverged" else 0
                    cell.diverged += lost
                    cell.done += len(seeds) - lost
                    cell.stale += len(seeds) - lost if name in stale else 0
                elif name in runs.refused:
                    cell.unverified += len(seeds)
                elif SuiteFolder(results_dir).run(method, task, seeds).checkpoint.exists():
                    cell.begun += len(seeds)
                else:
                    cell.missing += len(seeds)
    return cells


def status_table(suite: Suite, catalogue: Catalogue, results_dir: Path, runs: Runs) -> Table:
    """Tabulate progress by task and method: `5 of 5`, and below it the state of the others."""
    cells = seed_states(suite, results_dir, runs)

    def cell(task: str, method: str) -> Cell:
        found = cells[task, method]
        states = ("unverified", "begun", "diverged", "missing", "stale")
        notes = [f"{count} {state}" for state in states if (count := getattr(found, state))]
        mark = "" if notes else "finished"
        return Cell(f"{found.done} of {len(suite.seeds)}", tuple(notes), mark)

    rows = tuple(row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks)
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    return Table("status", header, "l" + "c" * len(suite.methods), rows)

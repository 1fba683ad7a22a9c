"""How far each cell of a suite is: seeds done, begun, diverged, missing or stale."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.catalogue import Catalogue
from bench.runs import Runs
from bench.suite import Suite, block_name
from bench.table import Cell, Table, row_of, write

CHECKPOINT = "checkpoint.safetensors"


@dataclass
class Progress:
    """Seeds of one task and method by what became of them; `stale` are among the done."""

    done: int = 0
    begun: int = 0
    diverged: int = 0
    missing: int = 0
    stale: int = 0


def progress(suite: Suite, results_dir: Path, runs: Runs) -> dict[tuple[str, str], Progress]:
    """(task, method) -> seeds by state. A run that left a checkpoint only is running, or was."""
    stale = set(runs.stale)
    cells: dict[tuple[str, str], Progress] = {}
    for method in suite.methods:
        for task in suite.tasks:
            cell = cells.setdefault((task, method), Progress())
            for seeds in suite.blocks():
                name = f"{method}/{task}/{block_name(seeds)}"
                run = runs.found.get(name)
                if run is not None:
                    lost = len(run.get("diverged", ())) or len(seeds)
                    lost = lost if run["status"] == "diverged" else 0
                    cell.diverged += lost
                    cell.done += len(seeds) - lost
                    cell.stale += len(seeds) - lost if name in stale else 0
                elif (results_dir / "runs" / name / CHECKPOINT).exists():
                    cell.begun += len(seeds)
                else:
                    cell.missing += len(seeds)
    return cells


def status_table(
    suite: Suite, catalogue: Catalogue, results_dir: Path, runs: Runs, folder: Path
) -> Table:
    """A row a task, a column a method: `5 of 5`, and below what the others are."""
    cells = progress(suite, results_dir, runs)

    def cell(task: str, method: str) -> Cell:
        found = cells[task, method]
        states = ("begun", "diverged", "missing", "stale")
        notes = [f"{count} {state}" for state in states if (count := getattr(found, state))]
        mark = "" if notes else "finished"
        return Cell(f"{found.done} of {len(suite.seeds)}", tuple(notes), mark)

    rows = tuple(row_of(task, *(cell(task, m) for m in suite.methods)) for task in suite.tasks)
    header = ("task", *(catalogue.methods[m].label for m in suite.methods))
    return write(Table("status", header, "l" + "c" * len(suite.methods), rows), folder)

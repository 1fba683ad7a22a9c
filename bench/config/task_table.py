"""The rows of config/tasks.tsv, and those that a project adds in a tasks.tsv of its own."""

from __future__ import annotations

from pathlib import Path

from bench.config.task import Task, TaskSettings
from bench.config.validation import read_table, validate
from bench.errors import BenchError
from bench.paths import OWN_TASKS

TASKS = Path("config/tasks.tsv")


def read_tasks(path: Path = TASKS) -> dict[str, Task]:
    """Return the rows of the task table and of the project's own, by name."""
    tasks: dict[str, Task] = {}
    places: dict[str, Path] = {}
    for table in (path, *([OWN_TASKS] if OWN_TASKS.exists() else ())):
        for number, row in enumerate(read_table(table), start=1):
            task = validate(Task, row, f"{table}, row {number}")
            if task.task in tasks:
                again = (
                    "given twice" if places[task.task] == table else f"in {places[task.task]} too"
                )
                raise BenchError(f"{table}: task '{task.task}' is {again}; rename or remove one.")
            tasks[task.task], places[task.task] = task, table
    return tasks


def table_of(task: str) -> Path:
    """Return the table with a task's row: the project's own, or config/tasks.tsv."""
    rows = read_table(OWN_TASKS) if OWN_TASKS.exists() else []
    return OWN_TASKS if any(row.get("task") == task for row in rows) else TASKS


def task_row(settings: TaskSettings) -> Task | None:
    """Return the row of config/tasks.tsv from which a run's settings come, or None.

    Handwritten `--settings` may name a task that has no row.
    """
    row = read_tasks().get(settings.task)
    return row and row.model_copy(update=settings.model_dump())

"""How a suite fits a cluster: its longest job, its time on N slots, and what each job asks for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.config.catalogue import Catalogue
from bench.config.registry import weight
from bench.config.types import Settings, Suite
from bench.errors import BenchError
from bench.jobs.cost_plan import cost_of
from bench.jobs.requests import LIMIT, Request, request, wall_hours
from bench.jobs.speeds import Speeds
from bench.jobs.text_table import aligned

Asked = tuple[Settings, Request]
HEADER = ("method", "jobs", "longest job", "asks for", "memory", "attempts")
RETRIES = 5  # of workflow/profiles/slurm


def requests_of(
    suite: Suite, catalogue: Catalogue, speeds: Speeds | None, limit: int | None
) -> list[Asked]:
    """Return the cell and the request of every training job of a suite."""
    cells = [
        catalogue.settings(suite, method, task, seeds)
        for method in suite.methods
        for task in suite.tasks
        for seeds in suite.blocks()
    ]
    costs = [None if speeds is None else cost_of(cell, catalogue, speeds) for cell in cells]
    return [(cell, request(cell, cost, limit)) for cell, cost in zip(cells, costs, strict=True)]


def check(slots: int, limit: int | None) -> None:
    """Raise BenchError for options of `python -m bench plan` that no cluster has."""
    if slots < 1:
        raise BenchError(f"--slots: {slots} is not positive; give 1 or more.")
    if limit is not None and limit < 1:
        raise BenchError(f"--max-runtime: {limit} is not positive; give minutes, such as 1440.")


def lines(
    suite: Suite, catalogue: Catalogue, speeds: Speeds | None, slots: int, limit: int | None
) -> Iterator[str]:
    """Yield the longest job, the wall time on `slots` slots, and the requests by method."""
    asked = requests_of(suite, catalogue, speeds, limit)
    known = [(cell, found.hours) for cell, found in asked if found.hours is not None]
    if known:
        cell, hours = max(known, key=lambda pair: pair[1])
        yield f"Longest job: {cell.method} on {cell.task.task}, {_time(hours)} of one core."
        ordered = sorted(known, key=lambda pair: -weight(pair[0].method))  # as the workflow starts
        wall = wall_hours([hours for _, hours in ordered], slots)
        total = sum(hours for _, hours in known)
        least = "at least " if len(known) < len(asked) else ""
        yield f"On {slots} slots: {least}{_time(wall)}, of {least}{_time(total)} in all."
    if len(known) < len(asked):
        yield f"{len(asked) - len(known)} of {len(asked)} jobs have no measured speed."
    yield ""
    yield "SLURM, with workflow/profiles/slurm; a job on a GPU asks for as much as on a core:"
    rows: list[tuple[str, ...]] = [HEADER]
    for method in suite.methods:
        mine = [found for cell, found in asked if cell.method == method]
        rows.append((catalogue.methods[method].label, *_row(mine)))
    yield from aligned(rows)
    most = max(found.attempts for _, found in asked)
    if most > RETRIES + 1:
        yield (
            f"The limit of {limit} minutes cuts the longest jobs, which continue from their "
            f"checkpoints: give snakemake --retries {most - 1} or more."
        )
    elif limit is None:
        yield f"{LIMIT}=MINUTES caps what a job asks for at what your partition allows."


def _time(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.0f} min"


def _row(asked: Sequence[Request]) -> tuple[str, ...]:
    hours = [found.hours for found in asked if found.hours is not None]
    longest = max(asked, key=lambda found: found.minutes)
    return (
        f"{len(asked)}",
        _time(max(hours)) if hours else "not measured",
        _time(longest.minutes / 60),
        f"{max(found.megabytes for found in asked):,} MB",
        f"{max(found.attempts for found in asked)}",
    )

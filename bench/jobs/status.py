"""The state of each job of a suite, read only from files: records, checkpoints, progress.

Works both while the suite runs, here or on machines that share the directory, and afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from bench.config.catalogue import Catalogue
from bench.config.registry import weight
from bench.config.task import Task
from bench.config.types import Settings, Suite
from bench.errors import BenchError
from bench.files import decode_json, read_json
from bench.jobs.text_table import aligned
from bench.jobs.watch import clock, running
from bench.paths import RunFolder, SuiteFolder, run_name
from bench.records.curves import last_return, live_curves

STATES = ("done", "diverged", "running", "stopped", "waiting")


@dataclass(frozen=True)
class Job:
    """One block of seeds: its state and its progress in updates and then online steps."""

    method: str
    task: str
    seeds: int
    state: str
    step: int
    length: int
    rate: float = 0.0  # updates (or steps) of the block per second
    latest: str = ""  # the newest score of a running job, in words

    @property
    def cost(self) -> float:
        """The cost of one of its updates, relative to behavior cloning with one seed."""
        return weight(self.method) * self.seeds

    @property
    def left(self) -> int:
        """The remaining updates and steps."""
        return 0 if self.state in ("done", "diverged") else self.length - self.step


def jobs_of(suite: Suite, catalogue: Catalogue) -> list[Job]:
    """Return the jobs of a suite in order of task, method and seeds, from the files here."""
    live = {state["label"]: state for state in running()}
    return [
        job_of(catalogue.settings(suite, method, task, seeds), live, catalogue.tasks[task])
        for task in suite.tasks
        for method in suite.methods
        for seeds in suite.blocks()
    ]


def job_of(cell: Settings, live: dict[str, dict[str, Any]], task: Task | None = None) -> Job:
    """Return one job from its files; `live` holds the progress of running jobs, by label.

    Its newest score is given if `task` is, the row of the cell's task.
    """
    place = cell.method, cell.task.task, cell.seeds
    folder = SuiteFolder.of(cell.suite).run(*place)
    length = cell.updates + (cell.online.steps if cell.online else 0)

    def job(state: str, step: int, rate: float = 0.0, latest: str = "") -> Job:
        return Job(cell.method, cell.task.task, len(cell.seeds), state, step, length, rate, latest)

    report = live.get(f"{cell.suite}/{run_name(*place)}")
    if report is not None:
        before = cell.updates if report["unit"] == "steps" else 0
        done = before + report["done"]
        return job("running", done, report["rate"], _latest(folder, task) if task else "")
    if folder.record.exists():
        return job(_status(folder.record), length)
    found = _checkpoint(folder.checkpoint)
    if found is None:
        return job("waiting", 0)
    return job("stopped", found["step"] + (cell.updates if found["phase"] == "online" else 0))


def lines(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield the grid of tasks and methods, the running jobs, and the totals."""
    methods = list(dict.fromkeys(job.method for job in jobs))
    rows: list[tuple[str, ...]] = [("task", *methods)]
    for task in dict.fromkeys(job.task for job in jobs):
        cells = [[j for j in jobs if (j.task, j.method) == (task, m)] for m in methods]
        rows.append((task, *map(_cell, cells)))
    yield from aligned(rows)
    active = [job for job in jobs if job.state == "running"]
    for job in active:
        left = clock(job.left / job.rate) if job.rate > 0 else "unknown"
        yield (
            f"{job.method} {job.task}: {job.step:,} of {job.length:,} "
            f"({job.step / job.length:.0%}), {job.rate:,.0f}/s, {left} left{job.latest}"
        )
    counts = [(state, sum(job.state == state for job in jobs)) for state in STATES]
    yield f"{len(jobs)} jobs: " + ", ".join(f"{n} {state}" for state, n in counts if n)
    speed = sum(job.rate * job.cost for job in active)
    work = sum(job.left * job.cost for job in jobs)
    if work and speed:
        yield f"about {clock(work / speed)} left, with as many jobs at once as now"


def _latest(run: RunFolder, task: Task) -> str:
    """Return the newest score of a running job, mean over its seeds; nothing before the first."""
    found = last_return(live_curves(run))
    if found is None:
        return ""
    step, phase, value = found
    return f"; score {task.score(value):.1f} at {phase} step {step:,}"


def _cell(jobs: Sequence[Job]) -> str:
    """Return the text of a cell, such as `2 done, at 12,000, 1 waiting`."""
    parts = []
    for state in STATES:
        mine = [job for job in jobs if job.state == state]
        if state in ("running", "stopped"):
            verb = "at" if state == "running" else "stopped at"
            parts += [f"{verb} {job.step:,}" for job in mine]
        elif mine:
            parts.append(state if len(mine) == len(jobs) else f"{len(mine)} {state}")
    return ", ".join(parts)


def _status(path: Path) -> str:
    found = read_json(path).get("status")
    if not isinstance(found, str):
        raise BenchError(f"{path}: status: not a text; delete the file and run again.")
    return found


def _checkpoint(path: Path) -> dict[str, Any] | None:
    """Return step and phase from a checkpoint's header, or None without a readable one."""
    try:
        with safe_open(path, framework="np") as file:
            record: dict[str, Any] = decode_json(file.metadata()["record"])
        return {"step": record["step"], "phase": record["phase"]}
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None

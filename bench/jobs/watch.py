"""The progress of a running workflow: finished jobs, running jobs, speed and time left.

Read only from files: Snakemake's log counts the finished jobs, and progress files (see
bench.progress) describe the running ones.
"""

from __future__ import annotations

import os
import platform
import re
import time
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from bench.files import read_note
from bench.progress import FOLDER, KINDS

LINE_EVERY = 20.0  # seconds between plain lines
SILENT = 900.0  # seconds until a silent job on another host counts as dead; evaluations are silent
JOBS = re.compile(r"(\d+) of (\d+) steps")
TOTAL = re.compile(r"^total\s+(\d+)", re.MULTILINE)


def show(log: Path, parent: int) -> None:
    """Show progress until process `parent` ends: a live display on a terminal, else lines."""
    console = Console(stderr=True)
    if not console.is_terminal:
        lines(log, parent)
        return
    began = time.monotonic()
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while alive(parent):
            live.update(display(log, began), refresh=True)
            time.sleep(0.5)


def lines(log: Path, parent: int) -> None:
    """Print a line of progress every LINE_EVERY seconds until process `parent` ends."""
    began, due = time.monotonic(), LINE_EVERY / 2
    while alive(parent):
        if time.monotonic() - began >= due and jobs(log)[1]:
            due += LINE_EVERY
            print(line(log, began), flush=True)
        time.sleep(0.5)


def alive(pid: int) -> bool:
    """Return whether a process is running; a zombie is not."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").split(")")[1][:3]
    except (OSError, IndexError, OverflowError):
        return False


def jobs(log: Path) -> tuple[int, int]:
    """Return the finished and all jobs from Snakemake's log; (0, 0) before it has planned."""
    try:
        text = log.read_text(encoding="utf-8")
    except OSError:
        return 0, 0
    finished = JOBS.findall(text)
    if finished:
        return int(finished[-1][0]), int(finished[-1][1])
    total = TOTAL.search(text)
    return 0, int(total.group(1)) if total else 0


def running(folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Return the progress of the running jobs, in order of label."""
    found = []
    for path in sorted(folder.glob("*.json")):
        state = read_note(path, KINDS)
        if state and (_here(state) or _elsewhere(state, path)):
            found.append(state)
    return found


def _here(state: dict[str, Any]) -> bool:
    return state["host"] == platform.node() and alive(state["pid"])


def _elsewhere(state: dict[str, Any], path: Path) -> bool:
    """Return whether a job of another host has reported within SILENT seconds."""
    try:
        return state["host"] != platform.node() and time.time() - path.stat().st_mtime < SILENT
    except OSError:
        return False


def remaining(done: float, total: int, elapsed: float) -> str:
    """Return the time left, assuming the same time per job as so far."""
    if done <= 0 or total == 0:
        return "time left unknown"
    return f"about {clock(elapsed * (total - done) / done)} left"


def clock(seconds: float) -> str:
    """Format a duration as m:ss or h:mm:ss."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _progress(log: Path, states: list[dict[str, Any]]) -> tuple[int, int, float]:
    """Return finished jobs, all jobs, and finished jobs plus fractions of the running ones."""
    done, total = jobs(log)
    # A running job may not belong to this workflow, such as a training run started by hand.
    return done, total, min(total, done + sum(s["done"] / s["total"] for s in states))


def _task(state: dict[str, Any]) -> str:
    rate = f"{state['rate']:,.0f} {state['unit']}/s"
    return f"{state['label']} {state['done']:,}/{state['total']:,} ({rate})"


def line(log: Path, began: float) -> str:
    """Return the progress as one plain line."""
    states = running()
    done, total, partial = _progress(log, states)
    elapsed = time.monotonic() - began
    parts = [f"[{clock(elapsed)}] {done} of {total} jobs, {remaining(partial, total, elapsed)}"]
    return "; ".join(parts + [_task(s) for s in states])


def display(log: Path, began: float) -> Group:
    """Return the live display: a bar for all jobs and one for each running job."""
    states = running()
    done, total, partial = _progress(log, states)
    elapsed = time.monotonic() - began
    table = Table.grid(padding=(0, 2))
    head = f"{done} of {total} jobs" if total else "planning"
    left = remaining(partial, total, elapsed)
    table.add_row(head, ProgressBar(max(total, 1), partial, width=30), f"{clock(elapsed)}, {left}")
    for state in states:
        bar = ProgressBar(state["total"], state["done"], width=30)
        table.add_row(state["label"], bar, f"{state['rate']:,.0f} {state['unit']}/s")
    return Group(table)

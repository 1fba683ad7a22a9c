"""What a training job asks a scheduler for: minutes and megabytes, from the measured costs.

The costs are those of one CPU core; no GPU has been measured, and a job on one asks for as much.
A job that reaches its limit resumes from its checkpoint, so that a limit below its length costs
attempts and no work.
"""

from __future__ import annotations

import heapq
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.config.types import Settings
from bench.errors import BenchError
from bench.paths import TRANSITIONS, SuiteFolder

LIMIT = "BENCH_MAX_RUNTIME"  # environment variable: minutes, the longest that a partition allows
MARGIN, ROUGH_MARGIN = 1.5, 2.5  # times the predicted hours; the second if another method's rate
STARTUP = 15  # minutes: imports, compiling, a busy file system
STEP = 15  # minutes: requests are multiples of it
UNKNOWN_MINUTES, UNKNOWN_MEGABYTES = 720, 12_000  # where nothing was measured
LEAST_MEGABYTES = 4_000  # Python, torch and the host's part of CUDA, with room to spare
MEMORY_MARGIN = 1.25
ONLINE_ROW = 300  # bytes of a row of the replay buffer; AntMaze has the largest, 276


@dataclass(frozen=True)
class Request:
    """What one job asks for; `hours` is its predicted length, None if nothing was measured."""

    minutes: int  # of one attempt
    megabytes: int
    hours: float | None
    needed: int  # minutes of all attempts together

    @property
    def attempts(self) -> int:
        """Attempts that the job needs if each is cut at its limit."""
        return math.ceil(self.needed / self.minutes)


def limit_of(environment: Mapping[str, str] | None = None) -> int | None:
    """Return the limit in LIMIT, in minutes, or None; raise BenchError if it is no number."""
    text = (os.environ if environment is None else environment).get(LIMIT, "")
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise BenchError(f"{LIMIT}: '{text}' is not a number of minutes; set it like 1440.")
    return int(text)


def request(cell: Settings, cost: Mapping[str, Any] | None, limit: int | None) -> Request:
    """Return what a cell's job asks for; `cost` is from `cost_plan.cost_of`, None if unknown."""
    cost = cost or {"hours": None, "evaluation": None, "megabytes": None, "rough": False}
    hours = None if cost["hours"] is None else cost["hours"] + (cost["evaluation"] or 0.0)
    if hours is None:
        needed = UNKNOWN_MINUTES
    else:
        minutes = STARTUP + 60 * hours * (ROUGH_MARGIN if cost["rough"] else MARGIN)
        needed = STEP * math.ceil(minutes / STEP)
    megabytes = UNKNOWN_MEGABYTES
    if cost["megabytes"]:
        megabytes = max(LEAST_MEGABYTES, math.ceil(cost["megabytes"] * MEMORY_MARGIN))
    further = _data_bytes(cell) + (0 if cost["megabytes"] else buffer_bytes(cell, 0))
    return Request(
        min(needed, limit or needed), megabytes + math.ceil(further / 1e6), hours, needed
    )


def buffer_bytes(cell: Settings, data: float) -> float:
    """Return the bytes of the replay buffer of an online phase, which holds a copy of the data."""
    return cell.online.steps * len(cell.seeds) * ONLINE_ROW + data if cell.online else 0


def _data_bytes(cell: Settings) -> float:
    """Return the bytes of the mapped arrays, if they are here, and of their copy in a buffer.

    Costs include those of D4RL's data, and the rows that are added online.
    """
    if cell.task.origin == "D4RL":
        return 0
    arrays = (TRANSITIONS / cell.task.transitions).glob("*.npy")
    return sum(path.stat().st_size for path in arrays) * (2 if cell.online else 1)


def megabytes_of(asked: Request, cell: Settings, attempt: int) -> int:
    """Return the megabytes of one attempt, `attempt` from 1.

    An attempt grows only where the ones before left no checkpoint, so that memory may have been
    what they lacked.
    """
    run = SuiteFolder.of(cell.suite).run(cell.method, cell.task.task, cell.seeds)
    return asked.megabytes * (1 if run.checkpoint.exists() else attempt)


def wall_hours(hours: Iterable[float], slots: int) -> float:
    """Return how long jobs of these hours take on `slots` slots, in the order given."""
    ends = [0.0] * slots
    for job in hours:
        heapq.heapreplace(ends, ends[0] + job)
    return max(ends)

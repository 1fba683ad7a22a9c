"""Random kills while a suite runs: of a job, of a whole node, and of Snakemake itself."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal import processes
from rehearsal.slurm import Slurm

SHARES = {"job": 7, "node": 1, "snakemake": 2}  # of the kills, where there are nodes


@dataclass
class Chaos:
    """Kills at random moments, `pause` seconds apart in the mean, until `left` are done."""

    project: Path
    left: int
    pause: float
    seed: int
    slurm: Slurm | None = None
    killed: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.moments = random.Random(self.seed)
        self.due = self._later()

    def step(self, snakemake: int) -> bool:
        """Kill something if it is time; return whether that was Snakemake, with this id."""
        if not self.left or time.monotonic() < self.due:
            return False
        kinds = [kind for kind in SHARES if kind != "node" or self.slurm]
        kind = self.moments.choices(kinds, [SHARES[k] for k in kinds])[0]
        act: dict[str, Callable[[], str | None]] = {
            "job": self._job,
            "node": self._node,
            "snakemake": lambda: self._kill(snakemake, "snakemake"),
        }
        victim = act[kind]()
        if victim:  # else there was nothing to kill yet
            self.left -= 1
            self.killed[victim] += 1
            self.due = self._later()
        return victim == "snakemake"

    def _later(self) -> float:
        return time.monotonic() + self.moments.expovariate(1 / self.pause)

    def _kill(self, pid: int, name: str) -> str | None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return name
        return None

    def _job(self) -> str | None:
        """Kill one process of `python -m bench` that computes something."""
        found = [p for p in processes.of(self.project) if p.verb not in ("snakemake", "watch")]
        if not found:
            return None
        victim = self.moments.choice(found)
        return self._kill(victim.pid, victim.verb)

    def _node(self) -> str | None:
        """Take the second node away with everything on it, and give it back."""
        assert self.slurm
        self.slurm.lose("n2")
        return "node"

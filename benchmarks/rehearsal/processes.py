"""The suite's processes on this host: which run, and how much memory each verb has taken."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PROC = Path("/proc")
EVERY = 0.5  # seconds between two looks


@dataclass(frozen=True)
class Process:
    """One process of `python -m bench VERB`, or of Snakemake (verb `snakemake`)."""

    pid: int
    verb: str
    arguments: tuple[str, ...]


def of(project: Path) -> Iterator[Process]:
    """Yield the processes whose working directory is the project."""
    for folder in PROC.glob("[0-9]*"):
        with suppress(OSError):  # it has ended meanwhile
            if (folder / "cwd").resolve() != project:
                continue
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
            for module, verb in (("bench", None), ("snakemake", "snakemake")):
                if words[1:3] == ["-m", module]:
                    name = verb or next((w for w in words[3:] if w), "")
                    yield Process(int(folder.name), name, tuple(words[3:]))


@dataclass
class Watcher:
    """The largest resident memory of a process, by verb, in megabytes."""

    project: Path
    peak: dict[str, float] = field(default_factory=dict)
    stopped: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Note the memory of each process that runs now."""
        for process in of(self.project):
            with suppress(OSError, StopIteration, ValueError):
                lines = (PROC / str(process.pid) / "status").read_text().splitlines()
                line = next(line for line in lines if line.startswith("VmHWM"))
                megabytes = int(line.split()[1]) / 1000
                self.peak[process.verb] = max(self.peak.get(process.verb, 0.0), megabytes)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look again and again inside."""

        def run() -> None:
            while not self.stopped.wait(EVERY):
                self.look()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.stopped.set()
            thread.join()

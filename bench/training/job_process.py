"""A training job as a process: signals ask it to stop, and a lock protects its run."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

INTERRUPTED = 75  # exit status EX_TEMPFAIL: run again
LOOK_EVERY = 0.5  # seconds between attempts to take the lock


@dataclass
class StopRequest:
    """Whether a scheduler or a person has asked the job to stop."""

    is_set: bool = False

    def set(self) -> None:
        """Ask the job to stop after its current step."""
        self.is_set = True

    @classmethod
    def on_signals(cls) -> StopRequest:
        """Return a request that SIGTERM, SIGUSR1 and SIGINT set."""
        request = cls()

        def note(number: int, frame: FrameType | None) -> None:
            request.set()

        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
            signal.signal(number, note)
        return request


NEVER = StopRequest()  # default where nothing can ask to stop


@contextmanager
def alone(folder: Path, stop: StopRequest) -> Iterator[None]:
    """Lock `folder`, after waiting until no other process holds it; death releases the lock.

    A workflow that is killed leaves its jobs running, and the next workflow starts them again.
    Raises SystemExit(75) once `stop` is set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        told = False
        while not _taken(file.fileno()):
            if not told:
                file.seek(0)
                print(f"{folder}: process {file.read()} holds this run; waiting for it", flush=True)
                told = True
            if stop.is_set:
                raise SystemExit(INTERRUPTED)
            time.sleep(LOOK_EVERY)
        file.truncate(0)
        file.write(f"{os.getpid()} on {platform.node()}")
        file.flush()
        yield


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:  # some network file systems have no locks
        print(f"no lock ({error}); make sure that no other process uses this run", flush=True)
    return True

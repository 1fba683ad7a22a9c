"""A training job as a process: signals ask it to stop, and a lock keeps its run to itself."""

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

INTERRUPTED = 75  # exit status: try again (EX_TEMPFAIL)
LOOK_EVERY = 0.5  # seconds


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


NEVER = StopRequest()  # the default where nothing can ask to stop


@contextmanager
def alone(folder: Path, stop: StopRequest) -> Iterator[None]:
    """Wait until no other process holds `folder`, then hold it; the system lets go at a death.

    A workflow that is killed outright leaves its jobs running, and the next one starts them again.
    Raises SystemExit(75) once `stop` is set.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as file:
        told = False
        while not _taken(file.fileno()):
            if not told:
                file.seek(0)
                print(f"{folder}: process {file.read()} is at this run; waiting for it", flush=True)
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
        print(f"no lock ({error}): see that no other process works on this run", flush=True)
    return True

"""A training job as a process: it is asked to stop by signals, and works on its run alone."""

from __future__ import annotations

import fcntl
import os
import platform
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

INTERRUPTED = 75  # exit status: try again (EX_TEMPFAIL)
LOOK_EVERY = 0.5  # seconds


def stop_flag() -> list[int]:
    """A list that becomes non-empty when a scheduler or a person asks the job to stop."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, note)
    return received


@contextmanager
def alone(folder: Path, stop: Sequence[int]) -> Iterator[None]:
    """Wait until no other process holds `folder`, then hold it; the system lets go at a death.

    A workflow that is killed outright leaves its jobs running, and the next one starts them again.
    Raises SystemExit(75) once there is an entry in `stop`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+") as file:
        told = False
        while not _taken(file.fileno()):
            if not told:
                file.seek(0)
                print(f"{folder}: process {file.read()} is at this run; waiting for it", flush=True)
                told = True
            if stop:
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

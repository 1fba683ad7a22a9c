"""One card for each job on a machine without a scheduler: a lease file for each card.

A job locks the file of a free card and keeps the lock until its process ends, however it ends.
Jobs of other users are not seen.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from bench.errors import BenchError

LOOK_EVERY = 0.5  # seconds between attempts
_held: list[IO[str]] = []  # open until the process ends


def folder() -> Path:
    """Return this user's folder of lease files on this machine."""
    return Path(tempfile.gettempdir()) / f"bench-cards-{os.getuid()}"


def take(cards: Sequence[str], place: Path | None = None) -> int:
    """Return the position of a card that no other job has, and keep it for this process.

    `cards` are identifiers, the same in every process. Waits, with a printed sentence, until one is
    free. Raises BenchError where there can be no lease files.
    """
    place = place or folder()
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        if place.stat().st_uid != os.getuid():
            raise BenchError(f"{place}: belongs to another user; delete it, or set TMPDIR.")
        told = False
        while True:
            for number, card in enumerate(cards):
                if _locked(place / f"{card}.lock"):
                    return number
            if not told:
                print(f"all {len(cards)} GPUs have a job; waiting for one", flush=True)
                told = True
            time.sleep(LOOK_EVERY)
    except OSError as error:
        raise BenchError(
            f"{place}: no lease of a GPU ({error}); set TMPDIR to a local folder, or name a card "
            "with --device cuda:N."
        ) from None


def _locked(path: Path) -> bool:
    file = open(path, "a+", encoding="utf-8")  # noqa: SIM115 (kept open)
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return False
    file.truncate(0)
    print(os.getpid(), file=file, flush=True)
    _held.append(file)
    return True

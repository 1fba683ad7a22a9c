"""What this machine keeps between runs: compiled operators, and the library of each product."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def folder() -> Path | None:
    """Return the folder, made if need be: in XDG_CACHE_HOME or ~/.cache; None if it cannot be."""
    try:
        base = os.environ.get("XDG_CACHE_HOME")
        place = (Path(base) if base else Path.home() / ".cache") / "iql-reproduction"
        place.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no home, or one that cannot be written
        return None
    return place if os.access(place, os.W_OK) else None


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Let one process at a time into the folder; without effect where there are no locks."""
    with open(place / ".lock", "a", encoding="utf-8") as file:
        with suppress(OSError):  # some network file systems have none
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield

"""What this machine keeps between runs: compiled operators, and the library of each product."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.files import cache_folder


def folder() -> Path | None:
    """Return the folder, made if need be; None if it cannot be."""
    return cache_folder("iql-reproduction")


@contextmanager
def locked(place: Path) -> Iterator[None]:
    """Let one process at a time into the folder; without effect where there are no locks."""
    with open(place / ".lock", "a", encoding="utf-8") as file:
        with suppress(OSError):  # some network file systems have none
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        yield

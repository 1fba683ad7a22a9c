"""Records of which process owns which Snakemake lock, so that stale locks can be removed.

Snakemake's lock names no process: after a kill -9 it remains and looks like the lock of a running
workflow. Each workflow therefore records which lock files are its own. The next workflow removes
those of processes of this host that have died.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from bench.files import read_note, write_json

LOCKS = Path(".snakemake/locks")
FOLDER = Path(".snakemake/owners")
KINDS = {"host": str, "pid": int, "locks": list}  # of an owner's record


def claim() -> None:
    """Record that this process owns the locks that no other has claimed; call it after locking."""
    theirs = {name for owner in _owners() for name in owner["locks"]}
    mine = sorted({path.name for path in LOCKS.glob("*.lock")} - theirs)
    pid = os.getpid()
    write_json(_own(), {"host": platform.node(), "pid": pid, "born": _born(pid), "locks": mine})


def release() -> None:
    """Delete the record of this process."""
    _own().unlink(missing_ok=True)


def clear() -> list[str]:
    """Remove the locks of this host's dead processes; return one message per process."""
    told = []
    for owner in _owners():
        if owner["host"] != platform.node() or _born(owner["pid"]) == owner.get("born"):
            continue
        for name in owner["locks"]:
            (LOCKS / Path(name).name).unlink(missing_ok=True)
        (FOLDER / f"{owner['host']}.{owner['pid']}.json").unlink(missing_ok=True)
        told.append(f"process {owner['pid']} was killed while it ran a workflow here; lock removed")
    return told


def holders() -> list[str]:
    """Return the processes that have claimed locks here."""
    return [f"process {owner['pid']} on {owner['host']}" for owner in _owners()]


def _own() -> Path:
    return FOLDER / f"{platform.node()}.{os.getpid()}.json"


def _owners() -> list[dict[str, Any]]:
    notes = (read_note(path, KINDS) for path in sorted(FOLDER.glob("*.json")))
    return [owner for owner in notes if owner]


def _born(pid: int) -> str | None:
    """Return when a process started, in clock ticks since boot; None if it is not running."""
    try:
        state, *fields = (
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        )
    except OSError:
        return None
    return None if state == "Z" else fields[18]

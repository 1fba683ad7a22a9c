"""Who runs workflows in this directory, so that the lock of one that was killed can be told.

Snakemake's own lock names no process: after a kill -9 it stays, and looks like that of a workflow
at work. Each workflow therefore notes which lock files are its own. Those of a process of this
host that is gone are removed when the next one starts.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from bench.files import write_json

LOCKS = Path(".snakemake/locks")
FOLDER = Path(".snakemake/owners")


def claim() -> None:
    """Note that this process owns the locks that no other has noted; call it once they are set."""
    theirs = {name for owner in _owners() for name in owner["locks"]}
    mine = sorted({path.name for path in LOCKS.glob("*.lock")} - theirs)
    pid = os.getpid()
    write_json(_own(), {"host": platform.node(), "pid": pid, "born": _born(pid), "locks": mine})


def release() -> None:
    """Forget this process."""
    _own().unlink(missing_ok=True)


def clear() -> list[str]:
    """Remove the locks of this host's dead processes; returns a line about each."""
    told = []
    for owner in _owners():
        if owner["host"] != platform.node() or _born(owner["pid"]) == owner["born"]:
            continue
        for name in owner["locks"]:
            (LOCKS / Path(name).name).unlink(missing_ok=True)
        (FOLDER / f"{owner['host']}.{owner['pid']}.json").unlink(missing_ok=True)
        told.append(f"process {owner['pid']} was killed while it ran a workflow here; lock removed")
    return told


def holders() -> list[str]:
    """The workflows that say they are at work here."""
    return [f"process {owner['pid']} on {owner['host']}" for owner in _owners()]


def _own() -> Path:
    return FOLDER / f"{platform.node()}.{os.getpid()}.json"


def _owners() -> list[dict[str, Any]]:
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        try:
            found.append(json.loads(path.read_text()))
        except (OSError, ValueError):  # another process has just removed it
            continue
    return found


def _born(pid: int) -> str | None:
    """When a living process began, in ticks since boot; None for one that is gone."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else fields[18]

"""The environment of a run: commit, package versions, processor and memory."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import resource
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Packages that decide a run's numbers, and are therefore part of its identity.
NUMERICAL = ("torch", "numpy", "gymnasium", "gymnasium-robotics", "mujoco")
PACKAGES = (*NUMERICAL, "minari", "rliable")


def git(*arguments: str) -> str | None:
    """Return the output of a git command in the current folder; None if it fails."""
    try:
        command = ["git", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def commit() -> tuple[str | None, bool]:
    """Return the checked-out commit, None without Git, and whether tracked files differ from it."""
    return git("rev-parse", "HEAD"), bool(git("status", "--porcelain", "--untracked-files=no"))


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that scores can depend on."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **found}


def now() -> str:
    """Return the time in UTC to the second, such as 2026-01-31T12:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def attempt() -> dict[str, Any]:
    """Return when, where and with what code this process runs: one entry of `attempts`."""
    sha, dirty = commit()
    place = {"commit": sha, "dirty": dirty, "versions": versions(), "machine": machine()}
    return {"started": now(), **place}


def machine() -> dict[str, Any]:
    """Return the processor, cores, memory (GiB) and operating system of this host."""
    cpu = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                cpu = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": cpu,
        "cores": cores,
        "memory_gb": round(memory, 1),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def peak_memory_mb() -> float:
    """Return the largest resident set size of this process so far, in MiB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)

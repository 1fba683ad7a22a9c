"""A disk that fails at the n-th write of a run, for every n: nothing is lost, and it ends alike.

CI tries a few n, `make fuzz` all of them.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers.training_jobs import DATASET, place_data, random_data, same_files, settings

from bench.config.types import Settings
from bench.errors import BenchError
from bench.paths import TRANSITIONS
from bench.training import checkpoint
from bench.training.train import train

WRITES = os.O_WRONLY | os.O_RDWR
SHORT: dict[str, Any] = {
    "method": "bc",
    "updates": 20,
    "log_every": 10,
    "evaluation": {"every": 20, "episodes": 1},
    "config": {"hidden": [4]},
    "executor": "eager",
    "products": "torch",
}


class Disk:
    """Counts what a process opens for writing, makes, renames and deletes below a folder.

    The `fails`-th of these raises OSError, if it is set.
    """

    def __init__(self) -> None:
        self.folder: str | None = None
        self.count = 0
        self.fails = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in ("os.rename", "os.mkdir", "os.remove", "os.truncate", "bench.save")
        if event == "open":
            changes = bool(arguments[2] & WRITES)
        if self.folder and changes and str(arguments[0]).startswith(self.folder):
            self.count += 1
            if self.count == self.fails:
                raise OSError(errno.ENOSPC, "No space left on device", arguments[0])


DISK = Disk()
sys.addaudithook(DISK)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """The disk; safetensors writes without telling Python, so its function tells instead."""
    save = checkpoint.save_file

    def told(tensors: Any, path: Path, **options: Any) -> None:
        DISK("bench.save", (path,))
        save(tensors, path, **options)

    monkeypatch.setattr(checkpoint, "save_file", told)
    kept = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}
    yield DISK
    DISK.folder = None
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_a_run_whose_disk_fails_at_any_write_ends_with_the_same_bytes(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place_data(tmp_path, random_data())
    monkeypatch.chdir(tmp_path)
    cell = settings(**SHORT)

    def run(name: str, fails: int) -> str:
        """Train to `name` with a failure, and return what was said of it."""
        disk.folder, disk.count, disk.fails = str(tmp_path / name), 0, fails
        try:
            attempt(cell, tmp_path / name)
        except (BenchError, OSError) as error:  # the verb makes one sentence of either
            return str(error)
        finally:
            disk.folder = None
        return ""

    assert run("calm", 0) == ""
    writes = disk.count
    assert writes > 15
    all_of_them = "FUZZ" in os.environ
    tried = range(1, writes + 1) if all_of_them else range(1, writes + 1, 1 + writes // 6)
    ended = {"in a sentence": 0, "unharmed": 0}
    for n in tried:
        name = f"fails-{n}"
        said = run(name, n)
        assert not said or "No space left on device" in said
        ended["in a sentence" if said else "unharmed"] += 1
        assert run(name, 0) == ""
        same_files(tmp_path / name, tmp_path / "calm")
        assert (tmp_path / name / "run.json").exists()
        assert not list((tmp_path / name).glob(".*.safetensors*"))
    print(f"failing writes: {ended}")
    assert ended["in a sentence"] > ended["unharmed"]


def attempt(cell: Settings, folder: Path) -> None:
    """Train as the verb does, with a checkpoint at every logged update."""
    train(cell, TRANSITIONS / DATASET, folder, "cpu", 1, 0.0)

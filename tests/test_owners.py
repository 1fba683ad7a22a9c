"""Whose lock it is: a dead workflow's is removed, a living one's and another host's are not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bench import owners
from bench.records import write_json


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    owners.LOCKS.mkdir(parents=True)


def lock(*names: str) -> None:
    for name in names:
        (owners.LOCKS / name).write_text("reports/tiny.pdf\n")


def locks() -> list[str]:
    return sorted(path.name for path in owners.LOCKS.iterdir())


def claim_elsewhere() -> int:
    """Another process claims what is locked, and ends without a word."""
    script = "from bench import owners; import os; owners.claim(); print(os.getpid())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_lock_of_a_process_that_is_gone_is_removed() -> None:
    lock("0.input.lock", "0.output.lock")
    pid = claim_elsewhere()
    assert [f"process {pid} " in line for line in owners.clear()] == [True]
    assert locks() == []
    assert owners.clear() == []


def test_a_living_process_keeps_its_lock_until_it_lets_go() -> None:
    lock("0.output.lock")
    owners.claim()
    assert owners.clear() == []
    assert owners.holders() == [f"process {os.getpid()} on {platform.node()}"]
    assert locks() == ["0.output.lock"]
    owners.release()
    assert owners.holders() == []


def test_only_the_dead_ones_own_locks_are_removed() -> None:
    lock("0.output.lock")
    claim_elsewhere()
    lock("1.output.lock")  # of a workflow that began later, and has not said so yet
    owners.clear()
    assert locks() == ["1.output.lock"]


def test_a_lock_that_is_claimed_already_is_not_claimed_again() -> None:
    lock("0.output.lock")
    owners.claim()
    lock("1.output.lock")
    claim_elsewhere()
    owners.clear()
    assert locks() == ["0.output.lock"]


def test_of_another_host_nothing_is_known_and_nothing_removed() -> None:
    lock("0.output.lock")
    pid = claim_elsewhere()
    [path] = owners.FOLDER.iterdir()
    write_json(path, json.loads(path.read_text()) | {"host": "another-host"})
    assert owners.clear() == []
    assert locks() == ["0.output.lock"]
    assert owners.holders() == [f"process {pid} on another-host"]


def test_a_number_that_another_process_has_now_is_not_the_owner() -> None:
    lock("0.output.lock")
    owners.claim()
    [path] = owners.FOLDER.iterdir()
    write_json(path, json.loads(path.read_text()) | {"born": "1"})
    assert len(owners.clear()) == 1
    assert locks() == []

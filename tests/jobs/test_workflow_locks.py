"""Whose lock it is: a dead workflow's is removed, a living one's and another host's are not."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from bench.files import write_json
from bench.jobs import workflow_locks


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    workflow_locks.LOCKS.mkdir(parents=True)


def lock(*names: str) -> None:
    for name in names:
        (workflow_locks.LOCKS / name).write_text("reports/tiny.pdf\n")


def locks() -> list[str]:
    return sorted(path.name for path in workflow_locks.LOCKS.iterdir())


def claim_elsewhere() -> int:
    """Another process claims what is locked, and ends without a word."""
    script = "from bench.jobs.workflow_locks import claim; import os; claim(); print(os.getpid())"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_the_lock_of_a_process_that_is_gone_is_removed() -> None:
    lock("0.input.lock", "0.output.lock")
    pid = claim_elsewhere()
    assert [f"process {pid} " in line for line in workflow_locks.clear()] == [True]
    assert locks() == []
    assert workflow_locks.clear() == []


def test_a_living_process_keeps_its_lock_until_it_lets_go() -> None:
    lock("0.output.lock")
    workflow_locks.claim()
    assert workflow_locks.clear() == []
    assert workflow_locks.holders() == [f"process {os.getpid()} on {platform.node()}"]
    assert locks() == ["0.output.lock"]
    workflow_locks.release()
    assert workflow_locks.holders() == []


def test_only_the_dead_ones_own_locks_are_removed() -> None:
    lock("0.output.lock")
    claim_elsewhere()
    lock("1.output.lock")  # of a workflow that began later, and has not said so yet
    workflow_locks.clear()
    assert locks() == ["1.output.lock"]


def test_a_lock_that_is_claimed_already_is_not_claimed_again() -> None:
    lock("0.output.lock")
    workflow_locks.claim()
    lock("1.output.lock")
    claim_elsewhere()
    workflow_locks.clear()
    assert locks() == ["0.output.lock"]


def test_of_another_host_nothing_is_known_and_nothing_removed() -> None:
    lock("0.output.lock")
    pid = claim_elsewhere()
    [path] = workflow_locks.FOLDER.iterdir()
    write_json(path, json.loads(path.read_text()) | {"host": "another-host"})
    assert workflow_locks.clear() == []
    assert locks() == ["0.output.lock"]
    assert workflow_locks.holders() == [f"process {pid} on another-host"]


def test_a_number_that_another_process_has_now_is_not_the_owner() -> None:
    lock("0.output.lock")
    workflow_locks.claim()
    [path] = workflow_locks.FOLDER.iterdir()
    write_json(path, json.loads(path.read_text()) | {"born": "1"})
    assert len(workflow_locks.clear()) == 1
    assert locks() == []

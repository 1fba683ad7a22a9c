"""Progress: what jobs report of themselves, and what the watcher makes of it."""

from __future__ import annotations

import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench import progress
from bench.jobs import watch
from bench.progress import FOLDER, Progress

PLANNED = """\
Building DAG of jobs...
Job stats:
job            count
-----------  -------
collect            4
train             16
total             26

Select jobs to execute...
"""
RUNNING = (
    PLANNED
    + "[Mon]\nFinished job 3.\n1 of 26 steps (4%) done\n[Mon]\n11 of 26 steps (42%) done\nrule"
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def dead() -> int:
    """The id of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


HERE = platform.node()


def report(name: str, pid: int, done: int = 250, total: int = 1000, host: str = HERE) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    state: dict[str, object] = {"label": name, "done": done, "total": total, "unit": "updates"}
    state |= {"rate": 1234.5, "pid": pid, "host": host}
    (FOLDER / f"{name}.json").write_text(json.dumps(state))


# --- Snakemake's log ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0)),
        ("Building DAG of jobs...\n", (0, 0)),
        (PLANNED, (0, 26)),
        (RUNNING, (11, 26)),
        (RUNNING + "\n26 of 26 steps (100%) done\n", (26, 26)),
    ],
)
def test_jobs_by_the_log(text: str, expected: tuple[int, int]) -> None:
    Path("log").write_text(text)
    assert watch.jobs(Path("log")) == expected


def test_no_log_yet() -> None:
    assert watch.jobs(Path("absent")) == (0, 0)


# --- times ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0:00"), (9.9, "0:09"), (61, "1:01"), (3599, "59:59"), (3600, "1:00:00"),
     (90061, "25:01:01")],
)  # fmt: skip
def test_clock(seconds: float, text: str) -> None:
    assert watch.clock(seconds) == text


@pytest.mark.parametrize(
    ("done", "total", "elapsed", "text"),
    [
        (0, 10, 50.0, "time left unknown"),
        (0, 0, 50.0, "time left unknown"),
        (5, 10, 60.0, "about 1:00 left"),
        (2.5, 10, 60.0, "about 3:00 left"),
        (10, 10, 60.0, "about 0:00 left"),
    ],
)
def test_remaining(done: float, total: int, elapsed: float, text: str) -> None:
    assert watch.remaining(done, total, elapsed) == text


# --- processes ------------------------------------------------------------------------


def test_alive(dead: int) -> None:
    assert watch.alive(os.getpid())
    assert not watch.alive(dead)


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        deadline = time.monotonic() + 10
        while "\nState:\tZ" not in Path(f"/proc/{process.pid}/status").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert not watch.alive(process.pid)
    finally:
        process.wait()


def test_running_ignores_the_dead_and_the_torn(dead: int) -> None:
    report("b-live", os.getpid())
    report("a-live", os.getpid())
    report("gone", dead)
    (FOLDER / "torn.json").write_text('{"label": "torn", "do')
    (FOLDER / "empty.json").write_text("")
    (FOLDER / "x.123.tmp").write_text("half")
    assert [state["label"] for state in watch.running(FOLDER)] == ["a-live", "b-live"]


def test_a_job_of_another_host_is_alive_while_it_is_heard_of(dead: int) -> None:
    report("there", dead, host="another-host")
    assert [state["label"] for state in watch.running(FOLDER)] == ["there"]
    long_ago = time.time() - watch.SILENT - 1
    os.utime(FOLDER / "there.json", (long_ago, long_ago))
    assert watch.running(FOLDER) == []


def test_nothing_runs_where_there_is_no_folder() -> None:
    assert watch.running(Path("absent")) == []


def test_the_line_by_hand(monkeypatch: pytest.MonkeyPatch, dead: int) -> None:
    Path("log").write_text(RUNNING)
    report("quick_iql", os.getpid(), done=1500, total=2000)
    report("gone", dead)
    monkeypatch.setattr(watch.time, "monotonic", lambda: 1000.0)
    # 11 jobs and three quarters of one in 235 s: 20 s a job, 14.25 to go.
    assert watch.line(Path("log"), began=765.0) == (
        "[3:55] 11 of 26 jobs, about 4:45 left; quick_iql 1,500/2,000 (1,234 updates/s)"
    )


def test_trainings_of_no_job_make_no_time_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("log").write_text("1 of 2 steps (50%) done\n")
    for name in ("of the workflow", "by hand"):
        report(name, os.getpid(), done=900)
    monkeypatch.setattr(time, "monotonic", lambda: 160.0)
    assert watch.line(Path("log"), 100.0).startswith("[1:00] 1 of 2 jobs, about 0:00 left; ")


@pytest.mark.parametrize(("text", "head"), [("", "planning"), (RUNNING, "11 of 26 jobs")])
def test_the_display_shows_all_jobs_and_each_that_runs(text: str, head: str) -> None:
    Path("log").write_text(text)
    report("quick_iql", os.getpid())
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(watch.display(Path("log"), time.monotonic() - 60))
    shown = console.export_text()
    assert head in shown
    assert "quick_iql" in shown
    assert "1,234 updates/s" in shown


def test_watching_ends_with_its_parent(dead: int) -> None:
    Path("log").write_text(RUNNING)
    watch.lines(Path("log"), dead)  # must return


def test_watching_prints_lines_while_the_parent_lives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("log").write_text(RUNNING)
    answers: Iterator[bool] = iter([True, True, False])
    monkeypatch.setattr(watch, "alive", lambda _: next(answers))
    monkeypatch.setattr(watch.time, "sleep", lambda _: None)
    monkeypatch.setattr(watch, "LINE_EVERY", 3600.0)
    watch.lines(Path("log"), 1)
    assert capsys.readouterr().out == ""  # not yet due
    answers = iter([True, True, False])
    monkeypatch.setattr(watch, "LINE_EVERY", 0.0)
    watch.lines(Path("log"), 1)
    assert capsys.readouterr().out.count("11 of 26 jobs") == 2


# --- the jobs' side -------------------------------------------------------------------


def states() -> list[dict[str, object]]:
    return [json.loads(p.read_text()) for p in FOLDER.glob("*.json")]


def test_a_job_reports_itself_and_cleans_up(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "FILE_EVERY", 0.0)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    with Progress("suite/iql/hopper", 2000, "updates") as job:
        assert [s["done"] for s in states()] == [0]
        job(500)
        job(1000)
        [state] = states()
        assert state["label"] == "suite/iql/hopper"
        assert (state["done"], state["total"], state["unit"]) == (1500, 2000, "updates")
        assert state["pid"] == os.getpid()
        assert [s["label"] for s in watch.running()] == ["suite/iql/hopper"]
    assert list(FOLDER.iterdir()) == []
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].startswith("suite/iql/hopper: 1,500 of 2,000 updates (75%), ")


def test_a_failed_job_cleans_up_and_its_error_is_seen() -> None:
    with pytest.raises(RuntimeError, match="boom"), Progress("job", 10, "rows"):
        raise RuntimeError("boom")
    assert list(FOLDER.iterdir()) == []


def test_the_rate_leaves_out_what_was_done_before(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("job", 10_000, "updates", done=6000) as job:
        now[0] = 104.0
        job(1000)
        assert job.done == 7000
        assert job.rate == 250.0


def test_reports_are_rare(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with Progress("job", 100, "rows") as job:
        for _ in range(20):  # one a second
            now[0] += 1.0
            job(1)
        now[0] += 0.5
        job(1)
        assert states()[0]["done"] == 20  # files once a second
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" of ")[0] for line in lines] == ["job: 0", "job: 15"]

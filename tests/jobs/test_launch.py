"""What `bench run` says when the workflow fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.jobs import launch

RULE = "=" * 80


def test_the_ends_of_the_failed_jobs_logs_are_shown() -> None:
    noise = "\n".join(f"line {i}" for i in range(40))
    text = (
        f"Building DAG of jobs...\nError in rule train:\nLogfile logs/a.log:\n{RULE}\n"
        f"{noise}\nerror: first\n{RULE}\n1 of 3 steps (33%) done\n"
        f"Logfile logs/b.log:\n{RULE}\nerror: second\n{RULE}\nExiting.\n"
    )
    first, second = launch.failures(text)
    assert first.startswith("logs/a.log:\n")
    assert first.endswith("error: first")
    assert len(first.splitlines()) == 1 + launch.SHOWN
    assert second == "logs/b.log:\nerror: second"


def test_without_a_failed_job_snakemakes_own_words_are_shown() -> None:
    assert launch.failures("one\nLockException: locked\n") == ["one\nLockException: locked"]


def test_caches_go_to_the_project_where_the_home_folder_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert launch._cache() == {}
    monkeypatch.setenv("HOME", str(Path(__file__)))  # a file: not even root makes folders in it
    assert launch._cache() == {"XDG_CACHE_HOME": str(tmp_path / ".snakemake/cache")}
    assert "~/.cache: cannot be written" in capsys.readouterr().err

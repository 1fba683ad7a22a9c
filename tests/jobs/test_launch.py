"""What `bench run` says when the workflow fails."""

from __future__ import annotations

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

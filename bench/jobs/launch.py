"""Launch of the workflow, showing its progress instead of its log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from bench.errors import BenchError
from bench.files import cache_folder
from bench.jobs import workflow_locks
from bench.jobs.watch import show
from bench.paths import shipped

LOG = Path("logs/snakemake.log")
CACHE = Path(".snakemake/cache")
NO_WATCHER = "BENCH_NO_WATCHER"  # if set, the workflow starts no display of its own
FAILED_LOG = re.compile(r"^Logfile (\S+):\n=+\n(.*?)\n=+$", re.MULTILINE | re.DOTALL)
SHOWN = 12  # last lines to show of each log


def launch(cores: str, configfile: Path, arguments: tuple[str, ...]) -> None:
    """Run `snakemake --cores CORES --configfile FILE ARGUMENTS`, writing its output to LOG.

    Raise BenchError if it fails, after printing the end of the relevant logs.
    """
    command = [sys.executable, "-m", "snakemake", "--show-failed-logs"]
    command += ["--cores", cores, "--configfile", str(shipped(configfile))]
    LOG.parent.mkdir(exist_ok=True)
    with open(LOG, "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {NO_WATCHER: "1", "PATH": _path()} | _cache(),
        )
        try:
            show(LOG, process.pid)
            status = process.wait()
        except KeyboardInterrupt:  # the terminal also sent it to Snakemake and its jobs
            print("stopping; training saves a checkpoint and resumes next time", file=sys.stderr)
            process.wait()
            raise SystemExit(130) from None
    text = LOG.read_text(encoding="utf-8")
    if status:
        print("\n\n".join(failures(text)), file=sys.stderr)
        if "LockException" in text:
            who = ", ".join(workflow_locks.holders()) or "of an unknown process"
            raise BenchError(
                f".snakemake/locks: another workflow writes the same files ({who}); wait until it "
                f"has ended, or if it is gone run `snakemake --unlock --configfile {configfile}`."
            )
        raise BenchError(f"the workflow failed; its full output is in {LOG}.")
    if "Nothing to be done" in text:
        print("Nothing to be done: every file is newer than what it depends on.")


def failures(text: str) -> list[str]:
    """Return the ends of the failed jobs' logs, or of Snakemake's output if no job failed."""
    logs = [f"{path}:\n{_tail(content)}" for path, content in FAILED_LOG.findall(text)]
    return logs or [_tail(text)]


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-SHOWN:])


def _cache() -> dict[str, str]:
    """Return where caches go instead of the home folder, if they cannot be there."""
    if cache_folder("snakemake"):
        return {}
    print(f"~/.cache: cannot be written; caches go to {CACHE}", file=sys.stderr)
    return {"XDG_CACHE_HOME": str(CACHE.absolute())}


def _path() -> str:
    """Return PATH with the interpreter's folder first, so that jobs use the same environment."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

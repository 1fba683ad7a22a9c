"""Training jobs as processes: a tiny problem, how they are started, and what they must leave."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from bench.config.types import Settings
from helpers.paths import TESTS as HERE

ENV = "unit_pendulum:UnitPendulum-v0"


DATASET = "local/pendulum/random-v0"


def settings(**changes: object) -> Settings:
    row = {
        "task": "pendulum",
        "family": "locomotion",
        "env_id": ENV,
        "dataset": DATASET,
        "recipe": "none",
    }
    content = {
        "suite": "tiny",
        "method": "iql",
        "task": row,
        "seeds": [0, 3],
        "updates": 120,
        "batch_size": 32,
        "log_every": 10,
        "rewards": "raw",
        "observations": "standardised",
        "evaluation": {"every": 40, "episodes": 2},
        "config": {"hidden": [16, 16]},
    }
    return Settings.model_validate(content | changes)


def start(folder: Path, cell: Settings, *options: str, **environment: str) -> subprocess.Popen[str]:
    """In a group of processes of its own, as a terminal or a scheduler has it."""
    command = [sys.executable, "-m", "bench", "train", "--settings", cell.model_dump_json()]
    return subprocess.Popen(
        [*command, "--device", "cpu", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"} | environment,
        start_new_session=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def results(folder: Path, cell: Settings) -> Path:
    return folder / "results/tiny/runs" / cell.method / "pendulum/0_3"


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def same_files(a: Path, b: Path) -> None:
    for name in ("evaluations.csv", "metrics.csv", "policy.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def small_files() -> None:
    """A limit on the size of files stands in for a full disk: the write fails half-way."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

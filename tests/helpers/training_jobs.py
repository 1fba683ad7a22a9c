"""Training jobs on a tiny problem: settings, data, the command as a process, and its files."""

from __future__ import annotations

import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.config.types import Settings
from bench.data import prepare
from bench.data.transitions import Transitions, content_hash
from bench.paths import TRANSITIONS
from helpers.paths import PYTHONPATH
from helpers.warm_jobs import WarmJob

DATASET = "local/pendulum/random-v0"


def settings(**changes: object) -> Settings:
    """120 offline updates of IQL for seeds 0 and 3, unless `changes` say otherwise."""
    row = {
        "task": "pendulum",
        "family": "locomotion",
        "env_id": "unit_pendulum:UnitPendulum-v0",
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


def random_data() -> Transitions:
    """Return 500 random transitions in the shape of the pendulum's."""
    rng = np.random.default_rng(0)
    n = 500
    return Transitions(
        observations=rng.normal(size=(n, 4)).astype(np.float32),
        actions=rng.uniform(-1, 1, (n, 1)).astype(np.float32),
        rewards=rng.normal(size=n).astype(np.float32),
        next_observations=rng.normal(size=(n, 4)).astype(np.float32),
        masks=np.ones(n, np.float32),
        episodes=np.repeat(np.arange(10), 50).astype(np.int32),
    )


def place_data(folder: Path, data: Transitions) -> Path:
    """Write the data where a run started in `folder` looks for them; return `folder`."""
    prepare.write(data, {"hash": content_hash(data)}, folder / TRANSITIONS / DATASET)
    return folder


def start(folder: Path, cell: Settings, *options: str, **environment: str) -> WarmJob:
    """Start the command in a process group of its own, as a terminal or a scheduler does."""
    arguments = ["bench", "train", "--settings", cell.model_dump_json(), "--device", "cpu"]
    variables = os.environ | {"PYTHONPATH": PYTHONPATH} | environment
    return WarmJob([*arguments, *options], folder, variables)


def results(folder: Path, cell: Settings) -> Path:
    """Return the folder that the run of `cell` started in `folder` writes."""
    return folder / "results" / cell.suite / "runs" / cell.method / "pendulum/0_3"


def wait_for(condition: Callable[[], bool], process: WarmJob) -> None:
    """Return once `condition` holds; fail if the process ends first or after a minute."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stdout and process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def same_files(a: Path, b: Path) -> None:
    """Fail unless two run folders hold the same bytes."""
    for name in ("evaluations.csv", "metrics.csv", "policy.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def small_files() -> None:
    """Limit the size of files in place of a full disk, so that a write fails half-way."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))

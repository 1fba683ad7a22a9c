"""A run with both phases on the smallest environments, by its command and in the process."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.config.registry import ONLINE
from bench.config.types import Settings
from bench.data import prepare
from bench.data.transitions import Transitions
from bench.paths import TRANSITIONS
from helpers.paths import TESTS as HERE

DATASET = "local/pendulum/random-v0"
CONFIGS: dict[str, dict[str, Any]] = {
    "iql": {"cosine_actor": False},
    "awac": {"policy_hidden": [16, 16]},
    "cql": {"samples": 2, "warm_start": 5},
    "cql_antmaze": {"samples": 2, "warm_start": 5},
    "cal_ql": {"samples": 2},
    "sac": {"warm_up": 30},
    "sac_iql": {"warm_up": 30, "uniform": False},
    "ppo": {"horizon": 25, "minibatches": 5, "epochs": 2},
}
CONFIGS["ppo_iql"] = CONFIGS["ppo"] | {"activation": "relu", "bounded_mean": True}
CONFIGS["ppo_iql"] |= {"running_scales": False}


def settings(method: str = "iql", **changes: Any) -> Settings:
    """20 updates offline and 80 steps online, unless `changes` say otherwise."""
    row = {
        "task": "pendulum",
        "family": "locomotion",
        "env_id": "unit_pendulum:UnitPendulum-v0",
        "dataset": DATASET,
        "recipe": "none",
    }
    content: dict[str, Any] = {
        "suite": "tiny",
        "method": method,
        "task": row,
        "seeds": [0, 3],
        "updates": 0 if method in ONLINE else 20,
        "batch_size": 32,
        "log_every": 10,
        "rewards": "minus_one",
        "observations": "standardised",
        "evaluation": {"every": 20, "episodes": 2},
        "online": {"steps": 80, "every": 40, "episodes": 3},
        "config": {"hidden": [16, 16]} | CONFIGS.get(method, {}),
    }
    return Settings.model_validate(content | changes)


def data() -> Transitions:
    """Random transitions in the shape of the pendulum's."""
    rng = np.random.default_rng(0)
    n = 500
    return Transitions(
        observations=rng.normal(size=(n, 4)).astype(np.float32),
        actions=rng.uniform(-1, 1, (n, 1)).astype(np.float32),
        rewards=rng.uniform(0, 2, n).astype(np.float32),
        next_observations=rng.normal(size=(n, 4)).astype(np.float32),
        masks=(rng.uniform(size=n) > 0.1).astype(np.float32),
        episodes=np.repeat(np.arange(10), 50).astype(np.int32),
    )


def place(folder: Path) -> Path:
    """A folder that holds the data where a run looks for them."""
    prepare.write(data(), {}, folder / TRANSITIONS / DATASET)
    return folder


def start(folder: Path, cell: Settings, *options: str) -> subprocess.Popen[str]:
    """The command of a run."""
    command = [sys.executable, "-m", "bench", "train", "--settings", cell.model_dump_json()]
    return subprocess.Popen(
        [*command, "--device", "cpu", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parent}"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def results(folder: Path, cell: Settings) -> Path:
    """Where that run writes."""
    return folder / "results/tiny/runs" / cell.method / "pendulum/0_3"


def wait(condition: Callable[[], bool], process: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)

"""Measure the start of a training job: seconds until its first update, and memory."""

from __future__ import annotations

import os
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

from bench.config.task import TaskSettings
from bench.config.types import Evaluation, Settings
from bench.paths import TRANSITIONS
from bench.speed.processes import timed

JOB_ROWS = 2_000_000  # of 17 observations and 6 actions: the largest of D4RL's locomotion files
METHOD = "iql"
DATASET = "benchmark/rows-v0"


def one_update() -> Settings:
    """Return the settings of a job that ends after its first update.

    An untrained policy falls within a few steps in its environment, so little but the start is
    left.
    """
    task = TaskSettings(
        task="benchmark",
        family="locomotion",
        env_id="Walker2d-v4",
        dataset=DATASET,
        recipe="none",
    )
    return Settings(
        suite="benchmark",
        method=METHOD,
        task=task,
        seeds=(0, 1, 2, 3, 4),
        updates=1,
        batch_size=256,
        log_every=1,
        rewards="return_range",
        observations="standardised",
        evaluation=Evaluation(every=1, episodes=1),
        config={},
    )


def start(rows: Path, scratch: Path, rounds: int) -> dict[str, Any]:
    """Measure the wall seconds of a `bench train` of one update on the arrays in `rows`."""
    command = [sys.executable, "-m", "bench", "train", "--settings", one_update().model_dump_json()]
    # `bench train` takes no folders; it reads and writes below the working directory.
    code = os.pathsep.join(filter(None, (str(Path.cwd()), os.environ.get("PYTHONPATH"))))
    seconds: list[float] = []
    for number in range(rounds):
        folder = scratch / f"job-{number}"
        place = folder / TRANSITIONS / DATASET
        place.parent.mkdir(parents=True)
        place.symlink_to(rows.resolve())
        result = timed([*command, "--device", "cpu"], 1, folder, {"PYTHONPATH": code})
        if "failed" in result:
            return result
        seconds.append(result["seconds"])
        shutil.rmtree(folder)
    return {"seconds": statistics.median(seconds), "seconds_rounds": seconds}

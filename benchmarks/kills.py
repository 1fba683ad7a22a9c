"""Kill training jobs at random moments, many times, and check that no bit of the results changes.

    python benchmarks/kills.py --kills 1000 --at-once 2 --minutes 15

Each job trains one seed of IQL on synthetic data, and is killed (SIGKILL) and restarted until it
finishes; then its episodes, curves and networks are compared with those of an undisturbed job.
Jobs are forked from one process that has everything loaded, so a start takes milliseconds and most
kills hit a job that reads, learns, evaluates or writes.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from bench.config.types import Settings
from bench.data import prepare
from bench.data.transitions import Transitions, content_hash
from bench.paths import TRANSITIONS
from bench.training.train import train

FILES = ("evaluations.csv", "metrics.csv", "policy.safetensors")
DATASET = "made-up/kills-v0"
LONGEST = 0.6  # longest life of a job in seconds; a whole run takes longer


def settings(seed: int) -> Settings:
    """Return a short run that evaluates often, so that kills also hit evaluations."""
    task = {"task": "hopper", "family": "locomotion", "env_id": "Hopper-v4", "dataset": DATASET}
    task["recipe"] = "none"
    return Settings.model_validate(
        {
            **{"suite": "kills", "method": "iql", "task": task},
            **{
                "seeds": [seed],
                "executor": "recorded",
                "updates": 1000,
                "batch_size": 32,
                "log_every": 20,
            },
            **{"rewards": "raw", "observations": "raw", "config": {"hidden": [8, 8]}},
            "evaluation": {"every": 100, "episodes": 1},
        }
    )


def made_up() -> Transitions:
    """Return random data in the shape of Hopper's."""
    rng = np.random.default_rng(0)
    n = 500
    return Transitions(
        observations=rng.normal(size=(n, 11)).astype(np.float32),
        actions=rng.uniform(-1, 1, (n, 3)).astype(np.float32),
        rewards=rng.normal(size=n).astype(np.float32),
        next_observations=rng.normal(size=(n, 11)).astype(np.float32),
        masks=np.ones(n, np.float32),
        episodes=np.repeat(np.arange(10), 50).astype(np.int32),
    )


class Job:
    """One run in its own folder, started until it finishes."""

    def __init__(self, root: Path, seed: int):
        self.cell, self.folder = settings(seed), root / str(seed)
        self.folder.mkdir(parents=True)
        self.pid, self.kills, self.due = 0, 0, 0.0

    def start(self, due: float) -> None:
        """Fork the job; it is to be killed at `due`, in time.monotonic()."""
        self.due, self.pid = due, os.fork()
        if self.pid == 0:
            os.chdir(self.folder)
            with open("log", "a", encoding="utf-8") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            data = self.folder.parent / TRANSITIONS / DATASET
            status = 1
            try:
                train(self.cell, data, Path("run"), "cpu", 1, 0.0)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(status)

    def ended(self) -> int | None:
        """Return the exit status, or None while the job runs."""
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def outcome(self) -> list[bytes]:
        """Return the content of the files that the run has written."""
        return [(self.folder / "run" / name).read_bytes() for name in FILES]


def undisturbed(root: Path, seed: int) -> list[bytes]:
    """Return the outcome of the same run without kills."""
    job = Job(root, seed)
    job.start(float("inf"))
    _, status = os.waitpid(job.pid, 0)
    assert status == 0, (job.folder / "log").read_text(encoding="utf-8")
    return job.outcome()


def main() -> None:
    """Kill, compare and print the outcome as JSON; exit with 1 if anything was lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    moments = random.Random(options.seed)
    began, kills, seeds = time.monotonic(), 0, iter(range(10**6))
    verdicts: Counter[str] = Counter()
    ended: list[tuple[Job, int]] = []
    with tempfile.TemporaryDirectory(prefix="kills-") as scratch:
        killed, calm = Path(scratch, "killed"), Path(scratch, "calm")
        for root in (killed, calm):
            data = made_up()
            prepare.write(data, {"hash": content_hash(data)}, root / TRANSITIONS / DATASET)

        def deadline() -> float:
            """Return when to kill a job that starts now; never, after enough kills."""
            late = time.monotonic() - began > 60 * options.minutes
            spent = kills >= options.kills or late
            return float("inf") if spent else time.monotonic() + moments.uniform(0, LONGEST)

        jobs = [Job(killed, next(seeds)) for _ in range(options.at_once)]
        for job in jobs:
            job.start(deadline())
        while jobs:
            for job in list(jobs):
                status = job.ended()
                if status is None and time.monotonic() >= job.due:
                    os.kill(job.pid, signal.SIGKILL)
                    os.waitpid(job.pid, 0)
                    kills, job.kills = kills + 1, job.kills + 1
                    job.start(deadline())
                elif status is not None:
                    jobs.remove(job)
                    ended.append((job, status))
                    if deadline() < float("inf"):
                        jobs.append(Job(killed, next(seeds)))
                        jobs[-1].start(deadline())
            time.sleep(0.002)
        # Only now, because this process kills no jobs while it waits for an undisturbed one.
        for job, status in ended:
            [seed] = job.cell.seeds
            whole = status == 0 and job.outcome() == undisturbed(calm, seed)
            verdicts["equal" if whole else "lost"] += 1
            if not whole:
                print((job.folder / "log").read_text(encoding="utf-8")[-2000:], file=sys.stderr)
    k = [job.kills for job, _ in ended]
    print(
        json.dumps(
            {
                "kills": kills,
                "runs": len(ended),
                "kills_of_a_run": [min(k), max(k)],
                "equal_to_undisturbed": verdicts["equal"],
                "lost": verdicts["lost"],
                "at_once": options.at_once,
                "minutes": round((time.monotonic() - began) / 60, 1),
            }
        )
    )
    sys.exit(verdicts["lost"] > 0)


if __name__ == "__main__":
    main()

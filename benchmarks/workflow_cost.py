"""Measure the workflow's overhead: seconds per job, and seconds to plan the paper's suite.

    python benchmarks/workflow_cost.py

A job's overhead is everything outside the training function: Snakemake's bookkeeping, Python's
start, its imports. It is measured over very short training jobs, one after another.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
JOBS = 8
SUITE = {
    "suite": "cost",
    "title": "Jobs of a moment",
    "tasks": ["pointmaze-large-stitch"],
    "methods": ["bc"],
    "seeds": list(range(JOBS)),
    "seeds_per_job": 1,
    "rows": 4000,
    "updates": 20,
    "log_every": 20,
    "evaluation": {"every": 20, "episodes": 1},
}


def snakemake(folder: Path, *options: str) -> tuple[float, str]:
    """Run Snakemake in `folder`; return the seconds and its output."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *options],
        cwd=folder, env=environment | {"BENCH_NO_WATCHER": "1"}, text=True, capture_output=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return time.perf_counter() - began, done.stdout + done.stderr


def checkout(folder: Path) -> Path:
    """Fill `folder` like a checkout without data and results, and return it."""
    for name in ("behaviors", "workflow", "Snakefile", "profiles", "config"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def per_job(folder: Path) -> float:
    """Measure the seconds around the training of one job."""
    path = folder / "cost.yaml"
    path.write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    runs = folder / "results/cost/runs/bc/pointmaze-large-stitch"
    records = [f"{runs.relative_to(folder)}/{seed}/run.json" for seed in range(JOBS)]
    options = ("--configfile", str(path))
    snakemake(folder, *options, "--", "results/cost/audited")
    whole, _ = snakemake(folder, *options, "--", *records)
    nothing, _ = snakemake(folder, *options, "--", *records)
    training = sum(
        json.loads((folder / r).read_text(encoding="utf-8"))["wall_seconds"] for r in records
    )
    return (whole - nothing - training) / JOBS


def plan(folder: Path) -> tuple[float, int]:
    """Measure the seconds to plan the paper's suite from scratch; return them and the job count."""
    seconds, text = snakemake(
        folder, "--configfile", "config/paper.yaml", "--dry-run", "--quiet", "reason"
    )
    [jobs] = re.findall(r"^total +(\d+)", text, re.MULTILINE)[:1]
    return seconds, int(jobs)


def main() -> None:
    """Measure both and print them."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = checkout(Path(scratch))
        seconds, jobs = plan(folder)
        print(f"paper.yaml: {jobs:,} jobs planned in {seconds:.1f} s", flush=True)
        print(f"around the training of a job: {per_job(folder):.1f} s (mean of {JOBS})")
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

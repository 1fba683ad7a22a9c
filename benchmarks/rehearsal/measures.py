"""What a rehearsal took: jobs, time, memory, disk, and each method's plan beside its runs."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.types import Settings
from bench.jobs.cost_plan import cost_of
from bench.jobs.speeds import Speeds
from bench.paths import SuiteFolder
from bench.records.machine import machine, versions

METADATA = Path(".snakemake/metadata")  # where Snakemake notes when a job began and ended
LOCAL = ("fetch", "fetch_minari", "audited")  # rules that run where Snakemake does
UNITS = (1, 60, 3600, 86400)  # seconds, from the last part of a clock to the first
KEPT = ("data", "results", "reports", "logs", ".snakemake")


def measured(
    configfile: Path, peak: dict[str, float], submitted: list[dict[str, str]] | None
) -> dict[str, Any]:
    """Return the measures of the project in the working directory, whose suite has finished.

    `peak` is the largest memory in megabytes by verb, `submitted` what SLURM says of its jobs.
    """
    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    runs = {
        path.parent: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(SuiteFolder.of(suite.suite).path.glob("runs/*/*/*/run.json"))
    }
    jobs = _jobs() if submitted is None else [*_jobs(LOCAL), *_of_slurm(submitted)]
    return {
        "suite": suite.suite,
        "machine": machine(),
        "versions": versions(),
        "rules": _rules(jobs),
        "training": _training(catalogue, runs),
        "overhead_seconds_a_training_job": _overhead(jobs, runs),
        "peak_megabytes": {verb: round(value) for verb, value in sorted(peak.items())},
        "disk": {name: _size(Path(name)) for name in KEPT},
    }


def _of_slurm(submitted: list[dict[str, str]]) -> list[dict[str, Any]]:
    """Return rule, seconds on a node and name of each job that SLURM completed."""
    found = []
    for job in (j for j in submitted if j["JobState"] == "COMPLETED"):
        _, rule, *_ = job.get("Comment", "_").split("_")
        clock = [int(part) for part in job["RunTime"].replace("-", ":").split(":")]
        seconds = sum(n * unit for n, unit in zip(reversed(clock), UNITS, strict=False))
        found.append({"rule": rule, "seconds": float(seconds), "name": job.get("Comment", "")})
    return found


def _jobs(rules: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Return rule, seconds and name of each job that Snakemake noted, of all or some rules."""
    found: dict[tuple[str, float], dict[str, Any]] = {}
    for path in _files(METADATA):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record.get("starttime") is None or record.get("endtime") is None:
            continue
        key = (record["rule"], record["starttime"])
        name = (record.get("log") or [""])[0].removesuffix(".log").replace("/", "_")
        if not rules or record["rule"] in rules:
            seconds = record["endtime"] - key[1]
            found[key] = {"rule": record["rule"], "seconds": seconds, "name": name}
    return list(found.values())


def _rules(jobs: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Return the number of jobs and their seconds by rule."""
    seconds: dict[str, list[float]] = defaultdict(list)
    for job in jobs:
        seconds[job["rule"]].append(job["seconds"])
    return {
        rule: {
            "jobs": len(values),
            "seconds": round(sum(values), 1),
            "longest": round(max(values), 1),
        }
        for rule, values in sorted(seconds.items())
    }


def _training(catalogue: Catalogue, runs: dict[Path, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per method: jobs, seconds, rates and memory, and what was planned."""
    speeds, rows = Speeds(), []
    assert catalogue.sources  # read here: planning happens elsewhere
    for method in dict.fromkeys(run["settings"]["method"] for run in runs.values()):
        mine = [run for run in runs.values() if run["settings"]["method"] == method]
        with tempfile.TemporaryDirectory() as empty, chdir(empty):  # a plan reads finished runs
            planned = [_planned(catalogue, speeds, run) for run in mine]
        took = sum(run["update_seconds"] for run in mine)
        hours = [cost["hours"] for cost in planned]
        known = [value for value in hours if value is not None]
        row = {
            "method": method,
            "jobs": len(mine),
            "seconds": round(sum(run["wall_seconds"] for run in mine), 1),
            "update_seconds": round(took, 1),
            "planned_update_seconds": round(3600 * sum(known), 1)
            if len(known) == len(hours)
            else None,
            "seed_updates_per_second": statistics.median(
                run["updates_per_second"] * len(run["settings"]["seeds"]) for run in mine
            ),
            "peak_megabytes": max(run["peak_memory_mb"] for run in mine),
            "planned_megabytes": max((c["megabytes"] or 0 for c in planned), default=0) or None,
            "resumed": sum(run["resumed"] for run in mine),
        }
        rows.append(row)
    return rows


def _planned(catalogue: Catalogue, speeds: Speeds, run: dict[str, Any]) -> dict[str, Any]:
    """Return what `python -m bench plan` says of a run's job."""
    return cost_of(Settings.model_validate(run["settings"]), catalogue, speeds)


def _overhead(jobs: list[dict[str, Any]], runs: dict[Path, dict[str, Any]]) -> float | None:
    """Return the median seconds of a training job outside training."""
    around = []
    for job in (j for j in jobs if j["rule"] == "train"):
        alike = (r for path, r in runs.items() if job["name"].endswith("_".join(path.parts[-3:])))
        run = next(alike, None)
        if run and not run["resumed"]:
            around.append(job["seconds"] - run["wall_seconds"])
    return round(statistics.median(around), 2) if around else None


def _size(folder: Path) -> dict[str, int]:
    """Return the files of a folder and their bytes."""
    files = list(_files(folder))
    return {"files": len(files), "bytes": sum(path.stat().st_size for path in files)}


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())

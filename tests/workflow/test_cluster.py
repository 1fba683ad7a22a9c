"""The quick workflow at a tiny size through a real SLURM, with jobs that are cut short.

`make test-cluster` runs it; two nodes on this host, see benchmarks/rehearsal/slurm.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT
from rehearsal import slurm as slurm_cluster
from rehearsal.slurm import Slurm

from bench.config.catalogue import Catalogue
from bench.jobs import requests
from bench.jobs.cost_plan import cost_of
from bench.jobs.speeds import Speeds
from bench.jobs.watch import running

pytestmark = pytest.mark.cluster

SUITE = ROOT / "tests/suites/cluster.yaml"
METHODS = yaml.safe_load(SUITE.read_text())["methods"]
RUN = "results/cluster/runs/{}/pointmaze-large-stitch/0-1"
LIMIT = 900  # seconds for each whole workflow; about 150 where nothing else runs


def checkout(folder: Path) -> Path:
    """A directory that looks like one, with the suite as config/cluster.yaml."""
    for name in ("behaviors", "workflow", "Snakefile", "profiles"):
        (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "config", folder / "config")
    shutil.copy(SUITE, folder / "config")
    return folder


def snakemake(folder: Path, environment: dict[str, str], *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "--configfile", "config/cluster.yaml"]
    with open(folder / "snakemake.log", "w") as log:
        return subprocess.Popen(
            [*command, *options], cwd=folder, env=environment, stdout=log, stderr=log, text=True
        )


@dataclass
class Cut:
    """One training job that is not left in peace."""

    method: str
    pid: int = 0
    job: str = ""
    over: bool = False


@dataclass
class Disturber:
    """Freezes each training job in its midst, so that none ends before what it is to suffer."""

    slurm: Slurm
    folder: Path
    cuts: dict[str, Cut] = field(default_factory=lambda: {m: Cut(m) for m in METHODS})

    def job_of(self, method: str) -> dict[str, str]:
        """The running SLURM job of a method."""
        [found] = [
            job
            for job in self.slurm.jobs()
            if job["JobState"] == "RUNNING" and f"_cluster_{method}_" in job.get("Comment", "")
        ]
        return found

    def freeze(self) -> None:
        """Stop the process of each job that has begun to learn."""
        for state in running(self.folder / "logs/progress"):
            parts = state["label"].split("/")
            cut = self.cuts.get(parts[1]) if len(parts) == 4 else None
            if cut and not cut.pid and 1000 <= state["done"] < state["total"]:
                os.kill(state["pid"], signal.SIGSTOP)
                cut.pid = state["pid"]
                cut.job = self.job_of(cut.method)["JobId"]
                self.begin(cut)

    def begin(self, cut: Cut) -> None:
        if cut.method == "iql":
            self.slurm.call("scontrol", "update", f"JobId={cut.job}", "TimeLimit=1")
        elif cut.method == "bc":
            self.slurm.call("scancel", cut.job)

    def step(self) -> None:
        self.freeze()
        states = {job["JobId"]: job for job in self.slurm.jobs()}
        last = all(cut.over for cut in self.cuts.values() if cut.method != "td3_bc")
        for cut in self.cuts.values():
            state = states[cut.job]["JobState"] if cut.pid else ""
            if cut.method == "td3_bc" and state == "PENDING":  # requeued, to wait for two minutes
                self.slurm.call("scontrol", "update", f"JobId={cut.job}", "StartTime=now")
            if not cut.pid or cut.over:
                continue
            if state != "RUNNING":
                cut.over = True
                time.sleep(1)  # whatever its parents do meanwhile, SLURM must wait for this one
                thaw(cut.pid)
            elif cut.method == "td3_bc" and last:
                urgent = ("sbatch", "-p", "urgent", "-w", "n1", "--exclusive", "-o", "/dev/null")
                if not any(job["Partition"] == "urgent" for job in states.values()):
                    self.slurm.call(*urgent, "--wrap", "sleep 1")


def thaw(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True)
class Outcome:
    """Folders of a run on this machine and one through SLURM, and what SLURM says of its jobs."""

    undisturbed: Path
    disturbed: Path
    jobs: list[dict[str, str]]
    cuts: dict[str, Cut]

    def of(self, method: str) -> list[dict[str, str]]:
        """The training jobs of a method, in the order of their submission."""
        mine = ("rule_train_", f"_cluster_{method}_")
        return [job for job in self.jobs if all(x in job.get("Comment", "") for x in mine)]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    reason = slurm_cluster.missing()
    if reason:
        pytest.skip(f"no SLURM: {reason}")
    undisturbed = checkout(tmp_path_factory.mktemp("undisturbed"))
    disturbed = checkout(tmp_path_factory.mktemp("disturbed"))
    with slurm_cluster.running(tmp_path_factory.mktemp("slurm")) as slurm:
        local = snakemake(undisturbed, slurm.environment, "--cores", "2")
        assert local.wait(LIMIT) == 0, (undisturbed / "snakemake.log").read_text()
        options = ["--slurm-status-command", "squeue", "--latency-wait", "10"]
        options += ["--slurm-init-seconds-before-status-checks", "4"]
        options += ["--cores", "all", "--profile", "workflow/profiles/slurm"]
        process = snakemake(disturbed, slurm.environment, *options)
        disturber = Disturber(slurm, disturbed)
        deadline = time.monotonic() + LIMIT
        try:
            while process.poll() is None:
                assert time.monotonic() < deadline, (disturbed / "snakemake.log").read_text()
                disturber.step()
                time.sleep(0.3)
        finally:
            for cut in disturber.cuts.values():
                if cut.pid and not cut.over:
                    thaw(cut.pid)
            if process.poll() is None:
                process.kill()
                process.wait()
        assert process.returncode == 0, (disturbed / "snakemake.log").read_text()
        yield Outcome(undisturbed, disturbed, slurm.jobs(), disturber.cuts)


def test_every_step_but_the_local_ones_went_through_sbatch(outcome: Outcome) -> None:
    rules = {job["Comment"].split("_")[1] for job in outcome.jobs if "Comment" in job}
    assert rules == {"collect", "transitions", "train", "statistics", "claims", "report"}


def test_one_training_job_has_one_gpu_and_no_other_job_has_any(outcome: Outcome) -> None:
    for job in outcome.jobs:
        training = "rule_train_" in job.get("Comment", "")
        assert ("gpu" in job.get("TresPerJob", "")) == training, job
        if training:
            assert job["TresPerJob"] == "gres:gpu:1"


def asked(method: str) -> str:
    """The time that a training job asks for, as SLURM shows it."""
    catalogue = Catalogue()
    suite = catalogue.read_suite(SUITE)
    cell = catalogue.settings(suite, method, suite.tasks[0], suite.seeds)
    minutes = requests.request(cell, cost_of(cell, catalogue, Speeds()), None).minutes
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def test_a_job_that_meets_its_time_limit_is_tried_again_with_the_time_it_asked_for(
    outcome: Outcome,
) -> None:
    first, second = outcome.of("iql")
    assert first["JobState"] == "TIMEOUT"
    assert second["JobState"] == "COMPLETED"
    assert second["TimeLimit"] == asked("iql")  # as attempt 1, which was cut short


def test_a_cancelled_job_is_tried_again(outcome: Outcome) -> None:
    assert [job["JobState"] for job in outcome.of("bc")] == ["CANCELLED", "COMPLETED"]


def test_a_preempted_job_is_requeued_under_its_own_number(outcome: Outcome) -> None:
    [job] = outcome.of("td3_bc")
    assert job["JobState"] == "COMPLETED"
    assert int(job["Restarts"]) >= 1


@pytest.mark.parametrize("method", METHODS)
def test_each_went_on_from_its_checkpoint(outcome: Outcome, method: str) -> None:
    record = json.loads((outcome.disturbed / RUN.format(method) / "run.json").read_text())
    assert record["resumed"] == 1
    calm = json.loads((outcome.undisturbed / RUN.format(method) / "run.json").read_text())
    assert calm["resumed"] == 0


@pytest.mark.parametrize("method", METHODS)
def test_a_run_ends_with_the_bits_of_an_undisturbed_one(outcome: Outcome, method: str) -> None:
    for name in ("evaluations.csv", "metrics.csv", "policy.safetensors"):
        path = f"{RUN.format(method)}/{name}"
        assert (outcome.disturbed / path).read_bytes() == (outcome.undisturbed / path).read_bytes()


def test_scores_and_statistics_are_equal_too(outcome: Outcome) -> None:
    for name in ("scores.csv", "summary.csv", "aggregate.csv"):
        path = f"results/cluster/{name}"
        assert (outcome.disturbed / path).read_bytes() == (outcome.undisturbed / path).read_bytes()
    assert (outcome.disturbed / "reports/cluster.pdf").stat().st_size > 10_000

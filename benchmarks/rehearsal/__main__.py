"""Rehearse the paper's suites on stand-ins for D4RL's files, from an empty folder to the report.

    python benchmarks/rehearsal OUT --suites paper --divide 1000
    python benchmarks/rehearsal OUT --suites paper --divide 1000 --kills 50

Stand-ins are made once (OUT/files) and served on loopback by two mirrors, of which the first
fails. Each suite runs in a folder of its own (OUT/calm/SUITE): through a SLURM of two nodes, which
is started here if its packages are installed, else with `--cores all`. With --kills it runs again
(OUT/killed/SUITE) while jobs, nodes and Snakemake are killed at random, and the scores of both runs
must be equal byte for byte. A rehearsal that was interrupted goes on where it ended.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.config.catalogue import Catalogue
from rehearsal import measures, minari_stand_ins, slurm
from rehearsal.chaos import Chaos
from rehearsal.hub import Hub
from rehearsal.kept import LOG, MEASURES, keep
from rehearsal.mirrors import Mirrors
from rehearsal.processes import Watcher
from rehearsal.slurm import Slurm
from rehearsal.suites import rehearsed, shortened

ROOT = Path(__file__).parents[2]
SUITES = ("paper", "paper-finetune", "extended")
PORT = 18765  # fixed, so that an interrupted rehearsal finds the addresses of its table again
RESTARTS = 10  # of Snakemake beside those that follow a kill


@dataclass(frozen=True)
class Rehearsal:
    """One suite in a folder of its own."""

    folder: Path
    name: str
    cluster: Slurm | None
    hub: str  # address of Minari's

    @property
    def configfile(self) -> Path:
        return Path("config", f"{self.name}.yaml")

    def lay(self, suite: dict[str, Any], table: str) -> None:
        """Fill the folder like a checkout without data and results."""
        if self.folder.exists():
            return
        self.folder.mkdir(parents=True)
        for name in ("behaviors", "workflow", "Snakefile", "profiles"):
            (self.folder / name).symlink_to(ROOT / name)
        shutil.copytree(ROOT / "config", self.folder / "config")
        (self.folder / "config/d4rl.tsv").write_text(table, encoding="utf-8")
        text = yaml.safe_dump(suite, sort_keys=False)
        (self.folder / self.configfile).write_text(text, encoding="utf-8")

    def snakemake(self, *options: str) -> subprocess.Popen[bytes]:
        """Start Snakemake on the suite."""
        command = [sys.executable, "-m", "snakemake", "--configfile", str(self.configfile)]
        command += ["--cores", "all", "--retries", "5", *options]
        if self.cluster:
            command += ["--profile", "workflow/profiles/slurm", "--latency-wait", "10"]
            command += ["--slurm-status-command", "squeue"]
            command += ["--slurm-init-seconds-before-status-checks", "4"]
        with (self.folder / LOG).open("ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    @property
    def environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, "BENCH_DEVICE": "cpu"}
        if self.cluster:
            variables = self.cluster.environment
        home = str(self.folder / ".hub")
        return variables | {"HF_ENDPOINT": self.hub, "HF_HOME": home, "NO_PROXY": "127.0.0.1"}

    def jobs(self) -> list[dict[str, str]] | None:
        """Return what SLURM says of the suite's jobs, or None without one."""
        if self.cluster is None:
            return None
        return [job for job in self.cluster.jobs() if job.get("WorkDir") == str(self.folder)]

    def run(self, chaos: Chaos | None) -> tuple[int, int]:
        """Run the suite to its end; return how often Snakemake began, and its last exit status.

        After a kill of Snakemake its jobs on the cluster are cancelled, as docs/cluster.md says.
        """
        starts, spared = 0, RESTARTS
        while True:
            starts += 1
            process, killed = self.snakemake(), False
            try:
                while process.poll() is None:
                    killed |= bool(chaos and chaos.step(process.pid))
                    time.sleep(0.3)
            finally:
                if process.poll() is None:  # interrupted; asked to end, it would wait for its jobs
                    process.kill()
                    process.wait()
            if process.returncode == 0:
                return starts, 0
            spared -= not killed
            if not spared:
                return starts, process.returncode
            if self.cluster and killed:
                self.cluster.call("scancel", "--user=root")
            self.snakemake("--unlock").wait()


def stand_ins(folder: Path, suites: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Make the files and datasets of all suites' tasks, once."""
    catalogue = Catalogue()
    tasks = {t: catalogue.task(t) for suite in suites for t in suite["tasks"]}
    hosted = [task for task in tasks.values() if task.origin == "Minari"]
    minari_stand_ins.make(hosted, folder / "minari", options.rows or options.distinct)
    if (folder / "d4rl.tsv").exists():
        return
    ours = sorted(name for name, task in tasks.items() if task.origin == "D4RL")
    command = [sys.executable, "-m", "bench", "stand-ins", str(folder), *ours]
    command += ["--distinct", str(options.distinct)]
    command += ["--rows", str(options.rows)] if options.rows else []
    subprocess.run(command, cwd=ROOT, check=True)


def table(path: Path, mirrors: Mirrors) -> str:
    """Return the stand-ins' table with the mirrors' addresses in the place of D4RL's."""
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line for line in lines if line.startswith("#")]
    rows = list(csv.reader(lines[len(comments) :], delimiter="\t"))
    column = rows[0].index("urls")
    for row in rows[1:]:
        name = "/".join(row[column].split()[0].split("/")[-2:])
        if name in mirrors.files:
            row[column] = mirrors.urls(name)
    return "\n".join([*comments, *("\t".join(row) for row in rows)]) + "\n"


@contextmanager
def cluster(wanted: str) -> Iterator[Slurm | None]:
    """Give a SLURM of two nodes, or None where it is not wanted or cannot be had."""
    reason = "not wanted" if wanted == "local" else slurm.missing()
    if reason:
        print(f"no SLURM: {reason}; `--cores all` instead", flush=True)
        if wanted == "slurm":
            sys.exit(2)
        yield None
        return
    # A node takes one training job, because this host has to bear both.
    with (
        tempfile.TemporaryDirectory(prefix="slurm-") as folder,
        slurm.running(Path(folder), cpus=1, both=True) as running,
    ):
        yield running


def rehearse(one: Rehearsal, mirrors: Mirrors, kills: int, options: argparse.Namespace) -> None:
    """Run one suite to its end and write what it took; exit where it does not end well."""
    done = one.folder / MEASURES
    if done.exists():
        return
    chaos = None
    if kills:
        chaos = Chaos(one.folder, kills, options.pause, options.seed, one.cluster)
    watcher, began = Watcher(one.folder), time.monotonic()
    with watcher.watching():
        starts, status = one.run(chaos)
    seconds = time.monotonic() - began
    if status:
        sys.exit(f"{one.folder}: Snakemake ended with {status}; see {one.folder / LOG}.")
    os.chdir(one.folder)
    content = {
        "divide": options.divide,
        "evaluations_a_run": options.points,
        "at_most": {"tasks": options.tasks, "seeds": options.seeds},
        "executor": "slurm, two nodes" if one.cluster else "--cores all",
        "wall_seconds": round(seconds),
        "snakemake_started": starts,
        "kills": dict(chaos.killed) if chaos else {},
        "requests": sum(mirrors.asked.values()),
        "requests_for_the_rest": mirrors.resumed,
        **measures.measured(one.configfile, watcher.peak, one.jobs()),
    }
    done.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{one.folder}: {seconds / 60:.1f} minutes, {sum(content['kills'].values())} kills")


def main() -> None:
    """Read the options, rehearse, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--suites", nargs="+", default=SUITES)
    parser.add_argument("--divide", type=int, default=1000, help="updates and steps, by this")
    parser.add_argument("--points", type=int, default=10, help="evaluations of a run, at most")
    parser.add_argument("--episodes", type=int, default=1, help="of an evaluation")
    parser.add_argument("--tasks", type=int, help="at most so many of a suite")
    parser.add_argument("--seeds", type=int, help="at most so many of a suite")
    parser.add_argument("--distinct", type=int, default=50_000, help="rows collected for a file")
    parser.add_argument("--rows", type=int, help="the most of a file; D4RL's number otherwise")
    parser.add_argument("--kills", type=int, default=0, help="of a second run")
    parser.add_argument("--pause", type=float, default=40.0, help="mean seconds between kills")
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    parser.add_argument("--executor", choices=("auto", "slurm", "local"), default="auto")
    parser.add_argument("--keep", type=Path, help="folder that gets measures, report and log")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the cluster is stopped
    out, kept = options.out.resolve(), options.keep and options.keep.resolve()
    read = [yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()) for name in options.suites]
    suites = [
        rehearsed(short, options.divide, options.points, options.episodes)
        for short in (shortened(s, options.tasks, options.seeds) for s in read)
    ]
    files = out / "files"
    stand_ins(files, suites, options)
    mirrors, hub = Mirrors(files, PORT), Hub(files / "minari/mujoco", PORT + 1)
    with mirrors.serving(), hub.serving(), cluster(options.executor) as nodes:
        for suite in suites:
            runs: dict[str, Path] = {}
            for kind, kills in [("calm", 0), ("killed", options.kills)][: 1 + bool(options.kills)]:
                folder = out / kind / suite["suite"]
                one = Rehearsal(folder, suite["suite"], nodes, hub.address)
                one.lay(suite, table(files / "d4rl.tsv", mirrors))
                rehearse(one, mirrors, kills, options)
                runs[kind] = folder
            tables = [f / "results" / suite["suite"] / "scores.csv" for f in runs.values()]
            if len({path.read_bytes() for path in tables}) > 1:
                sys.exit(f"{out}: {suite['suite']}: scores.csv of the two runs differ.")
            if options.kills:
                print(f"{out}: {suite['suite']}: scores.csv of both runs are equal.")
            if kept:
                keep(runs, suite["suite"], kept / suite["suite"])


if __name__ == "__main__":
    main()

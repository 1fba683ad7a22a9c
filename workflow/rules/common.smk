# What the rules need to know: the validated suite and the paths of its cells.
# Reads tables only: no torch, no environment.
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir).parent))

import bench
from bench.jobs import workflow_locks
from bench.errors import BenchError
from bench.config.registry import entry_of, weight
from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import file_of
from bench.report.markup import rst_captions
from bench.config.types import resolved
from bench.paths import (
    COVERAGE,
    EPISODES,
    EVALUATIONS,
    METRICS,
    MINARI,
    POLICY,
    RECORD,
    REPORTS,
    TRACE,
    SuiteFolder,
    block_name,
)
from bench import paths

try:
    CATALOGUE = Catalogue()
    SUITE = CATALOGUE.suite(
        {k: v for k, v in config.items()},
        str((workflow.overwrite_configfiles or ["config/quick.yaml"])[0]),
    )
    TASKS = {t: resolved(CATALOGUE.tasks[t], SUITE) for t in SUITE.tasks}
    # The HDF5 files of datasets that are converted from one.
    FILES = {t.dataset: file_of(t.dataset, t.recipe) for t in TASKS.values()}
    # Of the figures in Snakemake's own report; as parameters they would make ours anew.
    config["captions"] = rst_captions(REPORTS / SUITE.suite / "report.json")
except BenchError as error:
    raise WorkflowError(str(error))

# Snakemake takes its lock after it has read this.
for line in workflow_locks.clear():
    print(line, file=sys.stderr)

# By content, because a checkout may move.
TEMPLATES = {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(Path(bench.__file__).parent.glob("report/templates/*"))
}
PUBLISHED = sorted(map(str, Path("config/published").glob("*.csv")))
ROBOTS = yaml.safe_load(Path("config/behaviors.yaml").read_text())
BLOCKS = {block_name(seeds): seeds for seeds in SUITE.blocks()}
DATASETS = {task.dataset: task for task in TASKS.values()}
FOLDERS = {task.transitions: task for task in TASKS.values()}
HOSTED = [t.dataset for t in TASKS.values() if t.origin == "Minari"]
D4RL = {FILES[t.dataset].name: t.dataset for t in TASKS.values() if t.origin == "D4RL"}
FINE_TUNED = SUITE.online or any(o.online for o in SUITE.overrides)
RUN_FILES = [EVALUATIONS, METRICS, POLICY, RECORD] + ([EPISODES] if FINE_TUNED else [])


def rows_of(*fields):
    """The columns of config/tasks.tsv that a rule reads of the suite's tasks."""
    return {name: task.model_dump(include=set(fields)) for name, task in TASKS.items()}


def entries_of(*fields):
    """The keys of config/methods.yaml that a rule reads of every method."""
    entries = CATALOGUE.methods.items()
    return {name: entry.model_dump(include=set(fields)) for name, entry in entries}


def card_of(task):
    """The dataset card of a task, which stands for its arrays."""
    return str(paths.card_of(TASKS[task].transitions))


def settings_of(wildcards):
    """All that decides a run: when it changes, just this run is repeated."""
    seeds = BLOCKS[wildcards.seeds]
    cell = CATALOGUE.settings(SUITE, wildcards.method, wildcards.task, seeds)
    return cell.model_dump_json()


def memory_of(wildcards):
    """Megabytes of a training job: what an online phase adds to its buffer comes on top."""
    family = TASKS[wildcards.task].family
    online = SUITE.online_of(wildcards.method, family)
    rows = online.steps * len(BLOCKS[wildcards.seeds]) if online else 0
    return 1500 + rows * 300 // 1_000_000  # AntMaze's rows, the largest, have 276 bytes


def start_files(wildcards):
    """What a method that begins from another one's run needs of it."""
    begins = entry_of(wildcards.method).starts_from
    if not begins:
        return []
    seeds = BLOCKS[wildcards.seeds]
    run = SuiteFolder.of(wildcards.suite).run(begins, wildcards.task, seeds)
    return [str(run.policy), str(run.record)]


def behavior_files(wildcards):
    """The committed policies that a recipe samples from; a scripted recipe needs none."""
    robot = DATASETS[wildcards.dataset].recipe.split("/")[0]
    return [
        f"behaviors/{robot}/ladder.{x}"
        for x in ("safetensors", "csv")
        if robot in ROBOTS
    ]


def stored_dataset(wildcards):
    """The Minari file: made by a rule, or already there for recipe 'none'."""
    task = FOLDERS[wildcards.folder]
    path = MINARI / task.dataset / "data/main_data.hdf5"
    return [str(path)] if task.origin != "existing" or path.exists() else []


def one_of(names):
    """A wildcard's values; none at all where there are no names."""
    return "|".join(map(re.escape, names)) or "(?!)"


def run_files(name, runs=SUITE):
    """One file of every run of the suite, or of its maps."""
    return expand(
        "results/{suite}/runs/{method}/{task}/{seeds}/{name}",
        suite=SUITE.suite,
        method=runs.methods,
        task=runs.tasks,
        seeds=BLOCKS,
        name=name,
    )


def show_progress(log):
    """Start lines of progress, unless a display is up already; they end with this process."""
    if os.environ.get("BENCH_NO_WATCHER"):
        return
    command = [sys.executable, "-m", "bench", "watch"]
    subprocess.Popen([*command, "--log", *log, "--parent", str(os.getpid())])


wildcard_constraints:
    dataset=one_of(DATASETS),
    folder=one_of(FOLDERS),
    file=one_of(D4RL),
    method=one_of(SUITE.methods),
    task=one_of(SUITE.tasks),
    seeds=one_of(BLOCKS),
    robot=one_of(ROBOTS),

# Shared by all rules: the validated suite and the paths of its cells.
# Only tables are read here: neither torch nor an environment is imported.
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

import bench
from bench.jobs import requests, workflow_locks
from bench.jobs.cost_plan import Speeds, cost_of
from bench.errors import BenchError
from bench.config.behaviors import ladders_of, read_behaviors
from bench.config.registry import entry_of, weight
from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import files_of
from bench.records.source_hash import own_texts
from bench.report.markup import rst_captions
from bench.config.types import resolved
from bench.paths import (
    BENCHMARK,
    COVERAGE,
    EPISODES,
    EVALUATIONS,
    METRICS,
    IDEA_RESULTS,
    MINARI,
    OWN_SETTINGS,
    OWN_TASKS,
    POLICY,
    RECORD,
    REPORTS,
    TRACE,
    SuiteFolder,
    block_name,
)
from bench import paths

try:
    for path in workflow.overwrite_configfiles or []:
        read_yaml(
            Path(path)
        )  # stricter than Snakemake, which lets the last of two keys win
    CATALOGUE = Catalogue()
    ROBOTS = {robot: entry.model_dump() for robot, entry in read_behaviors().items()}
    SUITE = CATALOGUE.suite(
        {k: v for k, v in config.items()},
        str([*workflow.overwrite_configfiles, *workflow.configfiles, "the suite"][0]),
        part=bool(workflow.config_settings.config),  # --config
    )
    TASKS = {t: resolved(CATALOGUE.tasks[t], SUITE) for t in SUITE.tasks}
    # The HDF5 files of each dataset that is converted from some.
    FILES = {t.dataset: files_of(t.dataset, t.recipe) for t in TASKS.values()}
    # What training jobs ask for; no setting of a run depends on it.
    SPEEDS = Speeds() if shipped(BENCHMARK).exists() else None
    MAX_RUNTIME = requests.limit_of()
    # Captions for Snakemake's own report; as rule parameters they would trigger our report again.
    config["captions"] = rst_captions(REPORTS / SUITE.suite / "report.json")
except BenchError as error:
    raise WorkflowError(str(error))

# Snakemake takes its lock after reading this file.
for line in workflow_locks.clear():
    print(line, file=sys.stderr)

# By content, because modification times change with every checkout.
TEMPLATES = {
    path.name: hashlib.sha256(path.read_bytes()).hexdigest()
    for path in sorted(Path(bench.__file__).parent.glob("report/templates/*"))
}
PUBLISHED = sorted(map(str, shipped(Path("config/published")).glob("*.csv")))
# What a project adds to tasks.tsv and methods.yaml.
OWN = [str(path) for path in (OWN_TASKS, OWN_SETTINGS) if path.exists()]
BLOCKS = {block_name(seeds): seeds for seeds in SUITE.blocks()}
DATASETS = {task.dataset: task for task in TASKS.values()}
FOLDERS = {task.transitions: task for task in TASKS.values()}
HOSTED = [part for t in TASKS.values() if t.origin == "Minari" for part in t.parts]
LOCAL = [t.dataset for t in TASKS.values() if t.origin == "local"]
D4RL = {
    FILES[t.dataset][0].name: t.dataset for t in TASKS.values() if t.origin == "D4RL"
}
FINE_TUNED = SUITE.online or any(o.online for o in SUITE.overrides)
RUN_FILES = [EVALUATIONS, METRICS, POLICY, RECORD] + ([EPISODES] if FINE_TUNED else [])


def ours(*names):
    """Return files that come with this workflow: of the checkout, or as installed."""
    return [str(shipped(Path(name))) for name in names]


def rows_of(*fields):
    """Return the columns of config/tasks.tsv that a rule uses, for the suite's tasks."""
    return {name: task.model_dump(include=set(fields)) for name, task in TASKS.items()}


def entries_of(*fields):
    """Return the keys of config/methods.yaml that a rule uses, for every method."""
    entries = CATALOGUE.methods.items()
    return {name: entry.model_dump(include=set(fields)) for name, entry in entries}


def card_of(task):
    """Return the dataset card of a task, which represents its arrays."""
    return str(paths.card_of(TASKS[task].transitions))


def cell_of(wildcards):
    """Return the settings of a training job."""
    seeds = BLOCKS[wildcards.seeds]
    return CATALOGUE.settings(SUITE, wildcards.method, wildcards.task, seeds)


def settings_of(wildcards):
    """Return everything that determines a run as JSON; a change repeats just this run."""
    return cell_of(wildcards).model_dump_json()


def suite_settings(wildcards):
    """Return the suite as JSON; in a function, Snakemake takes no braces of a text for wildcards."""
    return SUITE.model_dump_json()


def request_of(cell):
    """Return the minutes and megabytes that a training job needs, from the measured costs."""
    cost = cost_of(cell, CATALOGUE, SPEEDS) if SPEEDS else None
    return requests.request(cell, cost, MAX_RUNTIME)


def runtime_of(wildcards):
    """Return the minutes of an attempt, the same for all: the next one continues."""
    return request_of(cell_of(wildcards)).minutes


def memory_of(wildcards, attempt):
    """Return the megabytes of an attempt, which grow only if none has left a checkpoint."""
    cell = cell_of(wildcards)
    return requests.megabytes_of(request_of(cell), cell, attempt)


def method_files(wildcards):
    """Return the project's files of which a run's method and environment consist; an edit repeats it.

    A run whose own code is the same is then read back from its checkpoint.
    """
    return sorted(own_texts(wildcards.method, TASKS[wildcards.task].env_id))


def environment_files(task):
    """Return the project's files of which a task's environment consists: data have its spaces."""
    return sorted(own_texts("", task.env_id))


def start_files(wildcards):
    """Return the files of the run from which a method starts, if there is one."""
    begins = entry_of(wildcards.method).starts_from
    if not begins:
        return []
    seeds = BLOCKS[wildcards.seeds]
    run = SuiteFolder.of(wildcards.suite).run(begins, wildcards.task, seeds)
    return [str(run.policy), str(run.record)]


def behavior_files(wildcards):
    """Return the committed policies that a recipe samples; a scripted recipe needs none."""
    recipe = DATASETS[wildcards.dataset].recipe
    ladders = (
        [name for name, _ in ladders_of(recipe)]
        if recipe.split("/")[0] in ROBOTS
        else []
    )
    return ours(
        *(
            f"behaviors/{name}/ladder.{x}"
            for name in ladders
            for x in ("safetensors", "csv")
        )
    )


def stored_dataset(wildcards):
    """Return the Minari files: outputs of rules, or an existing file for recipe 'none'."""
    task = FOLDERS[wildcards.folder]
    paths = [MINARI / part / "data/main_data.hdf5" for part in task.parts]
    return [str(p) for p in paths if task.origin != "existing" or p.exists()]


def one_of(names):
    """Return a wildcard's pattern for the names; without names it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def run_files(name, runs=SUITE):
    """Return one file of every run of the suite, or of the runs in its maps."""
    return expand(
        "results/{suite}/runs/{method}/{task}/{seeds}/{name}",
        suite=SUITE.suite,
        method=runs.methods,
        task=runs.tasks,
        seeds=BLOCKS,
        name=name,
    )


def show_progress(log):
    """Print progress until this process ends, unless a live display is already running."""
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

# What the rules need to know: the validated suite and the paths of its cells.
# Reads tables only: no torch, no environment.
import os
import subprocess
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

sys.path.insert(0, str(Path(workflow.basedir).parent))

from bench.errors import BenchError
from bench.methods import COST
from bench.catalogue import Catalogue
from bench.suite import block_name, dataset_id

try:
    CATALOGUE = Catalogue()
    SUITE = CATALOGUE.suite(
        {k: v for k, v in config.items()},
        str((workflow.overwrite_configfiles or ["config/quick.yaml"])[0]),
    )
except BenchError as error:
    raise WorkflowError(str(error))

ROBOTS = yaml.safe_load(Path("config/behaviors.yaml").read_text())
BLOCKS = {block_name(seeds): seeds for seeds in SUITE.blocks()}
DATASETS = {
    dataset_id(CATALOGUE.tasks[t], SUITE): CATALOGUE.tasks[t] for t in SUITE.tasks
}
RUN_FILES = ["evaluations.csv", "metrics.csv", "policy.safetensors", "run.json"]


def card_of(task):
    """The dataset card of a task, which stands for its arrays."""
    return f"data/transitions/{dataset_id(CATALOGUE.tasks[task], SUITE)}/card.json"


def settings_of(wildcards):
    """All that decides a run: when it changes, just this run is repeated."""
    seeds = BLOCKS[wildcards.seeds]
    cell = CATALOGUE.settings(SUITE, wildcards.method, wildcards.task, seeds)
    return cell.model_dump_json()


def behavior_files(wildcards):
    """The committed policies that a recipe samples from; a scripted recipe needs none."""
    robot = DATASETS[wildcards.dataset].recipe.split("/")[0]
    return [
        f"behaviors/{robot}/ladder.{x}"
        for x in ("safetensors", "csv")
        if robot in ROBOTS
    ]


def stored_dataset(wildcards):
    """The Minari file: collected by a rule, or already there for recipe 'none'."""
    path = f"data/minari/{wildcards.dataset}/data/main_data.hdf5"
    collected = DATASETS[wildcards.dataset].recipe != "none"
    return [path] if collected or Path(path).exists() else []


def run_files(name):
    """One file of every run of the suite."""
    return expand(
        "results/{suite}/runs/{method}/{task}/{seeds}/{name}",
        suite=SUITE.suite,
        method=SUITE.methods,
        task=SUITE.tasks,
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
    dataset="|".join(DATASETS),
    method="|".join(SUITE.methods),
    task="|".join(SUITE.tasks),
    seeds="|".join(BLOCKS),
    robot="|".join(ROBOTS),

"""The command-line verbs that produce data."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import tyro

from bench.cli.arguments import Dataset, Datasets, Folder, Robot, Task
from bench.cli.ranges import at_least
from bench.config.behaviors import behavior_of
from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import PREFIX, source_of
from bench.config.task import PATH
from bench.config.types import resolved
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import CARD, D4RL, MINARI

HOSTED = ("D4RL", "Minari")  # origins of data that can be fetched


def fetch(
    datasets: Datasets = (),
    configfile: Path | None = None,
    local: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    base_url: str | None = None,
) -> None:
    """Download D4RL's files to data/d4rl and Minari's datasets to data/minari, and verify them.

    Interrupted downloads of D4RL's files are resumed.

    Args:
        datasets: rows of config/d4rl.tsv, such as hopper-medium-v2, or Minari ids, such as
            mujoco/hopper/medium-v0.
        configfile: a suite; fetch everything that its tasks need.
        local: folder that already has the files, for a machine without network access: D4RL's
            files, or a copy of the folder where minari stores its datasets.
        base_url: mirror to use instead of the URLs in config/d4rl.tsv, with gym_mujoco_v2/ and the
            other folders; the environment variable D4RL_BASE_URL does the same. For Minari's
            datasets, set its own variable MINARI_REMOTE.
    """
    from bench.data import fetch_minari
    from bench.data.fetch_d4rl import fetch as run

    names = list(datasets)
    if configfile is not None:
        catalogue = Catalogue()
        rows = [catalogue.tasks[t] for t in catalogue.read_suite(configfile).tasks]
        names += [part for row in rows if row.origin in HOSTED for part in row.parts]
    if not names:
        raise BenchError(
            "fetch: nothing to fetch; name rows of config/d4rl.tsv or give a --configfile."
        )
    hosted = [n for n in dict.fromkeys(names) if "/" in n and not n.startswith(PREFIX)]
    names = [name for name in names if name not in hosted]
    sources = list({s.dataset: s for s in map(source_of, names)}.values())
    missing = [s for s in sources if not s.path.exists()]
    size = sum(s.bytes or 0 for s in missing)
    print(f"{len(sources)} files, {len(missing)} to fetch: {size / 1e9:.1f} GB", flush=True)
    if hosted:
        print(f"{len(hosted)} datasets of Minari, of unknown size", flush=True)
    if local is None and size > (free := shutil.disk_usage(".").free):
        raise BenchError(
            f"{D4RL}: {size / 1e9:.1f} GB needed but only {free / 1e9:.1f} GB free; free up space."
        )
    for source in sources:
        print(f"{run(source, local, base_url)}: complete", flush=True)
    for name in hosted:
        print(f"{fetch_minari.fetch(name, local)}: complete", flush=True)


def convert(task: Task) -> None:
    """Store the HDF5 files of a task as a Minari dataset under data/minari.

    Args:
        task: row of config/tasks.tsv with recipe d4rl or hdf5:PATHS.
    """
    from bench.data.convert import convert as run

    row = Catalogue().task(task)
    run(row, MINARI)
    print(MINARI / row.dataset)


def collect(dataset: Dataset, recipe: str, env_id: str, rows: int, seed: int = 0) -> None:
    """Collect a dataset in MuJoCo and store it with Minari under data/minari.

    Args:
        dataset: Minari id to create, such as local/hopper/medium-100k-v1.
        recipe: robot/medium, robot/medium-replay, robot/medium-expert or pointmaze/stitch.
        env_id: Gymnasium id, or module:id.
        rows: number of transitions to collect.
        seed: random seed; equal seeds give equal data.
    """
    at_least(1, rows=rows)
    at_least(0, seed=seed)
    if not re.fullmatch(PATH, dataset):
        raise BenchError(f"collect: '{dataset}' is no Minari id; write one such as local/mine-v0.")
    import torch

    from bench.collection.collect import collect as run

    torch.set_num_threads(1)
    run(env_id, dataset, recipe, rows, MINARI, seed)


def transitions(task: Task, dataset: str | None = None) -> None:
    """Flatten and audit a Minari dataset; write arrays and card.json under data/transitions.

    Args:
        task: row of config/tasks.tsv, for its environment and reading.
        dataset: Minari id under data/minari, by default the row's, of as many rows as the
            project's suite.yaml or quick asks for.
    """
    from bench.data.prepare import prepare

    catalogue = Catalogue()
    row = catalogue.task(task)
    if dataset is None:
        row = resolved(row, catalogue.read_suite(None))
    else:
        row = row.model_copy(update={"dataset": dataset})
    folder = prepare(row, MINARI)
    card = read_json(folder / CARD)
    print(f"{folder / CARD}: {card['rows']:,} rows, {card['episodes']:,} episodes, mean")
    print(f"normalised score of the data {row.score(card['return']['mean']):.1f}")


def stand_ins(
    out: Folder,
    datasets: Datasets = (),
    configfile: Path = Path("config/paper.yaml"),
    distinct: int = 50_000,
    rows: int | None = None,
    seed: int = 0,
) -> None:
    """Make stand-ins for D4RL's files, to rehearse a suite without them; see docs/cluster.md.

    Args:
        out: folder for the files, in D4RL's folders, and the table d4rl.tsv that expects them.
        datasets: rows of config/d4rl.tsv, by default those that the suite needs.
        configfile: a suite.
        distinct: rows to collect for a file; its rows repeat after those.
        rows: the most rows of a file, by default as many as D4RL's has.
        seed: random seed; equal seeds give equal files.
    """
    at_least(1, distinct=distinct, rows=rows or 1)
    at_least(0, seed=seed)
    catalogue = Catalogue()
    names = datasets or catalogue.read_suite(configfile).tasks
    tasks = [row for row in map(catalogue.task, names) if row.origin == "D4RL"]
    import torch

    from bench.collection.stand_ins import make

    torch.set_num_threads(1)
    for path in make(tasks, out, distinct, rows, seed):
        print(path)


def behavior(robot: Robot, out: Path) -> None:
    """Train the behaviour policies of one robot from scratch (tens of minutes).

    Args:
        robot: a key of config/behaviors.yaml.
        out: folder for the snapshots (the ladder), their scores and the training curve.
    """
    entry = behavior_of(robot)
    import torch

    from bench.collection import ppo_behavior, sac_behavior

    torch.set_num_threads(1)
    if entry.algorithm == "ppo":
        ppo_behavior.train(entry.env_id, out, entry.steps, entry.seed, entry.config)
    else:
        sac_behavior.train(entry, out)

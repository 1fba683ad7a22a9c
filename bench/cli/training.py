"""The command-line verbs that train a run and inspect it: train, trace."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import tyro
import yaml

from bench.cli.arguments import Folder, Method, Task
from bench.cli.ranges import at_least
from bench.config.catalogue import Catalogue
from bench.config.executors import Choice, Library
from bench.config.registry import entry_of, load
from bench.config.task_table import task_row
from bench.config.types import Settings
from bench.config.validation import configure, parse_json, validate
from bench.errors import BenchError
from bench.paths import TRANSITIONS, SuiteFolder, default_suite


def train(
    method: Method = "",
    task: Task = "",
    seeds: tuple[int, ...] = (0,),
    configfile: Path | None = None,
    settings: str | None = None,
    device: str = "auto",
    threads: int = 1,
    checkpoint_every: float = 30.0,
    executor: Choice | None = None,
    products: Library | None = None,
    start: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    show: bool = False,
) -> None:
    """Train and evaluate a block of seeds of one method on one task; resume if interrupted.

    Args:
        method: name of a method.
        task: row of config/tasks.tsv.
        seeds: training seeds, trained as one block.
        configfile: the suite whose updates, evaluation and overrides apply, by default the
            project's suite.yaml or quick.
        settings: all of the above resolved, as JSON; the workflow passes this.
        device: auto, cpu, cuda or cuda:N.
        threads: CPU threads; one per job is fastest when every core has a job.
        checkpoint_every: seconds between checkpoints; 0 for one at every logged update.
        executor: how updates are executed, instead of the suite's choice; auto compiles long runs
            if a compiler is found, and executes eagerly what cannot be recorded.
        products: which library multiplies matrices in recorded updates, instead of the suite's
            choice; auto measures it, once a machine.
        start: folder of a finished run whose offline phase replaces this one's; by default none
            or, for a method that starts from another, that method's run in this suite.
        show: print the resolved settings, each with its source, and exit.
    """
    at_least(1, threads=threads)
    at_least(0, checkpoint_every=checkpoint_every)
    if settings is None:
        if not task:
            raise BenchError("train: METHOD and TASK are missing; `train --help` lists both.")
        configfile = configfile or default_suite()
        catalogue = Catalogue()
        suite = catalogue.read_suite(configfile)
        catalogue.enter(method, "bench/config/registry.py")
        place = suite, method, catalogue.task(task).task
        cell = catalogue.settings(*place, seeds, str(configfile))
        origins = catalogue.origins(*place, str(configfile))
    else:
        cell = validate(Settings, parse_json(settings, "--settings"), "--settings")
        origins = {}
    for name, given in (("executor", executor), ("products", products)):
        if given is not None:
            cell = cell.model_copy(update={name: given})
            origins[name] = "the command line"
    described = "\n".join(_described(cell, origins))
    if show:
        print(described)
        return
    import torch

    from bench.training.device import choose
    from bench.training.train import train as run

    device, why = choose(device)
    print(f"device: {device} ({why})", described, sep="\n", flush=True)
    results, task = SuiteFolder.of(cell.suite), cell.task.task
    folder = results.run(cell.method, task, cell.seeds).path
    begins = entry_of(cell.method).starts_from
    if start is None and begins:
        start = results.run(begins, task, cell.seeds).path
    data = TRANSITIONS / cell.task.transitions
    row = task_row(cell.task)
    try:
        run(cell, data, folder, device, threads, checkpoint_every, start, row)
    except torch.OutOfMemoryError:
        fewer = max(len(cell.seeds) // 2, 1)
        raise BenchError(
            f"--device: {len(cell.seeds)} seeds do not fit in the memory of {device}; set "
            f"seeds_per_job of the suite to {fewer}, or say --device cpu."
        ) from None
    print(f"results are in {folder}")


def trace(folder: Folder) -> None:
    """Roll out a finished run in its maze and evaluate its values on the data, for the maps.

    Args:
        folder: the run's folder, such as results/quick/runs/iql/pointmaze-large-stitch/0-4.
    """
    import torch

    from bench.training.maze_trace import trace as run

    torch.set_num_threads(1)
    print(run(folder))


def _described(cell: Settings, origins: Mapping[str, str]) -> Iterator[str]:
    """Yield the resolved settings as lines of YAML, with the origin of each value as a comment."""
    config = asdict(configure(load(cell.method).Config, cell.config, "--settings"))
    default = f"default in {entry_of(cell.method).module.replace('.', '/')}.py"
    for key, value in cell.model_dump(mode="json", exclude={"config"}).items():
        yield _line(key, value, origins.get(key, ""))
    yield "config:"
    for key, value in json.loads(json.dumps(config)).items():  # lists for tuples
        given = "" if key in cell.config else default
        yield f"  {_line(key, value, origins.get(f'config.{key}', given))}"


def _line(key: str, value: object, origin: str) -> str:
    flow = None if isinstance(value, dict | list) else False  # a collection stays on the line
    text = yaml.safe_dump(
        {key: value}, default_flow_style=flow, width=math.inf, sort_keys=False
    ).rstrip()
    return f"{text}  # {' '.join(origin.split())}" if origin else text

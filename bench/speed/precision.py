"""Do scores move when matrix products round to bfloat16? The same seeds trained both ways.

The opt-in `precision: bfloat16` of a suite rests on this comparison and on nothing else.
"""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config.catalogue import Catalogue
from bench.config.task import Task
from bench.config.types import DEFAULT_SUITE, Precision, Settings
from bench.errors import BenchError, unknown
from bench.paths import block_name
from bench.records.layouts import FolderRun

if TYPE_CHECKING:
    import pandas as pd

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def precision(
    tasks: tuple[str, ...],
    configfile: Path = DEFAULT_SUITE,
    method: str = "iql",
    seeds: int = 10,
    out: Path = Path("results/precision"),
) -> None:
    """Train the same seeds with matrix products in float32 and bfloat16 and compare the scores.

    Finished runs are kept and not repeated.

    Args:
        tasks: rows of config/tasks.tsv, whose data are under data/transitions.
        configfile: the suite whose settings apply.
        method: key of config/methods.yaml.
        seeds: seeds 0 to N - 1, trained as one block.
        out: folder for precision.csv and precision.json.
    """
    import pandas as pd

    from bench.files import read_json, write_json
    from bench.records.machine import machine
    from bench.statistics import intervals
    from bench.statistics.frames import write_csv
    from bench.training import rounding

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    block = tuple(range(seeds))
    cells = []
    for task in tasks:
        if task not in catalogue.tasks:
            raise unknown("config/tasks.tsv", "task", task, catalogue.tasks)
        catalogue.enter(method, "--method")
        cell = catalogue.settings(suite, method, task, block, str(configfile))
        for value in PRECISIONS:
            change = {"precision": value, "suite": f"precision-{value}"}
            cells.append(cell.model_copy(update=change))
    if not all(_finished(cell) for cell in cells if cell.precision == "bfloat16"):
        rounding.check()  # before the runs in float32, which take as long
    with ThreadPoolExecutor(cpu_count()) as pool:
        folders = list(pool.map(_train, cells))
    rows = []
    for task, plain, rounded in zip(tasks, folders[::2], folders[1::2], strict=True):
        scores = [
            _last_scores(folder, suite.updates_of(method), catalogue.tasks[task])
            for folder in (plain, rounded)
        ]
        speeds = [read_json(f / "run.json")["updates_per_second"] for f in (plain, rounded)]
        difference = scores[1] - scores[0]  # paired by seed
        low, high = intervals.t_interval(difference.to_numpy())
        rows.append(
            {
                "task": task,
                "seeds": seeds,
                "score_float32": scores[0].mean(),
                "score_bfloat16": scores[1].mean(),
                "difference": difference.mean(),
                "ci_low": low,
                "ci_high": high,
                "updates_per_second_float32": speeds[0],
                "updates_per_second_bfloat16": speeds[1],
            }
        )
    table = pd.DataFrame(rows).round(3)
    out.mkdir(parents=True, exist_ok=True)
    write_csv(table, out / "precision.csv")
    settings = [cell.model_dump(mode="json") for cell in cells]
    write_json(out / "precision.json", {"machine": machine(), "settings": settings})
    print(table.to_string(index=False))


def _folder(cell: Settings) -> Path:
    runs = Path("results", cell.suite, "runs")
    return runs / cell.method / cell.task.task / block_name(cell.seeds)


def _finished(cell: Settings) -> bool:
    done, wanted = _folder(cell) / "run.json", cell.model_dump(mode="json")
    return done.exists() and bool(json.loads(done.read_text())["settings"] == wanted)


def _train(cell: Settings) -> Path:
    folder = _folder(cell)
    if _finished(cell):
        return folder
    command = [sys.executable, "-m", "bench", "train", "--settings", cell.model_dump_json()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1]
        raise BenchError(f"{folder}: the run failed ({last}); fix that and run again.")
    return folder


def _last_scores(folder: Path, updates: int, task: Task) -> pd.Series:
    """Normalised score at the last update, by seed."""
    from bench.statistics.scores import run_scores

    scores = run_scores(FolderRun(folder), {task.task: task})
    return scores[scores["step"] == updates].set_index("seed")["score"].sort_index()

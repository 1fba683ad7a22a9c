"""Compare scores with and without rounding matrix products to bfloat16, over the same seeds.

This comparison is the only evidence for the opt-in `precision: bfloat16` of a suite.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.task import Task, Tasks
from bench.config.types import Precision, Settings, Suite
from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.paths import RunFolder, SuiteFolder
from bench.records.machine import machine
from bench.records.stored_run import FolderRun
from bench.statistics.frames import write_csv
from bench.statistics.intervals import t_interval
from bench.statistics.scores import run_scores
from bench.training import rounding

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


def cells_of(
    tasks: Sequence[str], suite: Suite, catalogue: Catalogue, method: str, seeds: int, where: str
) -> list[Settings]:
    """Return the settings of each task's two runs, in the order of PRECISIONS.

    Both train seeds 0 to `seeds` - 1 as one block with the settings of `suite`; `where` names its
    file in errors.
    """
    cells = []
    for task in tasks:
        catalogue.task(task)
        catalogue.enter(method, "--method")
        cell = catalogue.settings(suite, method, task, tuple(range(seeds)), where)
        for value in PRECISIONS:
            change = {"precision": value, "suite": f"precision-{value}"}
            cells.append(cell.model_copy(update=change))
    return cells


def train(cells: Sequence[Settings]) -> list[RunFolder]:
    """Train the cells without a finished run, all at the same time; return all folders."""
    if not all(_finished(cell) for cell in cells if cell.precision == "bfloat16"):
        rounding.check()  # before the float32 runs, which take just as long
    with ThreadPoolExecutor(cpu_count()) as pool:
        return list(pool.map(_train, cells))


def compare(cells: Sequence[Settings], folders: Sequence[RunFolder], rows: Tasks) -> pd.DataFrame:
    """Return one row per task: last scores in both precisions, their difference with its Student-t
    95% CI over seeds, and updates per second; `rows` are the tasks of config/tasks.tsv.
    """
    table = []
    for cell, plain, rounded in zip(cells[::2], folders[::2], folders[1::2], strict=True):
        row = rows[cell.task.task]
        scores = [_last_scores(folder, cell.updates, row) for folder in (plain, rounded)]
        speeds = [read_json(f.record)["updates_per_second"] for f in (plain, rounded)]
        difference = scores[1] - scores[0]  # paired by seed
        low, high = t_interval(difference.to_numpy())
        table.append(
            {
                "task": row.task,
                "seeds": len(cell.seeds),
                "score_float32": scores[0].mean(),
                "score_bfloat16": scores[1].mean(),
                "difference": difference.mean(),
                "ci_low": low,
                "ci_high": high,
                "updates_per_second_float32": speeds[0],
                "updates_per_second_bfloat16": speeds[1],
            }
        )
    return pd.DataFrame(table).round(3)


def write(table: pd.DataFrame, cells: Sequence[Settings], out: Path) -> None:
    """Write precision.csv, and precision.json with the machine and settings behind it."""
    write_csv(table, out / "precision.csv")
    settings = [cell.model_dump(mode="json") for cell in cells]
    write_json(out / "precision.json", {"machine": machine(), "settings": settings})


def _folder(cell: Settings) -> RunFolder:
    return SuiteFolder.of(cell.suite).run(cell.method, cell.task.task, cell.seeds)


def _finished(cell: Settings) -> bool:
    done, wanted = _folder(cell).record, cell.model_dump(mode="json")
    return done.exists() and bool(
        json.loads(done.read_text(encoding="utf-8"))["settings"] == wanted
    )


def _train(cell: Settings) -> RunFolder:
    folder = _folder(cell)
    if _finished(cell):
        return folder
    command = [sys.executable, "-m", "bench", "train", "--settings", cell.model_dump_json()]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-1]
        raise BenchError(f"{folder.path}: the run failed ({last}); fix that and run again.")
    return folder


def _last_scores(folder: RunFolder, updates: int, task: Task) -> pd.Series:
    """Return the normalised score at the last update, by seed."""
    scores = run_scores(FolderRun(folder.path), {task.task: task})
    return scores[scores["step"] == updates].set_index("seed")["score"].sort_index()

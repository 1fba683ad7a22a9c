"""Normalised scores of runs, from the returns of their evaluation episodes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from bench.config.task import Tasks
from bench.errors import BenchError
from bench.paths import EVALUATIONS
from bench.records.run_record import task_of
from bench.records.stored_run import StoredRun
from bench.statistics.frames import read_csv, write_csv

KEYS = ["task", "method", "seed", "phase", "step"]


EPISODE_COLUMNS = ["phase", "step", "seed", "episode", "return", "length"]


SCORE_COLUMNS = ["suite", *KEYS, "return_mean", "return_std", "score", "episodes"]


def collect_scores(runs: Iterable[StoredRun], out: Path, tasks: Tasks | None = None) -> None:
    """Write scores.csv: one row per seed and evaluation of the runs, from `run_scores`.

    A diverged run keeps the evaluations that it reached. Returns are in the environment's units;
    `return_std` is the sample deviation over episodes, empty for a single episode. Raise
    BenchError if a file is malformed or two runs have the same evaluation.
    """
    parts: list[pd.DataFrame] = []
    sources: dict[tuple[object, ...], StoredRun] = {}
    for run in sorted(runs, key=lambda run: run.name.split("/")):
        part = run_scores(run, tasks)
        for key in part[KEYS].itertuples(index=False, name=None):
            if key in sources:
                task, method, seed, phase, step = key
                raise BenchError(
                    f"{run.rows_at(EVALUATIONS)}: seed {seed} of {method} on {task} at {phase} "
                    f"step {step} is also in {sources[key].rows_at(EVALUATIONS)}; "
                    "remove one of the two runs."
                )
            sources[key] = run
        parts.append(part)
    scores = pd.concat(parts) if parts else pd.DataFrame(columns=SCORE_COLUMNS)
    write_csv(scores.sort_values(["suite", *KEYS])[SCORE_COLUMNS], out)


def run_scores(run: StoredRun, tasks: Tasks | None = None) -> pd.DataFrame:
    """Return a run's rows of scores.csv, scored by its task in `tasks`, else in its record."""
    try:
        record = run.record()
        suite, method = (str(record["settings"][key]) for key in ("suite", "method"))
        name = str(record["settings"]["task"]["task"])
        task = (tasks or {}).get(name) or task_of(record, run.record_at)
    except (KeyError, TypeError, ValueError) as error:
        why = " ".join(str(error).split())
        raise BenchError(f"{run.record_at}: settings: unreadable ({why}); {run.remedy}.") from None
    rows = run.read(EVALUATIONS)
    episodes = read_csv(rows, EPISODE_COLUMNS)
    episodes["return"] = pd.to_numeric(episodes["return"], errors="coerce")
    if not np.isfinite(episodes["return"]).all():
        raise rows.error("return: not a finite number in every row")
    if episodes.duplicated(["phase", "step", "seed", "episode"]).any():
        raise rows.error("episode: the same episode occurs twice")
    lowest, highest = task.ref_min_score, task.ref_max_score
    if task.bounded and not episodes["return"].between(lowest, highest).all():
        raise rows.error(f"return: outside [{lowest:g}, {highest:g}], which {name} cannot give")
    points = episodes.groupby(["seed", "phase", "step"])["return"]
    frame = points.agg(return_mean="mean", return_std="std", episodes="size").reset_index()
    frame["score"] = task.score(frame["return_mean"])
    return frame.assign(suite=suite, task=name, method=method)

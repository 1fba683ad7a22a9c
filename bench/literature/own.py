"""Add this project's own published runs on D4RL's data to the record, as one more source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from bench.config.catalogue import Catalogue
from bench.config.record_types import Kind, Score, Source, Stratum
from bench.config.registry import base_of
from bench.config.task import origin_of
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import write_text
from bench.literature.sources import RECORD, SEED_COLUMNS
from bench.paths import SCORES
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

Cards = Mapping[str, Mapping[str, Any]]  # of datasets, by task
PROTOCOL = 1_000_000  # updates of the paper; with fewer, a score is of other settings
DT_PROTOCOL = 100_000
# Keys of an override that select runs or leave their settings alone.
NEUTRAL = {"methods", "families", "reason", "updates", "evaluation", "log_every"}


def not_d4rls(suite: Suite, catalogue: Catalogue, cards: Cards) -> list[str]:
    """Return the tasks of a suite whose dataset is not D4RL's own file; `cards` by task."""
    tasks = catalogue.tasks
    return [t for t in suite.tasks if origin_of(tasks[t], cards.get(t)) != "D4RL"]


def add_source(
    folder: Path,
    suite: Suite,
    catalogue: Catalogue,
    cards: Cards,
    commit: str,
    record: Path = RECORD,
) -> list[Path]:
    """Write a published suite on D4RL's data as the source `own-SUITE`; return the files.

    `bench publish` calls this after it has put a suite's files into results/published: `folder`
    holds its scores.csv, and `commit` is the code's. A file of an earlier publication is replaced.
    Runs whose settings a suite overrides, or with fewer updates than the paper's, are of the
    stratum `other`; evaluation and logging are no settings of a run.

    Raise BenchError, with nothing written, if a dataset is not D4RL's: scores on other data are
    never part of the record.
    """
    if foreign := not_d4rls(suite, catalogue, cards):
        raise BenchError(
            f"{folder}: the dataset of {foreign[0]} is not D4RL's, so its scores are no part of "
            f"{record}; publish the suite without adding it to the record."
        )
    scores = read_csv(folder / SCORES, SCORE_COLUMNS)
    key = f"own-{suite.suite}"
    place = f"results/published/{suite.suite}/{SCORES}"
    rows, runs = [], []
    for (task, method), cell in scores.groupby(["task", "method"]):
        for kind, mine in _kinds(cell, suite.updates_of(str(method))):
            values = mine["score"].to_numpy(float)
            several = len(values) > 1
            rows.append(
                Score(
                    method=str(method),
                    task=str(task),
                    kind=kind,
                    mean=round(float(values.mean()), 4),
                    spread=round(float(np.std(values)), 4) if several else None,
                    spread_is="sd n" if several else None,
                    seeds=len(values),
                    eval_episodes=int(mine["episodes"].iloc[0]),
                    updates=suite.updates_of(str(method)),
                    online_steps=_online(kind, mine),
                    standing="independent",
                    stratum=_stratum(suite, str(method)),
                    file=f"this repository:{place}",
                    commit=commit,
                    verified="computed from the runs' own files by this project",
                )
            )
            runs.append(mine.assign(kind=kind))
    source = Source(
        title=f"{suite.title} (this project)",
        authors="The iql-reproduction authors",
        checked="every evaluation episode is in this repository",
    )
    paths = [record / "scores" / f"{key}.csv", record / "seeds" / f"{key}.csv"]
    head = yaml.safe_dump(source.model_dump(exclude_defaults=True), sort_keys=False, width=10_000)
    table = pd.DataFrame([row.model_dump() for row in rows], columns=list(Score.model_fields))
    whole = ["seeds", "eval_episodes", "updates", "online_steps"]
    table[whole] = table[whole].astype("Int64")
    comment = "".join(f"# {line}\n" for line in head.splitlines())
    write_text(paths[0], comment + table.to_csv(index=False, lineterminator="\n"))
    of_runs = pd.concat(runs)[SEED_COLUMNS].sort_values(["method", "task", "kind", "seed"])
    write_text(paths[1], of_runs.to_csv(index=False, lineterminator="\n"))
    return paths


def _kinds(cell: pd.DataFrame, updates: int) -> list[tuple[Kind, pd.DataFrame]]:
    """Return the final scores of a cell by kind: last, and before and after an online phase."""
    offline = cell[(cell["phase"] == "offline") & (cell["step"] == updates)]
    online = cell[cell["phase"] == "online"]
    found: list[tuple[Kind, pd.DataFrame]] = (
        [("last", offline)] if online.empty else [("before", offline)]
    )
    if len(online):
        found.append(("after", online[online["step"] == online["step"].max()]))
    return [(kind, rows) for kind, rows in found if len(rows)]


def _online(kind: str, rows: pd.DataFrame) -> int | None:
    steps = {"before": 0, "after": int(rows["step"].max())}
    return steps.get(kind)


def _stratum(suite: Suite, method: str) -> Stratum:
    wanted = DT_PROTOCOL if method == "dt" else PROTOCOL
    if "@" in method or suite.updates_of(method) < wanted:
        return "other"
    mine = (o for o in suite.overrides if o.methods is None or base_of(method) in o.methods)
    changed = (set(o.model_dump(exclude_defaults=True)) - NEUTRAL for o in mine)
    return "other" if any(changed) else "port"

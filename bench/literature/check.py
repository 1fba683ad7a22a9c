"""Cross-checks of the record beyond the type of each row; `python -m bench record --check`."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.record_types import Names
from bench.config.validation import validate
from bench.config.yaml_files import read_yaml
from bench.errors import BenchError, unknown
from bench.literature.sources import RECORD, Record

NAMES = "names.yaml"
TOLERANCE = 0.06  # points: sources print one or two decimals
# Kinds of score that are the plain mean of the runs' scores of the same kind.
MEANS = ("last", "mean_last_10", "best", "before", "after", "after_mean_last_10")


def check(record: Record, catalogue: Catalogue, folder: Path = RECORD) -> list[str]:
    """Return what was checked, in sentences; raise BenchError at the first contradiction."""
    names(record, catalogue, folder)
    keys = ["source", "method", "task", "seed", "kind"]
    repeated = record.seeds[record.seeds.duplicated(keys)]
    if len(repeated):
        row = repeated.iloc[0]
        raise BenchError(
            f"{folder}/seeds/{row['source']}.csv: seed {row['seed']} of {row['method']} on "
            f"{row['task']} has two scores of kind {row['kind']}; keep one of them."
        )
    compared = means(record)
    for kind, frame in (("seeds", record.seeds), ("curves", record.curves)):
        for source in frame["source"].unique():
            if source not in record.sources:
                raise BenchError(
                    f"{folder}/{kind}/{source}.csv: scores/{source}.csv is missing; add it."
                )
    return [
        f"{len(record.scores):,} scores of {len(record.sources)} sources: every row is valid, no "
        "key occurs twice, every method and task is known",
        f"{len(record.seeds):,} scores of runs: {compared} means agree with the printed ones to "
        f"{TOLERANCE} points",
        f"{len(record.curves):,} points of curves",
    ]


def names(record: Record, catalogue: Catalogue, folder: Path = RECORD) -> None:
    """Raise BenchError for a method or task that is neither ours nor explained."""
    path = folder / NAMES
    explained = validate(Names, read_yaml(path), str(path))
    methods = {*catalogue.methods, *explained.methods}
    for frame in (record.scores, record.seeds, record.curves):
        pairs = frame[["source", "method", "task"]].drop_duplicates()
        for source, method, task in pairs.itertuples(index=False, name=None):
            where = f"{folder}/scores/{source}.csv"
            if method not in methods:
                raise unknown(where, "method", method, methods)
            if task not in catalogue.tasks and not task.startswith(tuple(explained.tasks)):
                raise unknown(where, "task", task, {*catalogue.tasks, *explained.tasks})


def means(record: Record) -> int:
    """Compare printed scores with the means of the same source's runs; return how many."""
    runs = record.seeds[record.seeds["kind"].isin(MEANS)]
    keys = ["source", "method", "task", "kind"]
    computed = runs.groupby(keys)["score"].agg(["mean", "count", _deviation]).reset_index()
    printed = record.scores[record.scores["standing"] != "superseded"]
    both = printed.merge(computed, on=keys, suffixes=("", "_runs"))
    for row in both.to_dict("records"):
        where = f"{RECORD}/scores/{row['source']}.csv: {row['kind']} of {row['method']} on "
        where += row["task"]
        if abs(row["mean"] - row["mean_runs"]) > TOLERANCE:
            raise BenchError(
                f"{where} is {row['mean']:.2f} but its runs average {row['mean_runs']:.2f}; "
                "correct one of them."
            )
        if row["seeds"] != row["count"]:
            raise BenchError(
                f"{where} has {row['seeds']:g} seeds but {row['count']} runs; correct one of them."
            )
        if row["spread_is"] == "sd n" and abs(row["spread"] - row["_deviation"]) > TOLERANCE:
            raise BenchError(
                f"{where} has the deviation {row['spread']:.2f} but its runs have "
                f"{row['_deviation']:.2f}; correct one of them."
            )
    return len(both)


def _deviation(values: pd.Series) -> float:
    return float(values.std(ddof=0))

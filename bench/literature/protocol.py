"""What the choice of evaluation does to a score, from sources that publish several of one run.

`last` is the reference. The best evaluation of each seed and the maximum of the seed-mean curve are
chosen with the test environment in view.
"""

from __future__ import annotations

import pandas as pd

from bench.literature.sources import Record

CHOICES = {
    "mean_last_10": "mean of the last ten",
    "max_of_mean_curve": "maximum of the mean curve",
    "best": "best of each seed",
}
USABLE = (
    "independent",
    "original",
    "superseded",
)  # a withdrawn score still shows what a choice did
KEYS = ["source", "method", "task"]
LATE = 0.8  # share of training after which a curve is expected to be flat


def choices(record: Record) -> pd.DataFrame:
    """Return one row per source, method, task and other choice: last, chosen, difference.

    A mean over runs stands in where the source prints no such score but publishes its runs.
    """
    rows = record.scores[record.scores["standing"].isin(USABLE)]
    printed = rows[[*KEYS, "kind", "mean"]]
    kinds = ["last", *CHOICES]
    runs = record.seeds[record.seeds["kind"].isin(kinds)]
    computed = runs.groupby([*KEYS, "kind"])["score"].mean().rename("mean").reset_index()
    both = pd.concat([printed[printed["kind"].isin(kinds)], computed])
    both = both.drop_duplicates([*KEYS, "kind"])
    wide = both.pivot_table(index=KEYS, columns="kind", values="mean").reset_index()
    long = wide.melt([*KEYS, "last"], [k for k in CHOICES if k in wide], "choice", "chosen")
    long = long.dropna(subset=["last", "chosen"])
    return long.assign(difference=long["chosen"] - long["last"]).sort_values(
        [*KEYS, "choice"], ignore_index=True
    )


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Return by choice and method: cells, sources, and the median, 90th percentile and most."""

    def of(rows: pd.DataFrame, method: str, choice: str) -> dict[str, object]:
        top = rows.loc[rows["difference"].idxmax()]
        return {
            "choice": choice,
            "method": method,
            "cells": len(rows),
            "sources": rows["source"].nunique(),
            "median": rows["difference"].median(),
            "p90": rows["difference"].quantile(0.9),
            "most": top["difference"],
            "where": f"{top['source']}, {top['task']}",
        }

    made = []
    for choice in CHOICES:
        rows = found[found["choice"] == choice]
        for name, part in (("iql", rows[rows["method"] == "iql"]), ("all", rows)):
            if len(part):
                made.append(of(part, name, choice))
    return pd.DataFrame(made)


def late_ranges(record: Record, method: str = "iql") -> pd.DataFrame:
    """Return per source, task and phase how far the seed-mean curve ranges after LATE of its steps.

    Columns: seeds, evaluations, last, low, high, range, worst_step and best_step.
    """
    curves = record.curves[record.curves["method"] == method]
    made = []
    for (source, task, phase), rows in curves.groupby(["source", "task", "phase"]):
        whole = rows.groupby("step")["score"].agg(["mean", "count"])
        whole = whole[whole["count"] == whole["count"].max()]["mean"]
        late = whole[whole.index >= LATE * whole.index.max()]
        if len(late) < 3:
            continue
        made.append(
            {
                "source": source,
                "task": task,
                "phase": phase,
                "seeds": rows["seed"].nunique(),
                "evaluations": len(late),
                "last": late.iloc[-1],
                "low": late.min(),
                "high": late.max(),
                "range": late.max() - late.min(),
                "worst_step": int(late.idxmin()),
                "best_step": int(late.idxmax()),
            }
        )
    return pd.DataFrame(made).sort_values("range", ascending=False, ignore_index=True)

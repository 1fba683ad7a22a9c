"""Choose the rows that may enter an estimate, and give each a variance.

A row enters if its standing is `independent` and its kind is final: the last evaluation, the mean
of the last ten, or, marked so, one that the source does not state. Scores of the best evaluation,
of the maximum of a curve and of the better of two checkpoints never do. A source gives one row per
cell, by the order of PREFERENCES.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bench.literature.sources import Record
from bench.statistics import published

# The kinds that count as final, by phase; of several, a source's first counts.
PREFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "last first": {
        "offline": ("last", "mean_last_10", "unknown"),
        "before": ("before",),
        "after": ("after", "after_mean_last_10"),
    },
    "mean of ten first": {
        "offline": ("mean_last_10", "last", "unknown"),
        "before": ("before",),
        "after": ("after_mean_last_10", "after"),
    },
    "stated only": {
        "offline": ("last", "mean_last_10"),
        "before": ("before",),
        "after": ("after", "after_mean_last_10"),
    },
}
STRATA = {
    "authors": "authors’ own code, rerun by others",
    "port": "ports with the paper’s settings",
    "other": "other or tuned settings",
}
PAPER_SETTINGS = ("authors", "port")  # pooled, and said so, for the verdict on a cell
SMALLEST = 0.1  # points; a printed spread below the paper's own rounding counts as this
SEEDS = 3  # if a source states no number of seeds: the fewest that any source with several has


@dataclass(frozen=True)
class Assumptions:
    """What is assumed where a source is silent; the defaults are those of the report.

    Attributes:
        seeds: number of seeds where none is stated or known otherwise.
        ignore_known: let `seeds` replace what a source's file says of its unstated number too.
        factor: multiplies the standard deviation that is assumed where none is printed.
        own_spread: use a source's own spread; else every source has the cell's.
        unknown_is_error: a ± that is not explained is a standard error, not a deviation.
        preference: one of PREFERENCES.
        complete: only sources that state spread and seeds.
        standings: rows that may enter.
        typed: admit sources whose scores were typed by hand and compared by no program.
    """

    seeds: int = SEEDS
    ignore_known: bool = False
    factor: float = 1.0
    own_spread: bool = True
    unknown_is_error: bool = False
    preference: str = "last first"
    complete: bool = False
    standings: tuple[str, ...] = ("independent",)
    typed: bool = True


DEFAULT = Assumptions()


def eligible(record: Record, phase: str, assume: Assumptions = DEFAULT) -> pd.DataFrame:
    """Return one row per (source, method, task) of `phase`: offline, before or after."""
    order = PREFERENCES[assume.preference][phase]
    rows = record.scores
    rows = rows[rows["standing"].isin(assume.standings) & rows["kind"].isin(order)]
    if assume.complete:
        rows = rows[rows["spread"].notna() & rows["seeds"].notna()]
    if not assume.typed:
        rows = rows[[not record.sources[source].typed for source in rows["source"]]]
    rank = rows["kind"].map({kind: place for place, kind in enumerate(order)})
    rows = rows.assign(rank=rank).sort_values(["task", "method", "source", "rank"])
    return rows.drop_duplicates(["source", "method", "task"]).drop(columns="rank")


def stem(task: str) -> str:
    """Return a dataset's id without its version."""
    return re.sub(r"-v\d+$", "", task)


class Spreads:
    """Standard deviations over seeds, by cell: what is assumed of a source that prints none."""

    def __init__(self, record: Record, phase: str):
        rows = eligible(record, phase, replace(DEFAULT, complete=True))
        rows = rows[(rows["seeds"] > 1) & (rows["spread_is"] != "mixed")]
        rows = rows.assign(
            squares=[deviation(r) ** 2 for r in rows.to_dict("records")],
            freedom=rows["seeds"] - 1,
        )
        self.cells = {
            (str(method), str(task)): _pooled(cell)
            for (method, task), cell in rows.groupby(["method", "task"])
        }
        self.other = {
            (str(method), str(name)): _pooled(cell)
            for (method, name), cell in rows.groupby(["method", rows["task"].map(stem)])
        }
        self.paper = {}
        if phase == "offline":
            samples = published.paper_samples()
            self.paper = {(m, t): s.std for (t, m), s in samples.items() if s.std}
        by_method = rows.groupby("method")["squares"].median() ** 0.5
        self.methods = {str(name): float(value) for name, value in by_method.items()}
        self.all = float(rows["squares"].median() ** 0.5)

    def of(self, method: str, task: str) -> tuple[float, str]:
        """Return the deviation to assume, and where it is from."""
        for known, key, origin in (
            (self.cells, (method, task), "other sources of the cell"),
            (self.paper, (method, task), "the paper’s spread"),
            (self.other, (method, stem(task)), "the dataset’s other version"),
        ):
            if key in known:
                return max(known[key], SMALLEST), origin
        typical = self.methods.get(method, self.all)
        return max(typical, SMALLEST), "the method’s median"


def _pooled(rows: pd.DataFrame) -> float:
    return math.sqrt((rows["squares"] * rows["freedom"]).sum() / rows["freedom"].sum())


def deviation(row: Mapping[Hashable, Any]) -> float:
    """Return a printed spread as the standard deviation with n - 1, at least SMALLEST."""
    spread, seeds = float(row["spread"]), float(row["seeds"])
    if row["spread_is"] == "sd n" and seeds > 1:
        spread *= math.sqrt(seeds / (seeds - 1))
    return max(spread, SMALLEST)


def with_variance(
    rows: pd.DataFrame, spreads: Spreads, assume: Assumptions, record: Record
) -> pd.DataFrame:
    """Add `sd` over seeds, `n` seeds, `variance` of the mean, and `assumed`, in words."""
    made = []
    for row in rows.to_dict("records"):
        cell, origin = spreads.of(row["method"], row["task"])
        notes = []
        seeds = row["seeds"]
        if pd.isna(seeds):
            known = record.sources[row["source"]].assumed_seeds
            seeds = known if known and not assume.ignore_known else assume.seeds
            notes.append(f"{seeds:g} seeds")
        own = pd.notna(row["spread"]) and seeds > 1 and assume.own_spread
        if own:
            spread = deviation(row | {"seeds": seeds})
            if row["spread_is"] == "unknown":
                notes.append(
                    "± is a standard error" if assume.unknown_is_error else "± is a deviation"
                )
                spread *= math.sqrt(seeds) if assume.unknown_is_error else 1
        else:
            spread = cell * assume.factor
            notes.append(f"spread {spread:.1f} ({origin})")
        made.append(
            {
                "sd": spread,
                "n": int(seeds),
                "variance": spread**2 / seeds,
                "assumed": "; ".join(notes),
            }
        )
    columns = ["sd", "n", "variance", "assumed"]
    return rows.join(pd.DataFrame(made, index=rows.index, columns=columns))

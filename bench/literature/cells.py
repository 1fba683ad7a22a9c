"""The cells of the paper's tables, what others got in each, and the estimate of each stratum."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from bench.literature.evidence import (
    DEFAULT,
    PAPER_SETTINGS,
    Assumptions,
    Spreads,
    eligible,
    stem,
    with_variance,
)
from bench.literature.pooling import LEVEL, Between, Pooled, pool, verdict
from bench.literature.sources import Record
from bench.paths import shipped
from bench.statistics import published
from bench.statistics.frames import read_csv

TABLE2 = Path("config/published/table2.csv")
HEADLINE = "paper"  # the authors' code and the ports together
NEXT_SEEDS = 5  # seeds of the next reproduction, for its prediction interval
PHASES = ("offline", "before", "after", "gain")


@dataclass(frozen=True)
class Cell:
    """A number of the paper: `published` is None where it has none for this dataset's version."""

    method: str
    task: str
    phase: str = "offline"
    published: float | None = None
    error: float = 0.0  # its standard error over seeds, if known

    @property
    def antmaze(self) -> bool:
        """Whether the task is one of the mazes."""
        return self.task.startswith("antmaze")


@dataclass(frozen=True)
class Method:
    """How a cell is estimated; the defaults are those of the report."""

    between: Between = "pm"
    floor: bool = True
    level: float = LEVEL
    strata: tuple[str, ...] = PAPER_SETTINGS
    target: bool = False  # whether the published value's own standard error counts


AS_REPORTED = Method()


@dataclass(frozen=True)
class Estimate:
    """What the record says of a cell.

    `rows` has one reproduction per row: source, stratum, kind, mean, difference (the mean itself
    where nothing is published), low, high, sd, n, variance, assumed, file, commit. `pooled` is by
    stratum, HEADLINE included; a stratum without a row is missing. `next_few` bounds what the next
    reproduction with NEXT_SEEDS seeds and the paper's settings will differ by.
    """

    cell: Cell
    rows: pd.DataFrame
    pooled: Mapping[str, Pooled]
    next_few: tuple[float, float]

    @property
    def headline(self) -> Pooled | None:
        """The estimate with the paper's settings."""
        return self.pooled.get(HEADLINE)

    @property
    def verdict(self) -> str:
        """The verdict with the paper's settings."""
        return verdict(self.headline)


def table1(methods: Iterable[str]) -> list[Cell]:
    """Return the cells of Table 1 in its order, for the named methods."""
    samples = published.paper_samples()
    wanted = list(methods)
    return [
        Cell(method, task, "offline", sample.mean, sample.std / math.sqrt(sample.count))
        for method in wanted
        for (task, name), sample in samples.items()
        if name == method
    ]


def table2(methods: Iterable[str], version: str = "v0") -> list[Cell]:
    """Return Table 2's cells; those of version 2 have no published value, as have believed rows."""
    frame = read_csv(shipped(TABLE2), ["task", "method", "before", "after", "standing"])
    frame = frame[frame["task"] != "total"]
    cells = []
    for method in methods:
        for row in frame[frame["method"] == method].to_dict("records"):
            known = version == "v0" and row["standing"] == "printed"
            values = {"before": row["before"], "after": row["after"]}
            values["gain"] = row["after"] - row["before"]
            for phase in PHASES[1:]:
                value = float(values[phase]) if known else None
                cells.append(Cell(method, f"{stem(row['task'])}-{version}", phase, value))
    return cells


def original(record: Record, beginning: Sequence[str]) -> list[Cell]:
    """Return the paper's cells that the record itself holds: Kitchen and Adroit."""
    rows = record.scores
    rows = rows[(rows["source"] == "iql-paper") & (rows["standing"] == "original")]
    rows = rows[rows["task"].str.startswith(tuple(beginning))]
    return [Cell(r["method"], r["task"], "offline", r["mean"]) for r in rows.to_dict("records")]


class Evidence:
    """The rows that may enter an estimate, with variances, by phase; made once per assumption."""

    def __init__(
        self,
        record: Record,
        assume: Assumptions = DEFAULT,
        spreads: Mapping[str, Spreads] | None = None,
    ):
        self.record, self.assume = record, assume
        self.spreads = spreads or {phase: Spreads(record, phase) for phase in PHASES[:3]}
        self.phases = {phase: self._rows(phase) for phase in PHASES[:3]}
        self.phases["gain"] = gains(self.phases["before"], self.phases["after"], record.seeds)

    def _rows(self, phase: str) -> pd.DataFrame:
        rows = eligible(self.record, phase, self.assume)
        return with_variance(rows, self.spreads[phase], self.assume, self.record)

    def of(self, cell: Cell) -> pd.DataFrame:
        """Return the reproductions of a cell, with `difference` from the published value."""
        rows = self.phases[cell.phase]
        rows = rows[(rows["method"] == cell.method) & (rows["task"] == cell.task)]
        seeds = rows["n"].astype(float)
        reach = stats.norm.ppf((1 + LEVEL) / 2) * np.sqrt(rows["variance"].astype(float))
        reach = np.where(seeds > 1, stats.t.ppf((1 + LEVEL) / 2, seeds.clip(2) - 1)
                         * np.sqrt(rows["variance"].astype(float)), reach)  # fmt: skip
        difference = rows["mean"] - (cell.published or 0.0)
        return rows.assign(difference=difference, low=difference - reach, high=difference + reach)


def gains(before: pd.DataFrame, after: pd.DataFrame, seeds: pd.DataFrame) -> pd.DataFrame:
    """Return after minus before by source, method and task.

    The variance is that of the seeds' own gains where runs are published, else the sum of both.
    """
    keys = ["source", "method", "task"]
    both = after.merge(before[[*keys, "mean", "variance"]], on=keys, suffixes=("", "_before"))
    runs = seeds[seeds["kind"].isin(["before", "after"])]
    wide = runs.pivot_table(index=[*keys, "seed"], columns="kind", values="score").dropna()
    own = (wide["after"] - wide["before"]).groupby(keys).agg(["var", "count"])
    made = []
    for row in both.to_dict("records"):
        key = tuple(row[name] for name in keys)
        if key in own.index:
            squares, count = own.loc[key]
            variance, note = max(squares, 0.01) / count, "paired by seed"
        else:
            count, variance = row["n"], row["variance"] + row["variance_before"]
            note = "; ".join(filter(None, (row["assumed"], "before and after independent")))
        made.append(
            row
            | {"mean": row["mean"] - row["mean_before"], "kind": "gain", "assumed": note}
            | {"variance": variance, "n": int(count), "sd": math.sqrt(variance * count)}
        )
    return pd.DataFrame(made, columns=[c for c in both if not str(c).endswith("_before")])


def estimate(cell: Cell, evidence: Evidence, how: Method = AS_REPORTED) -> Estimate:
    """Return the estimate of a cell, for each stratum and for the paper's settings."""
    rows = evidence.of(cell)
    target = cell.error**2 if how.target else 0.0
    groups = {name: (name,) for name in ("authors", "port", "other")} | {HEADLINE: how.strata}
    pooled = {}
    for name, strata in groups.items():
        mine = rows[rows["stratum"].isin(strata)]
        if len(mine):
            pooled[name] = pool(
                mine["difference"].to_list(),
                mine["variance"].to_list(),
                how.between,
                how.floor,
                target,
                how.level,
            )
    few = (math.nan, math.nan)
    main = pooled.get(HEADLINE)
    if main and main.k > 2:
        spread = evidence.spreads[cell.phase if cell.phase != "gain" else "after"]
        sampling = spread.of(cell.method, cell.task)[0] ** 2 / NEXT_SEEDS
        reach = float(stats.t.ppf((1 + how.level) / 2, main.k - 2))
        reach *= math.sqrt(main.between_sd**2 + main.error**2 + sampling)
        few = (main.value - reach, main.value + reach)
    return Estimate(cell, rows, pooled, few)


def estimates(
    cells: Iterable[Cell], evidence: Evidence, how: Method = AS_REPORTED
) -> list[Estimate]:
    """Return the estimate of each cell."""
    return [estimate(cell, evidence, how) for cell in cells]

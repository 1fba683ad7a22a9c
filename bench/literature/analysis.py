"""Everything that the report of the published record shows, computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.literature import conflicts, protocol, seeds_needed, sensitivity
from bench.literature.cells import (
    HEADLINE,
    Cell,
    Estimate,
    Evidence,
    estimates,
    original,
    table1,
    table2,
)
from bench.literature.evidence import stem
from bench.literature.sources import Record

BASELINES = ("bc", "bc10", "dt", "awac", "onestep", "td3_bc", "cql")
FINE_TUNED = ("iql", "cql", "awac")
ADROIT = ("pen", "hammer", "door", "relocate")
POOLED_COLUMNS = (
    "k",
    "value",
    "error",
    "low",
    "high",
    "between_sd",
    "i2",
    "q",
    "next_low",
    "next_high",
)


@dataclass(frozen=True)
class Analysis:
    """The estimates of every table. Each property is computed at its first use."""

    record: Record
    methods: Mapping[str, str]  # label by name

    @cached_property
    def evidence(self) -> Evidence:
        """The rows that enter, with variances."""
        return Evidence(self.record)

    @cached_property
    def iql(self) -> list[Estimate]:
        """IQL's fifteen cells of Table 1, in its order."""
        return estimates(table1(["iql"]), self.evidence)

    @cached_property
    def locomotion(self) -> list[Estimate]:
        """The nine cells on locomotion-v2."""
        return [e for e in self.iql if not e.cell.antmaze]

    @cached_property
    def antmaze(self) -> list[Estimate]:
        """The six cells on antmaze-v0."""
        return [e for e in self.iql if e.cell.antmaze]

    @cached_property
    def baselines(self) -> list[Estimate]:
        """The other columns of Table 1."""
        return estimates(table1(BASELINES), self.evidence)

    @cached_property
    def fine_tuning(self) -> list[Estimate]:
        """Table 2: before, after and gain on antmaze-v0."""
        return estimates(table2(FINE_TUNED), self.evidence)

    @cached_property
    def fine_tuning_v2(self) -> list[Estimate]:
        """The same on antmaze-v2, for which the paper has no number."""
        return estimates(table2(FINE_TUNED, "v2"), self.evidence)

    @cached_property
    def antmaze_v2(self) -> list[Estimate]:
        """Offline scores on antmaze-v2, for which the paper has no number."""
        cells = [Cell("iql", f"{stem(e.cell.task)}-v2") for e in self.antmaze]
        return estimates(cells, self.evidence)

    @cached_property
    def kitchen(self) -> list[Estimate]:
        """The paper's Kitchen cells, on the version that it scores."""
        return estimates(original(self.record, ["kitchen"]), self.evidence)

    @cached_property
    def adroit(self) -> list[Estimate]:
        """Adroit v1, which all others score; the paper's numbers are of v0."""
        cells = original(self.record, ADROIT)
        return estimates([Cell("iql", f"{stem(c.task)}-v1") for c in cells], self.evidence)

    @cached_property
    def adroit_paper(self) -> Mapping[str, float]:
        """The paper's scores on Adroit v0, by the dataset's name without its version."""
        found = original(self.record, ADROIT)
        return {stem(c.task): c.published for c in found if c.published is not None}

    @cached_property
    def alternatives(self) -> Mapping[str, list[Estimate]]:
        """IQL's cells of Table 1 under other choices, by their name."""
        return sensitivity.compare(self.record, table1(["iql"]))

    @cached_property
    def decisive(self) -> Mapping[str, list[str]]:
        """The sources without which a cell's verdict would be another, by task."""
        return {e.cell.task: sensitivity.decisive(e) for e in self.iql}

    @cached_property
    def choices(self) -> pd.DataFrame:
        """Scores of the same runs under other choices of evaluation."""
        return protocol.choices(self.record)

    @cached_property
    def late(self) -> pd.DataFrame:
        """How far IQL's seed-mean curves range in the last fifth of training."""
        return protocol.late_ranges(self.record)

    @cached_property
    def seeds(self) -> pd.DataFrame:
        """Seeds needed, by cell with published runs."""
        return seeds_needed.table(self.record)

    @cached_property
    def conflicts(self) -> pd.DataFrame:
        """Cells whose sources disagree."""
        return conflicts.conflicts(self.record)

    def all(self) -> list[Estimate]:
        """Return every estimate of the report."""
        return [
            *self.iql,
            *self.baselines,
            *self.fine_tuning,
            *self.fine_tuning_v2,
            *self.antmaze_v2,
            *self.kitchen,
            *self.adroit,
        ]


def reproductions(found: Sequence[Estimate]) -> pd.DataFrame:
    """Return every score that entered an estimate, with its place of origin and its weight."""
    frames = []
    for e in found:
        published = math.nan if e.cell.published is None else e.cell.published
        rows = e.rows.assign(phase=e.cell.phase, published=published)
        main = e.rows["stratum"].isin(("authors", "port"))
        weights = pd.Series(index=e.rows.index, dtype=float)
        if main.any():
            weights[main] = e.pooled[HEADLINE].weights
        frames.append(rows.assign(weight=weights))
    columns = [
        *("method", "task", "phase", "published", "source", "stratum", "kind", "mean"),
        *("difference", "low", "high", "sd", "n", "variance", "weight", "assumed", "remark"),
        *("file", "commit", "verified"),
    ]
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True)[columns]


def pooled(found: Sequence[Estimate]) -> pd.DataFrame:
    """Return every estimate: one row per cell and stratum, HEADLINE included."""
    made = [
        {
            "method": e.cell.method,
            "task": e.cell.task,
            "phase": e.cell.phase,
            "published": e.cell.published,
            "stratum": stratum,
            **{name: getattr(p, name) for name in POOLED_COLUMNS},
            "next_few_low": e.next_few[0] if stratum == HEADLINE else None,
            "next_few_high": e.next_few[1] if stratum == HEADLINE else None,
            "verdict": e.verdict if stratum == HEADLINE and e.cell.published is not None else "",
        }
        for e in found
        for stratum, p in e.pooled.items()
    ]
    return pd.DataFrame(made)


def unused(record: Record, used: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the record that entered no estimate, with the reason."""
    keys = ["source", "method", "task", "kind"]
    entered = set(used[keys].itertuples(index=False, name=None))
    gains = {(s, m, t) for s, m, t, k in entered if k == "gain"}
    reasons = []
    for row in record.scores.to_dict("records"):
        key = tuple(row[name] for name in keys)
        if row["standing"] != "independent":
            reasons.append(row["standing"])
        elif key in entered or (key[:3] in gains and row["kind"] in ("before", "after")):
            reasons.append("")
        elif row["kind"] in ("best", "best_of_last_2", "max_of_mean_curve"):
            reasons.append("chosen with the test environment in view")
        elif any((*key[:3], kind) in entered for kind in ("last", "mean_last_10", "after")):
            reasons.append("the source has another final score of the cell")
        else:
            reasons.append("no cell of the paper")
    return record.scores.assign(reason=reasons).query("reason != ''")

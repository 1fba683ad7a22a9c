"""How many seeds a cell needs, by resampling the runs that sources publish one by one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bench.literature.sources import Record

LEAST_RUNS = 5  # fewer runs say too little about a distribution to be resampled
MOST = 200
MARGINS = (2.0, 5.0)
DRAWS = 2_000
KINDS = ("last", "after")


def needed(values: np.ndarray, margin: float, rng: np.random.Generator) -> int | None:
    """Return the fewest seeds whose mean is within `margin` of the truth in 95% of draws.

    Runs (m,) are drawn with replacement, their deviations stretched by sqrt(m / (m - 1)) since m
    runs scatter less about their own mean than about the truth. None stands for more than MOST.
    """
    spread = (values - values.mean()) * math.sqrt(len(values) / (len(values) - 1))
    drawn = rng.choice(spread, (DRAWS, MOST))
    reach = np.abs(np.cumsum(drawn, axis=1)) / np.arange(1, MOST + 1)
    inside = np.quantile(reach, 0.95, axis=0) <= margin
    # From the last seed number that fails on, so that a lucky small one does not count.
    failing = np.flatnonzero(~inside)
    count = int(failing[-1]) + 2 if len(failing) else 1
    return count if count <= MOST else None


def table(record: Record, method: str = "iql") -> pd.DataFrame:
    """Return per source, task and kind: runs, mean, sd, and the seeds needed for each margin."""
    runs = record.seeds[(record.seeds["method"] == method) & record.seeds["kind"].isin(KINDS)]
    made = []
    for (source, task, kind), rows in runs.groupby(["source", "task", "kind"]):
        values = rows["score"].to_numpy(float)
        if len(values) < LEAST_RUNS:
            continue
        rng = np.random.default_rng(0)
        row = {"source": source, "task": task, "kind": kind, "runs": len(values)}
        row |= {"mean": values.mean(), "sd": values.std(ddof=1)}
        row |= {f"within_{margin:g}": needed(values, margin, rng) for margin in MARGINS}
        made.append(row)
    frame = pd.DataFrame(made)
    columns = [f"within_{margin:g}" for margin in MARGINS]
    return frame.astype(dict.fromkeys(columns, "Int64"))

"""Effects of changes to a method: the suite's methods compared with its baseline.

Two methods with the same seed see the same batches, the same initial states of evaluation
episodes and, if their networks have the same shapes, the same initial weights. Scores are
therefore compared seed by seed, and the interval is that of the mean difference.
"""

from __future__ import annotations

import pandas as pd

from bench.config.types import Suite
from bench.statistics import intervals

EFFECT_COLUMNS = [
    *["task", "method", "pairs", "baseline_mean", "mean"],
    *["effect", "std", "ci_low", "ci_high"],
]


def paired_effects(scores: pd.DataFrame, suite: Suite) -> pd.DataFrame:
    """Return one row per task and method that shares seeds with the baseline.

    `pairs` counts the seeds for which both have a last evaluation; all means are over these.
    `effect` is the mean of the score minus the baseline's, `std` the deviation of that difference
    over seeds, and `ci_low` and `ci_high` its Student-t 95% interval, empty below three pairs.
    """
    final = scores[
        (scores["phase"] == "offline") & (scores["step"] == scores["method"].map(suite.updates_of))
    ]
    rows = []
    for task in suite.tasks:
        of_task = final[final["task"] == task]
        by_seed = of_task.pivot(index="seed", columns="method", values="score")
        for method in (m for m in suite.methods if m != suite.baseline):
            if not {method, suite.baseline} <= set(by_seed):
                continue
            both = by_seed[[suite.baseline, method]].dropna()
            if both.empty:
                continue
            ours, theirs = both[method], both[suite.baseline]
            differences = (ours - theirs).round(6).to_numpy(float)  # as many decimals as the file
            row = (
                *(task, method, len(both), theirs.mean(), ours.mean(), differences.mean()),
                differences.std(ddof=1) if len(both) > 1 else float("nan"),
                *intervals.t_interval(differences),
            )
            rows.append(row)
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)

"""Effects of changes to a method: the suite's methods compared with its baseline.

Two methods with the same seed see the same batches, the same initial states of evaluation
episodes and, if their networks have the same shapes, the same initial weights. Scores are
therefore compared seed by seed, and the interval is that of the mean difference.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from bench.config.task import Task
from bench.config.types import Suite
from bench.statistics import aggregates
from bench.statistics.comparisons import against
from bench.statistics.intervals import deviation
from bench.statistics.seed_scores import common_seeds

EFFECT_COLUMNS = [
    *["task", "method", "pairs", "baseline_mean", "mean"],
    *["effect", "std", "ci_low", "ci_high", "p", "p_holm"],
]


def paired_effects(scores: pd.DataFrame, suite: Suite, tasks: Mapping[str, Task]) -> pd.DataFrame:
    """Return one row per task and method that shares seeds with the baseline.

    `pairs` counts the seeds for which both have a last evaluation; all numbers are over these.
    `effect` is the mean of the score minus the baseline's, `std` the deviation of that difference
    over seeds, `ci_low` and `ci_high` its 95% interval, `p` its p-value, and `p_holm` that after
    Holm's correction over the methods of the task; these are empty below three pairs.
    """
    assert suite.baseline is not None
    final = aggregates.last_scores(scores, suite, tasks)
    rows = []
    for task in suite.tasks:
        baseline = final.get((task, suite.baseline))
        others = [m for m in suite.methods if m != suite.baseline and (task, m) in final]
        if baseline is None:
            continue
        shared = {m: common_seeds([baseline, final[task, m]]) for m in others}
        compared = against({m: final[task, m].only(s) for m, s in shared.items()}, baseline)
        for method in (m for m in others if len(shared[m])):
            ours = final[task, method].only(shared[method]).values
            theirs = baseline.only(shared[method]).values
            differences = (ours - theirs).round(6)  # as many decimals as the file
            row: dict[str, object] = {"task": task, "method": method, "pairs": len(ours)}
            row |= {"baseline_mean": theirs.mean(), "mean": ours.mean()}
            row |= {"effect": differences.mean()}
            row |= {"std": deviation(differences) if len(ours) > 1 else float("nan")}
            if method in compared:
                found, corrected = compared[method]
                row |= dict(zip(("ci_low", "ci_high"), found.interval(), strict=True))
                row |= {"p": found.p_value(), "p_holm": corrected}
            rows.append(row)
    return pd.DataFrame(rows, columns=EFFECT_COLUMNS)

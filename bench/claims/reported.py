"""What the paper and CORL report of a claim's quantity, and the paper's replication intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

from scipy import stats

from bench.claims.ledger import RunClaim
from bench.statistics import finetuning, published
from bench.statistics.inference import Sample
from bench.statistics.intervals import LEVEL

Cell = tuple[str, str]  # task, method


@cache
def paper() -> dict[Cell, Sample]:
    """Return Table 1 of the paper."""
    return published.paper_samples()


@cache
def corl() -> dict[Cell, Sample]:
    """Return CORL's last scores."""
    return published.corl_samples()


@cache
def table2() -> dict[Cell, finetuning.Published]:
    """Return Table 2 of the paper."""
    return finetuning.published()


def value(claim: RunClaim, method: str, rival: str | None, tasks: Sequence[str]) -> float | None:
    """Return the published value of the claim's quantity; None if none is published.

    Scores are those of Table 1 or, with `of: corl`, CORL's; scores after online steps are those of
    Table 2, after 1,000,000 steps.
    """
    weights = [(1.0, method)] + ([(-claim.factor, rival)] if rival else [])
    total = 0.0
    for weight, who in weights:
        for task in tasks:
            found = _cell(claim, task, who)
            if found is None:
                return None
            total += weight * found
    return total


def _cell(claim: RunClaim, task: str, method: str) -> float | None:
    if claim.quantity == "score":
        known = corl() if claim.test.of == "corl" else paper()
        return known[task, method].mean if (task, method) in known else None
    row = table2().get((task, method))
    if row is None or claim.quantity not in ("change", "online", "reached"):
        return None
    if claim.quantity == "change":
        return None if claim.by else row.after - row.before
    return row.after


def replication_interval(task: str, method: str, seeds: int) -> tuple[float, float]:
    """Return the 95% interval for the mean of `seeds` further seeds of the paper's own runs.

    Student's prediction interval from the paper's mean, deviation and number of seeds: if ours
    are further seeds of the same runs, 95% of such means lie within. It is known before we run.
    """
    sample = paper()[task, method]
    spread = sample.std * math.sqrt(1 / sample.count + 1 / seeds)
    half = float(stats.t.ppf((1 + LEVEL) / 2, sample.count - 1)) * spread
    return sample.mean - half, sample.mean + half


def least_replicated(tasks: int) -> int:
    """Return the fewest of `tasks` means within their intervals that chance explains.

    If our runs are the paper's, fewer lie within with a probability of at most 2.5%; tasks are
    taken as independent.
    """
    error = (1 - LEVEL) / 2
    counts = range(tasks + 1)
    return max(k for k in counts if float(stats.binom.cdf(k - 1, tasks, LEVEL)) <= error)

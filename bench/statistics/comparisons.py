"""Comparisons of the methods on one task: differences, Holm's correction, and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from bench.statistics.inference import Estimate
from bench.statistics.intervals import LEVEL, MIN_SEEDS
from bench.statistics.seed_scores import SeedScores, estimate

SIGNIFICANT = 1 - LEVEL
Place = Literal["above", "below", "undecided"]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's method [1979]."""
    # statsmodels' multipletests, which agrees, collects garbage in each call: 0.1 s for a suite's
    # every task.
    order = np.argsort(p_values)
    steps = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected.tolist()


def against(
    cells: Mapping[str, SeedScores], reference: SeedScores
) -> dict[str, tuple[Estimate, float]]:
    """Return each method's difference from `reference` and its p-value, corrected by Holm.

    All are scores on one task. Methods without three seeds are left out, and all are if
    `reference` has fewer.
    """
    known = {m: cell for m, cell in cells.items() if len(cell.scores) >= MIN_SEEDS}
    if len(reference.scores) < MIN_SEEDS:
        return {}
    found = {method: estimate([cell], [reference]) for method, cell in known.items()}
    corrected = holm([difference.p_value() for difference in found.values()])
    return {m: (d, p) for (m, d), p in zip(found.items(), corrected, strict=True)}


def rank(cells: Mapping[str, SeedScores]) -> dict[str, str]:
    """Return "best", "tied", "" or "n/a" by method, from their scores on one task.

    "tied": the difference from the highest mean is not significant, after Holm's correction over
    the other methods. "n/a": fewer than three seeds.
    """
    means = {m: c.values.mean() for m, c in cells.items() if len(c.scores) >= MIN_SEEDS}
    result = dict.fromkeys(cells, "n/a")
    if not means:
        return result
    leader = max(means, key=lambda m: means[m])
    compared = against({m: c for m, c in cells.items() if m != leader}, cells[leader])
    for method, mean in means.items():
        if np.isclose(mean, means[leader], rtol=0, atol=1e-9):
            result[method] = "best"
        else:
            result[method] = "" if compared[method][1] < SIGNIFICANT else "tied"
    return result


def places(
    cells: Mapping[tuple[str, str], SeedScores], reference: str
) -> dict[tuple[str, str], Place]:
    """Return where `reference` stands relative to each other method, by (task, method).

    "above" and "below" are significant after Holm's correction over the methods of the task.
    Pairs without three seeds of both are left out. `cells` are scores by (task, method).
    """
    found: dict[tuple[str, str], Place] = {}
    for task in dict.fromkeys(task for task, _ in cells):
        if (task, reference) not in cells:
            continue
        others = {m: cell for (t, m), cell in cells.items() if t == task and m != reference}
        for method, (difference, p) in against(others, cells[task, reference]).items():
            decided: Place = "above" if difference.value < 0 else "below"
            found[task, method] = decided if p < SIGNIFICANT else "undecided"
    return found

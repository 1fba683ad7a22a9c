"""Comparisons of the methods on one task: differences, Holm's correction, and ranks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.statistics.inference import Estimate
from bench.statistics.intervals import LEVEL, MIN_SEEDS
from bench.statistics.seed_scores import SeedScores, common_seeds, estimate

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


@dataclass(frozen=True)
class Lead:
    """A method's lead over a rival on one task, paired by seed; `p` is corrected by Holm."""

    ours: float  # mean over all seeds
    theirs: float
    value: float
    low: float
    high: float
    p: float
    seeds: int

    @property
    def place(self) -> Place:
        """Where the method stands relative to its rival; "undecided" if not significant."""
        if not self.p < SIGNIFICANT:
            return "undecided"
        return "above" if self.value > 0 else "below"


def leads(
    cells: Mapping[tuple[str, str], SeedScores], reference: str
) -> dict[tuple[str, str], Lead]:
    """Return the lead of `reference` over each other method, by (task, method).

    p-values are corrected by Holm's method over the methods of the task. Pairs without three
    seeds of both are left out. `cells` are scores by (task, method).
    """
    found: dict[tuple[str, str], Lead] = {}
    for task in dict.fromkeys(task for task, _ in cells):
        if (task, reference) not in cells:
            continue
        mine = cells[task, reference]
        others = {m: cell for (t, m), cell in cells.items() if t == task and m != reference}
        for method, (difference, p) in against(others, mine).items():
            low, high = difference.interval()
            seeds = len(common_seeds([mine, others[method]]))
            means = (float(mine.values.mean()), float(others[method].values.mean()))
            found[task, method] = Lead(*means, -difference.value, -high, -low, p, seeds)
    return found


def strongest(found: Mapping[tuple[str, str], Lead]) -> dict[str, str]:
    """Return the rival with the highest mean, by task."""
    best: dict[str, str] = {}
    for (task, rival), lead in found.items():
        if task not in best or lead.theirs > found[task, best[task]].theirs:
            best[task] = rival
    return best


def places(
    cells: Mapping[tuple[str, str], SeedScores], reference: str
) -> dict[tuple[str, str], Place]:
    """Return where `reference` stands relative to each other method, by (task, method)."""
    return {pair: lead.place for pair, lead in leads(cells, reference).items()}

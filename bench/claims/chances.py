"""The chance of each verdict, before anything runs, if the published numbers are true.

Experiments with the planned seeds are drawn and every claim is judged on each as a whole, so that
the chance is joint over a claim's parts. The published numbers rest on few seeds themselves: the
range of the chance is over truths that fit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.claims import reported
from bench.claims.ledger import Ledger, RunClaim
from bench.claims.run_parts import combinations, fixed_terms
from bench.claims.truth import AFTER, BEFORE, CORL, OFFLINE, Draws
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.statistics.improvement import Improvement
from bench.statistics.inference import Terms, corrected
from bench.statistics.intervals import LEVEL, success_interval

REPETITIONS, TRUTHS, OF_A_TRUTH = 1000, 20, 100
PHASES = {"change": (AFTER, BEFORE), "online": (AFTER,)}  # all others: offline
CONFIRMED, REFUTED, OPEN = 1, -1, 0
ERROR = (1 - LEVEL) / 2  # of one verdict on one claim
Ends = tuple[float, float]


@dataclass(frozen=True)
class Chance:
    """Probabilities of the three verdicts, and the range (5 to 95%) of that of confirming."""

    claim: str
    reproduced: float
    not_reproduced: float
    low: float
    high: float

    @property
    def inconclusive(self) -> float:
        """The probability that nothing is decided."""
        return max(0.0, 1 - self.reproduced - self.not_reproduced)


def decided_by(suite: Suite, ledger: Ledger) -> list[RunClaim]:
    """Return the claims whose protocol is the suite's."""
    claims = [claim for claim in ledger.claims if isinstance(claim, RunClaim)]
    return [c for c in claims if ledger.protocols[c.protocol].suite == suite.suite]


def chances(suite: Suite, ledger: Ledger, catalogue: Catalogue) -> dict[str, Chance | None]:
    """Return the chance of each claim that the suite decides; None if nothing is published."""
    truth = Draws(suite, catalogue, REPETITIONS, np.random.default_rng(0))
    others = [
        Draws(suite, catalogue, OF_A_TRUTH, np.random.default_rng((1, number)), uncertain=True)
        for number in range(TRUTHS)
    ]
    found: dict[str, Chance | None] = {}
    for claim in decided_by(suite, ledger):
        verdicts = judged(claim, ledger, truth)
        if verdicts is None:
            found[claim.id] = None
            continue
        spread = [_share(judged(claim, ledger, draws), CONFIRMED) for draws in others]
        low, high = np.quantile(spread, (0.05, 0.95))
        found[claim.id] = Chance(
            claim.id, _share(verdicts, CONFIRMED), _share(verdicts, REFUTED), low, high
        )
    return found


def expected_errors(claims: int) -> float:
    """Return how many verdicts on so many claims are expected to be wrong, at most.

    A false claim is confirmed, and a true one refuted, with a probability of at most 2.5%: all
    parts must hold at that level to confirm (intersection-union), and to refute, parts share it.
    """
    return ERROR * claims


def judged(claim: RunClaim, ledger: Ledger, draws: Draws) -> np.ndarray | None:
    """Return the verdict on the whole claim in each experiment (repetitions,); None if unknown."""
    parts = combinations(claim, ledger)
    verdicts = [_part(claim, *part, draws, len(parts)) for part in parts]
    if any(each is None for each in verdicts):
        return None
    table = np.array(verdicts)
    confirmed, refuted = (table == CONFIRMED).all(axis=0), (table == REFUTED).any(axis=0)
    return np.where(refuted, REFUTED, np.where(confirmed, CONFIRMED, OPEN))


def _part(
    claim: RunClaim,
    method: str,
    rival: str | None,
    tasks: Sequence[str],
    draws: Draws,
    comparisons: int,
) -> np.ndarray | None:
    if claim.by is not None or claim.quantity in ("peak", "steps", "regret"):
        return None  # of these nothing is published
    offline = CORL if claim.test.of == "corl" else OFFLINE
    phases = PHASES.get(claim.quantity, (offline,))
    cells: list[tuple[float, np.ndarray]] = []
    for weight, who in ((1.0, method), (-claim.factor, rival)):
        for task in tasks if who else ():
            for sign, phase in zip((1, -1), phases, strict=False):
                found = draws.scores(task, str(who), phase)
                if found is None:
                    return None
                cells.append((weight * sign, found))
    if claim.quantity == "replicated":
        return _replicated(claim, method, tasks, [scores for _, scores in cells])
    if claim.quantity == "improvement":
        return _improved(claim, [scores for _, scores in cells], comparisons)
    ends = claim.test.ends()
    bounded = all(draws.catalogue.tasks[task].bounded for task in tasks)
    if len(cells) == 1 and bounded and not isinstance(claim.test.of, str):
        episodes = draws.episodes(tasks[0], method, phases[0])
        (_, scores), levels = cells[0], (LEVEL, corrected(comparisons))
        inner, outer = (success_interval(scores, episodes, level) for level in levels)
        return _placed(inner, outer, ends)
    sums = sum((weight * scores for weight, scores in cells), np.zeros(1))
    return _placed(
        *intervals(sums, fixed_terms(claim, method, tasks), corrected(comparisons)), ends
    )


def intervals(
    sums: np.ndarray, fixed: Terms, outer: float
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return the intervals at 95% and at `outer` of sums (repetitions, seeds) plus `fixed`.

    They are those of bench.statistics.inference.contrast, for many experiments at once.
    """
    seeds = sums.shape[1]
    own = sums.var(axis=1, ddof=1) / seeds
    own = np.where(np.ptp(sums, axis=1) < 1e-9, np.nan, own)
    shares = [(weight**2 * s.std**2 / s.count, s.count - 1) for weight, s in fixed]
    variance = own + sum(v for v, _ in shares)
    freedom = variance**2 / (own**2 / (seeds - 1) + sum(v**2 / f for v, f in shares))
    middle = sums.mean(axis=1) + sum(weight * s.mean for weight, s in fixed)
    halves = [stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(variance) for level in (LEVEL, outer)]
    inner_half, outer_half = halves
    return (middle - inner_half, middle + inner_half), (middle - outer_half, middle + outer_half)


def _placed(
    inner: tuple[np.ndarray, np.ndarray], outer: tuple[np.ndarray, np.ndarray], ends: Ends
) -> np.ndarray:
    """Return the verdicts that bench.claims.run_parts.decide gives on each experiment."""
    inside = (ends[0] < inner[0]) & (inner[1] < ends[1])
    outside = (outer[1] < ends[0]) | (outer[0] > ends[1])
    return np.where(inside, CONFIRMED, np.where(outside, REFUTED, OPEN))


def _replicated(
    claim: RunClaim, method: str, tasks: Sequence[str], cells: Sequence[np.ndarray]
) -> np.ndarray:
    count = np.zeros(len(cells[0]))
    for task, scores in zip(tasks, cells, strict=True):
        low, high = reported.replication_interval(task, method, scores.shape[1])
        means = scores.mean(axis=1)
        count += (low <= means) & (means <= high)
    assert claim.test.above is not None
    return np.where(count > claim.test.above, CONFIRMED, REFUTED)


def _improved(claim: RunClaim, cells: Sequence[np.ndarray], comparisons: int) -> np.ndarray:
    half = len(cells) // 2  # the method's tasks, then the rival's
    verdicts = []
    for experiment in range(len(cells[0])):
        scores = [cell[experiment] for cell in cells]
        found = Improvement.of(scores[:half], scores[half:])
        levels = (LEVEL, corrected(comparisons))
        inner, outer = ([np.array([end]) for end in found.interval(level)] for level in levels)
        verdicts.append(_placed((inner[0], inner[1]), (outer[0], outer[1]), claim.test.ends()))
    return np.concatenate(verdicts)


def _share(verdicts: np.ndarray | None, wanted: int) -> float:
    assert verdicts is not None
    return float((verdicts == wanted).mean())

"""The parts of a claim that a suite's runs decide.

A part is decided only if all planned seeds have ended, and their scores differ. A seed that
diverged counts as a failure where scores are bounded, and blocks the verdict elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bench.claims import reported
from bench.claims.evidence import Evidence, Measured
from bench.claims.ledger import Ledger, RunClaim
from bench.claims.needed import Open
from bench.claims.part import Part, Verdict
from bench.claims.words import plain, reference, some
from bench.statistics.improvement import Improvement
from bench.statistics.inference import Estimate, SuccessRate, Terms, contrast, corrected
from bench.statistics.intervals import LEVEL, MIN_SEEDS
from bench.statistics.seed_scores import SeedScores, estimate, samples

Cells = list[SeedScores]
Ends = tuple[float, float]


def combinations(claim: RunClaim, ledger: Ledger) -> list[tuple[str, str | None, tuple[str, ...]]]:
    """Return method, rival and tasks of each part."""
    wanted = ledger.tasks_of(claim)
    units = [(task,) for task in wanted] if claim.each_task else [wanted]
    return list(itertools.product(claim.methods, claim.against or (None,), units))


def parts(
    claim: RunClaim, ledger: Ledger, places: Mapping[str, str | None], evidence: Evidence
) -> list[Part]:
    """Return the tested parts; `places` maps the claim's tasks to those of the suite."""
    found = combinations(claim, ledger)
    return [_part(claim, *each, places, evidence, len(found)) for each in found]


def _part(
    claim: RunClaim,
    method: str,
    rival: str | None,
    tasks: Sequence[str],
    places: Mapping[str, str | None],
    evidence: Evidence,
    comparisons: int,
) -> Part:
    against = f" against {reference(rival)}" if rival else ""
    name = f"{reference(method)}{against}{f', {tasks[0]}' if claim.each_task else ''}"
    methods = tuple(m for m in (method, rival) if m)
    part = Part(
        name,
        published=reported.value(claim, method, rival, tasks),
        methods=methods,
        tasks=tuple(place for task in tasks if (place := places[task])),
    )
    if absent := [task for task in tasks if places[task] is None]:
        return replace(part, reason=f"no data of {some(absent)}")
    cells: dict[tuple[str, str], Measured] = {}
    lacking = []
    for who, task in itertools.product(methods, tasks):
        found = evidence.measured(claim, str(places[task]), who)
        if found is None or not (found.seeds or found.diverged):
            lacking.append(f"{reference(who)} on {places[task]}")
        else:
            cells[who, task] = found
    if lacking:
        kind = "" if claim.quantity in ("score", "improvement", "replicated") else "online "
        return replace(part, reason=f"no {kind}score of {some(lacking)}")
    part = replace(part, seeds=tuple(cell.seeds for cell in cells.values()))
    if why := next(_obstacles(claim, cells), None):
        return replace(part, verdict="inconclusive", reason=why)
    ours, theirs = ([cells[who, task] for task in tasks] for who in (method, rival or method))
    decided = _decided(part, claim, tasks, ours, theirs if rival else [], comparisons)
    lost = [
        f"{len(c.diverged)} of {reference(w)} on {t}" for (w, t), c in cells.items() if c.diverged
    ]
    if not lost:
        return decided
    note = f"diverged seeds count as failures: {some(lost)}"
    return replace(decided, reason="; ".join(filter(None, (decided.reason, note))))


def _obstacles(claim: RunClaim, cells: Mapping[tuple[str, str], Measured]) -> Iterator[str]:
    """Yield the reasons why nothing is decided, the most important one first."""
    for (who, task), cell in cells.items():
        if cell.missing:
            seeds = f"seed{'s'[: len(cell.missing) > 1]} {', '.join(map(str, cell.missing))}"
            yield f"incomplete: {reference(who)} on {task} lacks {seeds}"
    for (who, task), cell in cells.items():
        if cell.diverged and not cell.bounded:
            yield f"{len(cell.diverged)} seeds of {reference(who)} on {task} diverged"
    if min(cell.seeds for cell in cells.values()) < MIN_SEEDS:
        yield f"fewer than {MIN_SEEDS} seeds"
    for (who, task), cell in cells.items():
        score = cell.same_everywhere()
        if score is not None and claim.quantity != "steps":  # which only evaluations can have
            yield f"all seeds of {reference(who)} on {task} have the same score, {plain(score)}"


def _decided(
    part: Part,
    claim: RunClaim,
    tasks: Sequence[str],
    ours: Sequence[Measured],
    theirs: Sequence[Measured],
    comparisons: int,
) -> Part:
    if claim.quantity == "replicated":
        return _replicated(part, claim, tasks, ours)
    if claim.quantity == "improvement":
        return _improved(part, claim, ours, theirs, comparisons)
    plus = [cell for m in ours for cell in m.plus] + [cell for m in theirs for cell in m.minus]
    minus = [cell for m in ours for cell in m.minus] + [cell for m in theirs for cell in m.plus]
    own = _estimate(plus, minus, claim.factor)
    fixed = fixed_terms(claim, part.methods[0], tasks)
    compared = _estimate(plus, minus, claim.factor, fixed) if fixed else own
    shown = replace(part, measured=own.value, ci=own.interval())
    if not math.isfinite(own.interval()[0]):
        return replace(shown, verdict="inconclusive", reason="no spread between seeds")
    ends = claim.test.ends()
    verdict = decide(compared, ends, comparisons)
    shrinks, stays = _errors(compared, own)
    return replace(
        shown,
        verdict=verdict,
        support=support(compared.value, compared.interval(), ends),
        open=Open(compared.value, shrinks, stays, min(part.seeds), *ends),
    )


def _estimate(plus: Cells, minus: Cells, factor: float, fixed: Terms = ()) -> Estimate:
    """Return the sum of the cells per seed, plus the published terms.

    A single success rate has the interval of its episodes. Anything else has Student's t interval
    over seeds, which needs a spread: without one its error is unknown, and decides nothing.
    """
    if not minus and not fixed and len(plus) == 1:
        return estimate(plus)
    terms = [(w, replace(sample, least=0.0)) for w, sample in samples(plus, minus, factor)]
    return contrast([*terms, *fixed])


def decide(found: Estimate | Improvement, ends: Ends, comparisons: int) -> Verdict:
    """Confirm if the 95% interval lies between the ends, which is a one-sided error of 2.5%.

    Refute if the interval that is corrected for the number of parts (Bonferroni) lies outside,
    because any one of the parts refutes the whole.
    """
    low, high = found.interval(LEVEL)
    if ends[0] < low and high < ends[1]:
        return "reproduced"
    low, high = found.interval(corrected(comparisons))
    return "not reproduced" if high < ends[0] or low > ends[1] else "inconclusive"


def support(value: float, interval: Ends, ends: Ends) -> float:
    """Return the distance from the nearest end, in halves of the interval; negative outside."""
    half = (interval[1] - interval[0]) / 2
    return min(value - ends[0], ends[1] - value) / half if half > 0 else math.nan


def _errors(compared: Estimate, own: Estimate) -> tuple[float, float]:
    """Return the standard error due to our seeds, and that of the published numbers."""
    if isinstance(own, SuccessRate):
        low, high = own.interval(LEVEL)
        return (high - low) / 4, 0.0  # as wide as two normal errors on either side
    return own.error, math.sqrt(max(compared.error**2 - own.error**2, 0.0))


def fixed_terms(claim: RunClaim, method: str, tasks: Sequence[str]) -> Terms:
    """Return the published scores that a test subtracts; none if it compares with a number."""
    if not isinstance(claim.test.of, str):
        return []
    known = reported.corl() if claim.test.of == "corl" else reported.paper()
    return [(-1.0, known[task, method]) for task in tasks]


def _improved(
    part: Part,
    claim: RunClaim,
    ours: Sequence[Measured],
    theirs: Sequence[Measured],
    comparisons: int,
) -> Part:
    pairs = [[m.plus[0].values for m in side] for side in (ours, theirs)]
    found, ends = Improvement.of(*pairs), claim.test.ends()
    low, high = found.interval()
    shown = replace(part, measured=found.value, ci=(low, high))
    if all(set(x) == set(y) for x, y in zip(*pairs, strict=True)):
        return replace(shown, verdict="inconclusive", reason="identical scores of both methods")
    return replace(
        shown,
        verdict=decide(found, ends, comparisons),
        support=support(found.value, (low, high), ends),
        open=Open(found.value, (high - low) / 4, 0.0, min(part.seeds), *ends),
    )


def _replicated(
    part: Part, claim: RunClaim, tasks: Sequence[str], ours: Sequence[Measured]
) -> Part:
    outside = []
    for task, measured in zip(tasks, ours, strict=True):
        mean = float(measured.plus[0].values.mean())
        low, high = reported.replication_interval(task, part.methods[0], measured.seeds)
        if not low <= mean <= high:
            outside.append(f"{task} {mean:.1f} [{low:.1f}, {high:.1f}]")
    count = len(tasks) - len(outside)
    assert claim.test.above is not None
    return replace(
        part,
        measured=float(count),
        verdict="reproduced" if count > claim.test.above else "not reproduced",
        reason=f"outside: {'; '.join(outside)}" if outside else "",
        support=count - claim.test.above - 0.5,
    )

"""Decide the claims of config/claims.yaml from what others published.

A source speaks on a part of a claim if it has every score that the part needs, so that methods are
compared within one code. Its contrast is one effect; the effects of sources with the paper's
settings are pooled by random effects, and the claim's own test is applied: a bound to the 95%
interval, equality to the 90% interval (TOST at 5%), a refutation to one corrected for the parts.
Sources with other settings, and other versions of the datasets, are told in words and never pooled
with them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.claims.ledger import Claim, Ledger, RunClaim
from bench.literature.analysis import Analysis
from bench.literature.cells import Method, estimate, table1
from bench.literature.evidence import PAPER_SETTINGS, stem
from bench.literature.pooling import LEAST, Pooled, pool
from bench.statistics import published
from bench.statistics.inference import LEVEL, corrected

PHASE = {"score": "offline", "online": "after", "change": "gain"}
REPRODUCED, NOT_REPRODUCED, INCONCLUSIVE = "reproduced", "not reproduced", "inconclusive"
SHOWN = 4  # sources named in a wording


@dataclass(frozen=True)
class Contrast:
    """What one source has of a part: the claim's quantity, or the ratio where it is one."""

    source: str
    value: float
    variance: float
    seeds: int
    ratio: float | None
    paper_settings: bool
    own_data: bool  # of the version that the claim names
    holds: bool

    def text(self) -> str:
        """Return the source with its value, such as `corl 1.75 times`."""
        shown = f"{self.ratio:.3g} times" if self.ratio is not None else _signed(self.value)
        return f"{self.source} {shown}"


@dataclass(frozen=True)
class Part:
    """One method, rival and task or total; `pooled` is None without a source that counts."""

    name: str
    methods: tuple[str, ...]
    contrasts: Sequence[Contrast]
    pooled: Pooled | None
    verdict: str
    equal: tuple[float, float] | None = None  # the 90% interval that decides equality


def verdicts(ledger: Ledger, found: Analysis) -> list[dict[str, Any]]:
    """Return one entry per claim on which a source speaks, as bench.claims.record reads them."""
    entries = (decide(claim, ledger, found) for claim in ledger.claims)
    return [entry for entry in entries if entry is not None]


def decide(claim: Claim, ledger: Ledger, found: Analysis) -> dict[str, Any] | None:
    """Return the claim's entry; None if no source speaks on any of its parts."""
    if not isinstance(claim, RunClaim):
        return None
    if claim.quantity == "replicated":
        return replicated(claim, ledger.tasks_of(claim), found)
    if claim.quantity not in PHASE or claim.by is not None:  # no scores at another step
        return None
    tasks = ledger.tasks_of(claim)
    units = [(task,) for task in tasks] if claim.each_task else [tasks]
    combined = list(itertools.product(claim.methods, claim.against or (None,), units))
    parts = [
        part(claim, method, rival, unit, found, len(combined)) for method, rival, unit in combined
    ]
    heard = [p for p in parts if p.contrasts]
    if not heard:
        return None
    order = (NOT_REPRODUCED, INCONCLUSIVE, REPRODUCED)
    verdict = min((p.verdict for p in parts), key=order.index)
    first = next(p for p in parts if p.verdict == verdict)
    shown = first if first.contrasts else heard[0]
    decided = shown.pooled if shown.pooled and shown.pooled.k >= LEAST else None
    seeds: dict[str, int] = {}
    for c in (c for p in heard for c in p.contrasts if c.own_data and c.paper_settings):
        seeds[c.source] = max(c.seeds, seeds.get(c.source, 0))
    sources = sorted({c.source for p in heard for c in p.contrasts})
    return {
        "id": claim.id,
        "verdict": verdict,
        "wording": wording(parts, shown),
        "measured": round(decided.value, 3) if decided else None,
        "ci": [round(decided.low, 3), round(decided.high, 3)] if decided else None,
        "reason": reason(parts, found.methods),
        "sources": sources,
        "seeds": sum(seeds.values()) or None,
    }


def part(
    claim: RunClaim,
    method: str,
    rival: str | None,
    tasks: Sequence[str],
    found: Analysis,
    comparisons: int = 1,
) -> Part:
    """Return what the sources say of one method, rival and task or total."""
    phase = PHASE[str(claim.quantity)]
    contrasts = _contrasts(claim, method, rival, tasks, phase, True, found)
    other = tuple(f"{stem(task)}-v2" for task in tasks)
    if other != tuple(tasks):
        contrasts += _contrasts(claim, method, rival, other, phase, False, found)
        if phase == "offline":  # the offline part of fine-tuning runs
            contrasts += _contrasts(claim, method, rival, other, "before", False, found)
    counted = [c for c in contrasts if c.own_data and c.paper_settings]
    values, variances = [c.value for c in counted], [c.variance for c in counted]
    pooled = pool(values, variances) if counted else None
    verdict = INCONCLUSIVE
    if pooled and pooled.k >= LEAST:
        low, high = _wanted(claim)
        confirm = pool(values, variances, level=LEVEL if claim.test.within is None else 0.90)
        refute = pool(values, variances, level=corrected(comparisons))
        if low < confirm.low and confirm.high < high:
            verdict = REPRODUCED
        elif refute.high < low or refute.low > high:
            verdict = NOT_REPRODUCED
    names = tuple(found.methods.get(m, m) for m in (method, rival) if m)
    name = " against ".join(names) + (f" on {tasks[0]}" if len(tasks) == 1 else "")
    equal = None
    if counted and claim.test.within is not None:
        ninety = pool(values, variances, level=0.90)
        equal = (ninety.low, ninety.high)
    who = tuple(m for m in (method, rival) if m)
    return Part(name, who, contrasts, pooled, verdict, equal)


def _contrasts(
    claim: RunClaim,
    method: str,
    rival: str | None,
    tasks: Sequence[str],
    phase: str,
    own_data: bool,
    found: Analysis,
) -> list[Contrast]:
    """Return the contrast of each source that has every score."""
    rows = found.evidence.phases[phase]
    rows = rows[rows["task"].isin(tasks)]
    reference = _reference(claim, method, tasks)
    if reference is None or (isinstance(claim.test.of, str) and not own_data):
        return []
    made = []
    for source, mine in rows.groupby("source"):
        if claim.test.of == "corl" and str(source).startswith("corl"):
            continue
        ours = mine[mine["method"] == method]
        theirs = mine[mine["method"] == rival]
        if len(ours) < len(tasks) or (rival and len(theirs) < len(tasks)):
            continue
        total, other = ours["mean"].sum(), theirs["mean"].sum()
        value = float(total - claim.factor * other - reference)
        low, high = _wanted(claim)
        used = [*ours["stratum"], *theirs["stratum"]]
        made.append(
            Contrast(
                source=str(source),
                value=value,
                variance=float(ours["variance"].sum() + claim.factor**2 * theirs["variance"].sum()),
                seeds=int(min([*ours["n"], *theirs["n"]])),
                ratio=float(total / other) if claim.factor != 1 and other > 0 else None,
                paper_settings=all(stratum in PAPER_SETTINGS for stratum in used),
                own_data=own_data,
                holds=low < value < high,
            )
        )
    return made


def _reference(claim: RunClaim, method: str, tasks: Sequence[str]) -> float | None:
    """Return the published total that is subtracted, 0 without one; None where it is unknown."""
    if not isinstance(claim.test.of, str):
        return 0.0
    known = published.corl_samples() if claim.test.of == "corl" else published.paper_samples()
    if any((task, method) not in known for task in tasks):
        return None
    return sum(known[task, method].mean for task in tasks)


def _wanted(claim: Claim) -> tuple[float, float]:
    """Return the open interval in which the claim wants its quantity, or the difference."""
    test = claim.test
    if test.within is not None:
        middle = test.of if isinstance(test.of, float) else 0.0
        return middle - test.within, middle + test.within
    low = -math.inf if test.above is None else test.above
    return low, math.inf if test.below is None else test.below


def replicated(claim: RunClaim, tasks: Sequence[str], found: Analysis) -> dict[str, Any] | None:
    """Count the cells whose pooled difference is no larger than sampling of both sides explains."""
    cells = [c for c in table1(claim.methods) if c.task in tasks]
    estimates = [estimate(cell, found.evidence, Method(target=True)) for cell in cells]
    known = [e.headline for e in estimates if e.headline and e.headline.k >= LEAST]
    inside = sum(p.low <= 0 <= p.high for p in known)
    open_cells = len(cells) - len(known)
    rows = [e.rows[e.rows["stratum"].isin(PAPER_SETTINGS)] for e in estimates]
    sources = sorted({str(source) for part_rows in rows for source in part_rows["source"]})
    if not sources:
        return None
    bound = claim.test.above if claim.test.above is not None else 0.0
    verdict = INCONCLUSIVE
    if inside > bound:
        verdict = REPRODUCED
    elif inside + open_cells <= bound:
        verdict = NOT_REPRODUCED
    return {
        "id": claim.id,
        "verdict": verdict,
        "wording": f"{inside} of {len(known)} pooled differences have an interval that includes 0, "
        f"the paper’s own error counted; {open_cells} cells have fewer than {LEAST} reproductions",
        "measured": float(inside) if verdict != INCONCLUSIVE else None,
        "ci": None,
        "reason": "runs of other codes, not further seeds of the paper’s; an interval that "
        "includes 0 is no evidence of equality, which the claims on totals test",
        "sources": sources,
        "seeds": int(sum(part_rows["n"].sum() for part_rows in rows)) or None,
    }


def wording(parts: Sequence[Part], shown: Part) -> str:
    """Return what decides, or how far the sources go, in the record's own words."""
    own = [c for c in shown.contrasts if c.own_data and c.paper_settings]
    p = shown.pooled
    if p and p.k >= LEAST:
        bounds = f"[{_signed(p.low)}, {_signed(p.high)}]"
        text = f"pooled over {p.k} codes with the paper’s settings {_signed(p.value)} {bounds}"
        if shown.equal:
            text += f", 90% interval [{_signed(shown.equal[0])}, {_signed(shown.equal[1])}]"
    else:
        text = f"{len(own) or 'no'} code{'s'[: len(own) != 1]} with the paper’s settings and data"
        text += f": {_some(own)}" if own else ""
    settings = [c for c in shown.contrasts if c.own_data and not c.paper_settings]
    if settings:
        text += f"; with other settings: {_some(settings)}"
    others = [c for c in shown.contrasts if not c.own_data]
    if others:
        text += f"; on antmaze-v2, other data: {_some(others)}"
    if len(parts) > 1:
        counts = {v: sum(p.verdict == v for p in parts) for v in (REPRODUCED, NOT_REPRODUCED)}
        text = f"{shown.name}: {text}; of {len(parts)} parts {counts[REPRODUCED]} hold and "
        text += f"{counts[NOT_REPRODUCED]} do not" if counts[NOT_REPRODUCED] else "none is refuted"
    return text


def reason(parts: Sequence[Part], labels: Mapping[str, str]) -> str:
    """Say what would change the verdict, and whether it depends on a baseline's recipe."""
    texts = []
    for p in parts:
        rival = p.methods[1:]
        sides = {holds: [c for c in p.contrasts if c.holds == holds] for holds in (True, False)}
        if rival and sides[True] and sides[False]:
            texts.append(
                f"depends on {labels.get(rival[0], rival[0])}’s recipe: holds with "
                f"{_some(sides[True])}, not with {_some(sides[False])}"
            )
    few = min((p.pooled.k if p.pooled else 0) for p in parts)
    if few < LEAST:
        texts.append(f"undecided until {LEAST} codes with the paper’s settings have every score")
    elif any(p.verdict == INCONCLUSIVE for p in parts):
        texts.append("undecided since codes differ by more than the margin; more seeds do not help")
    else:
        texts.append("a further code outside the interval would reopen it")
    return "; ".join(dict.fromkeys(texts))


def _some(contrasts: Sequence[Contrast]) -> str:
    named = [c.text() for c in contrasts[:SHOWN]]
    more = len(contrasts) - SHOWN
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "\N{MINUS SIGN}")

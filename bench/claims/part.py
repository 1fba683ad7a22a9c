"""One part of a claim: its numbers, its verdict, and how parts make the verdict of the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from bench.claims.needed import Needed, Open, seeds_needed

Verdict = Literal["reproduced", "not reproduced", "inconclusive", "not run"]
NOT_RUN: Verdict = "not run"
WORST: tuple[Verdict, ...] = ("not reproduced", "not run", "inconclusive", "reproduced")


@dataclass(frozen=True)
class Part:
    """A method, a rival, and a task or total of a claim.

    `support` says how strongly the part holds, in units of its standard error: the distance of the
    value from the nearest bound, negative beyond it. `open` is what predicts the seeds needed.
    """

    name: str
    verdict: Verdict = NOT_RUN
    reason: str = ""
    published: float | None = None
    measured: float | None = None
    ci: tuple[float, float] | None = None
    seeds: tuple[int, ...] = ()
    methods: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    support: float = field(default=math.nan, compare=False)
    open: Open | None = None

    def content(self) -> dict[str, Any]:
        """Return the entry of claims.json, where a number that is not finite is null."""
        return {
            "part": self.name,
            "methods": list(self.methods),
            "tasks": list(self.tasks),
            "published": finite(self.published),
            "measured": finite(self.measured),
            "ci": self.ci and [finite(end) for end in self.ci],
            "seeds": list(self.seeds),
            "verdict": self.verdict,
            "reason": self.reason,
        }


def combine(parts: Sequence[Part]) -> dict[str, Any]:
    """Return the verdict of the whole: all parts must hold, and any one refutes.

    Its numbers are those of the part that binds: of those that make the verdict, the one with the
    least support. `needed` is joint over the parts.
    """
    worst = min((part.verdict for part in parts), key=WORST.index)
    alike = [part for part in parts if part.verdict == worst]
    binding = min(alike, key=lambda p: math.inf if math.isnan(p.support) else p.support)
    content = binding.content()
    others = len(alike) - 1
    more = f"; and {others} more part{'s'[: others > 1]}" if binding.reason and others else ""
    return {
        **{name: content[name] for name in ("published", "measured", "ci", "verdict")},
        "reason": binding.reason + more,
        "binding": binding.name if len(parts) > 1 else None,
        "needed": _needed(parts) if worst == "inconclusive" else None,
        "parts": [part.content() for part in parts],
    }


def _needed(parts: Sequence[Part]) -> Needed | None:
    known = [part.open for part in parts if part.open is not None]
    return seeds_needed(known, len(parts)) if len(known) == len(parts) else None


def finite(value: float | None) -> float | None:
    """Return the value, or None if it is not finite, for which JSON has no number."""
    return None if value is None or not math.isfinite(value) else float(value)

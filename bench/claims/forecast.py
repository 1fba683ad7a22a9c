"""The chance of each verdict as text, for the plan of a suite and for its report."""

from __future__ import annotations

from collections.abc import Iterator

from bench.claims.chances import Chance, chances, expected_errors
from bench.claims.ledger import Ledger
from bench.config.catalogue import Catalogue
from bench.config.types import Suite

UNKNOWN = "no published number to predict from"
NEARBY = (
    "Nearby: 5 to 95% over other truths that fit the published numbers, which rest on few seeds. A "
    "claim is judged as a whole. Where no spread is published, that of IQL on the task is assumed."
)


def lines(suite: Suite, ledger: Ledger, catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of the plan on claims; a single one for a suite that decides none."""
    found = chances(suite, ledger, catalogue)
    if not found:
        yield "Claims: none; no claim of config/claims.yaml has this suite as its protocol."
        return
    seeds = len(suite.seeds)
    yield f"Claims: chance of each verdict with {seeds} seeds, if the published numbers are true."
    width = max(map(len, found))
    yield f"{'claim':{width}}  reproduced (nearby)     not reproduced  inconclusive"
    for claim, chance in found.items():
        yield f"{claim:{width}}  {row(chance)}"
    yield NEARBY
    yield errors(len(found))


def row(chance: Chance | None) -> str:
    """Return the three chances, aligned."""
    if chance is None:
        return UNKNOWN
    span = f"({percent(chance.low)} to {percent(chance.high)})"
    shown = f"{percent(chance.reproduced)} {span}"
    return f"{shown:22}  {percent(chance.not_reproduced):14}  {percent(chance.inconclusive)}"


def percent(chance: float) -> str:
    """Return a chance in percent, without decimals; one that never or always occurred says so."""
    return f"{100 * chance:.0f}%"


def errors(claims: int) -> str:
    """Return how many wrong verdicts are expected over so many claims."""
    count = f"{claims} claim{'s'[: claims != 1]}"
    return (
        "Each verdict is wrong with a probability of at most 2.5%: at most "
        f"{expected_errors(claims):.2f} wrong verdicts are expected over {count} about scores. "
        "Claims on replication intervals have this bound for 'not reproduced' alone."
    )

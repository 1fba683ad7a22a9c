"""Other choices than the report's, and the verdict that each would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.literature.cells import AS_REPORTED, HEADLINE, Cell, Estimate, Evidence, Method, estimate
from bench.literature.evidence import DEFAULT, PAPER_SETTINGS, Assumptions
from bench.literature.pooling import Pooled, pool, verdict
from bench.literature.sources import Record


@dataclass(frozen=True)
class Alternative:
    """One other choice: what is assumed of silent sources, and how estimates are made."""

    name: str
    assume: Assumptions = DEFAULT
    how: Method = AS_REPORTED


ALTERNATIVES = (
    Alternative("as reported"),
    Alternative("DerSimonian and Laird’s variance", how=Method(between="dl")),
    Alternative("interval without the floor", how=Method(floor=False)),
    Alternative("90% interval (TOST at 5%)", how=Method(level=0.90)),
    Alternative("the paper’s own standard error counts", how=Method(target=True)),
    Alternative("missing spread: half the cell’s", Assumptions(factor=0.5)),
    Alternative("missing spread: twice the cell’s", Assumptions(factor=2.0)),
    Alternative("unstated seeds: 1", Assumptions(seeds=1, ignore_known=True)),
    Alternative("unstated seeds: 10", Assumptions(seeds=10, ignore_known=True)),
    Alternative("spread and seeds stated only", Assumptions(complete=True)),
    Alternative("one spread per cell for all", Assumptions(own_spread=False)),
    Alternative("unexplained ± is a standard error", Assumptions(unknown_is_error=True)),
    Alternative("without scores typed by hand", Assumptions(typed=False)),
    Alternative("mean of last ten first", Assumptions(preference="mean of ten first")),
    Alternative("kind of score stated only", Assumptions(preference="stated only")),
    Alternative(
        "with two approximate scores", Assumptions(standings=("independent", "approximate"))
    ),
    Alternative("ports alone", how=Method(strata=("port",))),
    Alternative("all settings as one stratum", how=Method(strata=(*PAPER_SETTINGS, "other"))),
)


def compare(record: Record, cells: Sequence[Cell]) -> dict[str, list[Estimate]]:
    """Return the estimates of `cells` under each of ALTERNATIVES, by its name."""
    made: dict[Assumptions, Evidence] = {DEFAULT: Evidence(record)}
    result = {}
    for other in ALTERNATIVES:
        if other.assume not in made:
            made[other.assume] = Evidence(record, other.assume, made[DEFAULT].spreads)
        evidence = made[other.assume]
        result[other.name] = [estimate(cell, evidence, other.how) for cell in cells]
    return result


def left_out(found: Estimate, how: Method = AS_REPORTED) -> Mapping[str, Pooled]:
    """Return the headline estimate without each of its sources in turn, by source."""
    rows = found.rows[found.rows["stratum"].isin(how.strata)]
    if len(rows) < 2:
        return {}
    return {
        source: pool(
            rest["difference"].to_list(), rest["variance"].to_list(), how.between, how.floor
        )
        for source in rows["source"]
        for rest in [rows[rows["source"] != source]]
    }


def decisive(found: Estimate) -> list[str]:
    """Return the sources without which the cell's verdict would be another."""
    pooled = found.pooled.get(HEADLINE)
    others = left_out(found)
    return [source for source, rest in others.items() if verdict(rest) != verdict(pooled)]

"""Claims that no scores decide: about data, ideas, costs, settings and the paper's own tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from bench.claims.evidence import Evidence, counterpart
from bench.claims.ledger import (
    CostClaim,
    DataClaim,
    IdeaClaim,
    Ledger,
    SettingClaim,
    TableClaim,
)
from bench.claims.part import Part, Verdict
from bench.claims.protocol import card_departures
from bench.claims.reported import paper
from bench.claims.words import reference
from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import BENCHMARK, IDEA_RESULTS, shipped
from bench.statistics.intervals import LEVEL, MIN_SEEDS

# What the benchmark measures in the paper's place: networks of 256 units, a block of five seeds.
WIDTH, SEEDS, EXECUTOR = 256, 5, "compiled"
RATES = "seed_updates_per_second_rounds"
Ends = tuple[float, float]


def of_data(claim: DataClaim, ledger: Ledger, evidence: Evidence) -> tuple[list[Part], list[str]]:
    """Return a part per task, from the cards of the suite's datasets, and the departures."""
    found, differs = [], list[str]()
    for task in ledger.tasks_of(claim):
        place = counterpart(task, evidence.suite)
        card = evidence.cards.get(place) if place else None
        part = Part(task, tasks=(place,) if place else ())
        number = (card or {}).get("proof", {}).get(claim.value)
        if card is None or place is None or number is None:
            found.append(Part(task, tasks=part.tasks, reason=f"no card of {task}"))
            continue
        row = evidence.catalogue.tasks[task if place == task else place]
        differs += card_departures(card, row, card.get("hash"))
        differs += [] if place == task or row.origin != "D4RL" else [f"{place} for {task}"]
        found.append(_exactly(task, float(number), claim.test.ends(), tasks=part.tasks))
    return found, list(dict.fromkeys(differs))


def of_idea(claim: IdeaClaim, folder: Path = IDEA_RESULTS) -> list[Part]:
    """Return the part that an experiment decides; its numbers are solved, not sampled."""
    path = shipped(folder / f"{claim.idea}.json")
    if not path.exists():
        return [Part(claim.idea, reason=f"{path} is missing: python -m bench idea {claim.idea}")]
    result = read_json(path).get("result", {})
    number = result.get(claim.value)
    if not isinstance(number, int | float):
        raise BenchError(
            f"{path}: the number '{claim.value}' is missing; measure {claim.idea} again."
        )
    return [_exactly(claim.idea, float(number), claim.test.ends())]


def of_settings(claim: SettingClaim, catalogue: Catalogue) -> list[Part]:
    """Return a part per family: the setting that the method's authors use there."""
    default = catalogue.schemas[claim.method]["properties"][claim.setting].get("default")
    families = catalogue.methods[claim.method].families
    values = {f: families[f].config.get(claim.setting, default) for f in claim.families}
    return [_exactly(f, float(v), claim.test.ends()) for f, v in values.items()]


def of_tables(claim: TableClaim, ledger: Ledger) -> list[Part]:
    """Return a part per set of tasks: the ratio of two methods' totals in the paper's Table 1."""
    found, known = [], paper()
    for name in claim.sets:
        tasks = ledger.expanded([name])
        ours, theirs = (
            sum(known[task, method].mean for task in tasks)
            for method in (claim.method, claim.rival)
        )
        found.append(_exactly(name, ours / theirs, claim.test.ends(), ours / theirs, tasks))
    return found


def of_cost(
    claim: CostClaim, catalogue: Catalogue, path: Path = BENCHMARK
) -> tuple[list[Part], list[str]]:
    """Return the part that the benchmark decides, and how its timings depart from one job alone.

    The ratio of costs is taken in each round, in which a machine is equally busy; its interval is
    Student's t of the logarithms over rounds.
    """
    name = f"{reference(claim.method)} / {reference(claim.rival)}"
    methods = (claim.method, claim.rival)
    part = Part(name, methods=methods, published=_paper_ratio(claim, catalogue))
    path = shipped(path)
    content: dict[str, Any] = read_json(path) if path.exists() else {"updates": None}
    entries = [_timed(content["updates"] or (), method) for method in methods]
    if any(entry is None for entry in entries):
        return [Part(name, published=part.published, reason="not timed by the benchmark")], []
    ours, theirs = (entry for entry in entries if entry is not None)
    differs = []
    if ours["jobs"] != 1 or theirs["jobs"] != 1:
        differs = [f"{max(ours['jobs'], theirs['jobs'])} jobs at once, not one"]
    where = f"{content['machine']['cpu']}, {content['machine']['cores']} cores"
    rates = [np.array(entry[RATES], dtype=float) for entry in (ours, theirs)]
    if rates[0].shape != rates[1].shape:
        return [Part(name, "inconclusive", "timed in different numbers of rounds")], differs
    # Mean over the jobs of a round; the cost of ours over theirs is the ratio of rates reversed.
    logs = np.log(rates[1].mean(axis=0)) - np.log(rates[0].mean(axis=0))
    verdict, middle, interval, reason = _judged(logs, claim.test.factor_ends())
    shown = Part(
        name,
        verdict,
        "; ".join(filter(None, (reason, f"timed on {where}"))),
        part.published,
        middle,
        interval,
        (len(logs),),
        methods,
    )
    return [shown], differs


def _judged(logs: np.ndarray, ends: Ends) -> tuple[Verdict, float | None, Ends | None, str]:
    """Return verdict, ratio, interval and reason from log ratios (rounds,)."""
    if len(logs) < MIN_SEEDS or np.ptp(logs) == 0:
        return "inconclusive", None, None, f"fewer than {MIN_SEEDS} rounds, or no spread"
    half = stats.t.ppf((1 + LEVEL) / 2, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))
    middle, low, high = (float(np.exp(logs.mean() + d)) for d in (0.0, -half, half))
    if ends[0] < low and high < ends[1]:
        return "reproduced", middle, (low, high), ""
    outside = high < ends[0] or low > ends[1]
    return "not reproduced" if outside else "inconclusive", middle, (low, high), ""


def _timed(entries: Sequence[Mapping[str, Any]], method: str) -> Mapping[str, Any] | None:
    """Return the entry of the protocol's size with the fewest jobs at once; None without one."""
    wanted = {"method": method, "width": WIDTH, "seeds": SEEDS, "executor": EXECUTOR}
    found = [e for e in entries if RATES in e and all(e.get(k) == v for k, v in wanted.items())]
    return min(found, key=lambda entry: entry["jobs"], default=None)


def _paper_ratio(claim: CostClaim, catalogue: Catalogue) -> float | None:
    ours, theirs = (catalogue.methods[m].paper_minutes for m in (claim.method, claim.rival))
    return ours / theirs if ours and theirs else None


def _exactly(
    name: str,
    value: float,
    ends: Ends,
    published: float | None = None,
    tasks: Sequence[str] = (),
) -> Part:
    """Return the part of a number without sampling error."""
    margin = min(value - ends[0], ends[1] - value)
    verdict: Verdict = "reproduced" if margin > 0 else "not reproduced"
    return Part(name, verdict, "", published, value, tasks=tuple(tasks), support=margin)

"""A verdict on every claim and its basis: the entries of claims.json.

A claim gets a verdict only if the suite's data, updates and settings are those to which it refers.
Otherwise the same test is reported separately, under `elsewhere`. Texts name a method as `{iql}`;
`labelled` puts its label there.
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.claims.evidence import Evidence, counterpart, other_data, other_settings
from bench.claims.ledger import Claim, Ledger, rule_text
from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.statistics import published
from bench.statistics.inference import (
    MIN_BOOTSTRAP_SEEDS,
    Above,
    Sample,
    Terms,
    bootstrap_interval,
    contrast,
    corrected,
    improvement,
    seeds_needed,
    seeds_needed_by_error,
)
from bench.statistics.intervals import MIN_SEEDS

NOT_RUN = "not run"
MEASURED = ("published", "measured", "ci", "verdict", "needed", "reason")  # also keys of a part
KEYS = (*MEASURED, "id", "statement", "source", "test", "remark", "unit", "parts", "elsewhere")
REFERENCE = re.compile(r"\{([^{}]+)\}")
REPETITIONS = 10_000
WORST = ("not reproduced", NOT_RUN, "inconclusive", "reproduced")
Drawn = Sequence[tuple[float, np.ndarray]]


def verdicts(ledger: Ledger, evidence: Evidence) -> list[dict[str, Any]]:
    """Return the entry of each claim, in the order of config/claims.yaml."""
    return [assess(claim, ledger, evidence) for claim in ledger.claims]


def assess(claim: Claim, ledger: Ledger, evidence: Evidence) -> dict[str, Any]:
    """Return the claim's verdict, the numbers of the part that decides it, and all its parts.

    If the suite departs from the claim's data or protocol, all of these are under `elsewhere`,
    which lists the departures, and the claim itself is "not run".
    """
    wanted = ledger.tasks_of(claim)
    places = {task: counterpart(task, evidence.suite) for task in wanted}
    units = [(task,) for task in wanted] if claim.each_task else [wanted]
    combinations = list(itertools.product(claim.methods, claim.against or (None,), units))
    parts = [
        evaluate(claim, method, rival, tasks, places, evidence, len(combinations))
        for method, rival, tasks in combinations
    ]
    labels = {method: reference(method) for method in evidence.catalogue.methods}
    entry = {"id": claim.id, "statement": claim.statement, "source": claim.source}
    entry |= {"test": rule_text(claim, labels), "remark": claim.remark, "unit": unit_of(claim)}
    result = combine(parts)
    foreign = other_data(places, evidence.catalogue)
    differs = foreign + other_settings(claim, places, ledger.protocol, evidence)
    if not differs or all(part["verdict"] == NOT_RUN for part in parts):
        return {**entry, **result, "elsewhere": None}
    reason = f"here only with {'; '.join(differs)}"
    blank: dict[str, Any] = {
        "measured": None,
        "ci": None,
        "verdict": NOT_RUN,
        "needed": None,
        "parts": [],
    }
    undecided = {"published": result["published"], **blank, "reason": reason}
    if isinstance(claim.test.of, str) and foreign:  # a published score belongs to its own data
        return {**entry, **undecided, "elsewhere": None}
    return {**entry, **undecided, "elsewhere": {"differs": differs, **result}}


def combine(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Combine parts: all must hold, any one refutes; `needed` seeds decide every undecided part."""
    first = min(parts, key=lambda part: WORST.index(part["verdict"]))
    undecided = [part["needed"] for part in parts if part["verdict"] == "inconclusive"]
    known = first["verdict"] == "inconclusive" and None not in undecided
    others = [part for part in parts if part["verdict"] == first["verdict"]][1:]
    names = ("published", "measured", "ci", "verdict")
    more = (
        f"; and {len(others)} more part{'s'[: len(others) > 1]}"
        if first["reason"] and others
        else ""
    )
    return {
        **{name: first[name] for name in names},
        "reason": first["reason"] + more,
        "needed": max(undecided) if known else None,
        "parts": list(parts),
    }


def evaluate(
    claim: Claim,
    method: str,
    rival: str | None,
    tasks: Sequence[str],
    places: Mapping[str, str | None],
    evidence: Evidence,
    comparisons: int,
) -> dict[str, Any]:
    """Test one method, rival, and task or total; `places` maps tasks to those of the suite."""
    label = {method: reference(method) for method in evidence.catalogue.methods}
    name = label[method] + (f" against {label[rival]}" if rival else "")
    part: dict[str, Any] = {
        "part": f"{name}, {tasks[0]}" if claim.each_task else name,
        "methods": [m for m in (method, rival) if m],
        "tasks": [place for task in tasks if (place := places[task])],
        "published": published_value(claim, method, rival, tasks, evidence.catalogue),
        "measured": None,
        "ci": None,
        "seeds": [],
        "verdict": NOT_RUN,
        "needed": None,
        "reason": "",
    }
    if rival and claim.quantity == "cost":
        part["tasks"], costs = evidence.log_costs(method, rival)
        if not len(costs):
            return part | {"reason": f"no task with runs of {label[method]} and {label[rival]}"}
        return part | _decide(claim, [(1.0, costs)], [], comparisons)
    if absent := [task for task in tasks if places[task] is None]:
        return part | {"reason": f"no data of {_some(absent)}"}
    weights = [(1.0, method)] + ([(-claim.factor, rival)] if rival else [])
    drawn: list[tuple[float, np.ndarray]] = []
    lacking = []
    for (weight, who), task in itertools.product(weights, tasks):
        values = evidence.values(claim, str(places[task]), who)
        drawn.append((weight, values))
        lacking += [] if len(values) else [f"{label[who]} on {places[task]}"]
    if lacking:
        offline = claim.quantity in ("score", "improvement")
        return part | {"reason": f"no {'' if offline else 'online '}score of {_some(lacking)}"}
    known = _references(claim)
    fixed = [(-1.0, known[task, method]) for task in tasks] if known else []
    return part | _decide(claim, drawn, fixed, comparisons)


def unit_of(claim: Claim) -> str:
    """Return the independent units of the intervals: jobs or seeds."""
    return "jobs" if claim.quantity == "cost" else "seeds"


def _decide(claim: Claim, drawn: Drawn, fixed: Terms, comparisons: int) -> dict[str, Any]:
    """Return value, interval and verdict, from weighted (seeds,) values by task and method.

    `fixed` are the published scores with which the values are compared.
    """
    counts = [len(values) for _, values in drawn]
    wins = claim.quantity == "improvement"
    least = MIN_BOOTSTRAP_SEEDS if wins else MIN_SEEDS
    if min(counts) < least:
        reason = f"fewer than {least} {unit_of(claim)}"
        return {"seeds": counts, "verdict": "inconclusive", "reason": reason}
    if wins:
        return _decide_wins(claim, drawn, comparisons) | {"seeds": counts}
    test = claim.test.as_test(claim.quantity == "cost")
    own = [(weight, Sample.of(values)) for weight, values in drawn]
    estimate, compared = contrast(own), [*own, *fixed]
    verdict = test.decide(contrast(compared), comparisons)
    shown = math.exp if claim.quantity == "cost" else float
    return {
        "measured": shown(estimate.value),
        "ci": [shown(end) for end in estimate.interval()],
        "seeds": counts,
        "verdict": verdict,
        "needed": seeds_needed(compared, test, comparisons) if verdict == "inconclusive" else None,
    }


def _decide_wins(claim: Claim, drawn: Drawn, comparisons: int) -> dict[str, Any]:
    """Return the probability of improvement, its bootstrap interval and the verdict."""
    half = len(drawn) // 2  # the method's tasks, then the rival's
    ours, theirs = ([values for _, values in part] for part in (drawn[:half], drawn[half:]))
    value, draws = improvement(ours, theirs, REPETITIONS)
    test = claim.test.as_test(cost=False)
    assert isinstance(test, Above)
    low, high = bootstrap_interval(draws)
    verdict = test.place((low, high), bootstrap_interval(draws, corrected(comparisons)))
    needed = None
    if verdict == "inconclusive":
        count = min(len(values) for _, values in drawn)
        needed = seeds_needed_by_error(value, test.bound, draws, count)
    return {"measured": value, "ci": [low, high], "verdict": verdict, "needed": needed}


def _references(claim: Claim) -> dict[tuple[str, str], Sample]:
    if claim.test.of == "paper":
        return published.paper_samples()
    return published.corl_samples() if claim.test.of == "corl" else {}


def published_value(
    claim: Claim, method: str, rival: str | None, tasks: Sequence[str], catalogue: Catalogue
) -> float | None:
    """Return the published value of the same quantity, or None."""
    if claim.quantity == "cost" and rival:
        ours, theirs = (catalogue.methods[m].paper_minutes for m in (method, rival))
        return ours / theirs if ours and theirs else None
    if claim.quantity != "score":
        keys = tasks[:1] if claim.each_task else [name for name in (rival, method) if name]
        return next((claim.published[key] for key in keys if key in claim.published), None)
    known = published.corl_samples() if claim.test.of == "corl" else published.paper_samples()
    weights = [(1.0, method)] + ([(-claim.factor, rival)] if rival else [])
    cells = [(weight, (task, who)) for weight, who in weights for task in tasks]
    if any(cell not in known for _, cell in cells):
        return None
    return sum(weight * known[cell].mean for weight, cell in cells)


def _some(names: Sequence[str]) -> str:
    """Return the first name and the number of further ones."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def read_entries(path: Path) -> list[dict[str, Any]]:
    """Read the entries of claims.json; raise BenchError naming a missing key."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BenchError(f"{path}: not valid JSON ({error}); delete it and run again.") from None
    for entry in entries:
        _check(entry, KEYS, path)
        elsewhere = entry["elsewhere"]
        _check(elsewhere or entry, (*MEASURED, "parts", *(["differs"] if elsewhere else [])), path)
        for part in (elsewhere or entry)["parts"]:
            _check(part, (*MEASURED, "part", "tasks", "methods"), path)
    return list(entries)


def reference(method: str) -> str:
    """Return what stands for a method's label in claims.json, which a new label leaves as it is."""
    return f"{{{method}}}"


def labelled(content: Any, labels: Mapping[str, str]) -> Any:
    """Return entries of claims.json with each reference to a method replaced by its label."""
    if isinstance(content, str):
        return REFERENCE.sub(lambda found: labels.get(found[1], found[0]), content)
    if isinstance(content, Mapping):
        return {key: labelled(value, labels) for key, value in content.items()}
    if isinstance(content, list):
        return [labelled(value, labels) for value in content]
    return content


def _check(content: Mapping[str, Any], keys: Sequence[str], path: Path) -> None:
    for key in keys:
        if key not in content:
            raise BenchError(f"{path}: the key '{key}' is missing; delete it and run again.")


def lines(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return one line per claim, for the command line."""
    result = []
    for entry in entries:
        text = f"{entry['id']}: {entry['verdict']}"
        if entry["elsewhere"]:
            there = entry["elsewhere"]
            text += f" ({'; '.join(there['differs'])}: {there['verdict']})"
        elif entry["reason"]:
            text += f" ({entry['reason']})"
        result.append(text)
    return result

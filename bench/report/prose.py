"""What the report says in words, computed from the same files as its tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Evaluation, Online, Suite
from bench.records.runs import Runs
from bench.report.table import NOT_AVAILABLE, NOT_RECORDED, NOT_RUN, recorded
from bench.statistics import aggregates

SUBJECT, RIVAL = "iql", "bc"  # the key result compares these where both ran


def data_origin(suite: Suite, catalogue: Catalogue) -> str:
    """Whose data the suite uses, as a heading says it."""
    origins = [catalogue.tasks[t].origin for t in suite.tasks]
    local = [origin == "local" for origin in origins]
    if not any(local):
        owners = sorted(set(origins))
        if not set(owners) <= {"D4RL", "Minari"}:
            return "existing datasets"
        return " and ".join(f"{owner}\u2019s" for owner in owners) + " datasets"
    part = "" if all(local) else f"{sum(local)} of {len(local)} datasets "
    return f"{part}regenerated locally, not D4RL\u2019s"


def key_result(summary: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """How the subject's intervals lie against every other method's, one sentence each.

    The sentences have the same form whichever way the numbers fall. The rival comes first.
    """
    label = {m: catalogue.methods[m].label for m in suite.methods}
    if SUBJECT not in label:
        return ["The suite does not run IQL, so there is nothing to compare it with."]
    others = sorted((m for m in suite.methods if m != SUBJECT), key=lambda m: m != RIVAL)
    cells = {(r["task"], r["method"]): r for r in summary.to_dict("records")}
    sentences = []
    for other in others:
        places: dict[str, list[str]] = {"above": [], "below": [], "overlapping": [], "none": []}
        for task in suite.tasks:
            mine, theirs = cells.get((task, SUBJECT)), cells.get((task, other))
            places[place(mine, theirs)].append(task)
        compared = len(suite.tasks) - len(places["none"])
        name = label[other]
        if not compared:
            sentences.append(
                f"{label[SUBJECT]} against {name}: no task has three seeds of both, so there is "
                "no comparison."
            )
            continue
        parts = [
            f"{word} on {len(places[key])}"
            + (named(places[key]) if other == others[0] else "")  # no room for more
            for key, word in (
                ("above", f"lies above {name}\u2019s"),
                ("below", "lies below it"),
                ("overlapping", "overlaps it"),
            )
        ]
        unknown = f" No comparison: {', '.join(places['none'])}." if places["none"] else ""
        tasks = "the one task" if compared == 1 else f"the {compared} tasks"
        sentences.append(
            f"On {tasks} that {label[SUBJECT]} and {name} finished with at least three seeds, "
            f"{label[SUBJECT]}\u2019s 95 % interval {parts[0]}, {parts[1]} and {parts[2]}.{unknown}"
        )
    return sentences or ["The suite runs no other method to compare IQL with."]


def named(tasks: list[str]) -> str:
    """The tasks in brackets, if there are any."""
    return f" ({', '.join(tasks)})" if tasks else ""


def place(mine: Mapping[Any, Any] | None, theirs: Mapping[Any, Any] | None) -> str:
    """How the interval of `mine` lies to that of `theirs`: above, below, overlapping or none."""
    if mine is None or theirs is None or pd.isna([mine["ci_low"], theirs["ci_low"]]).any():
        return "none"
    if mine["ci_low"] > theirs["ci_high"]:
        return "above"
    return "below" if mine["ci_high"] < theirs["ci_low"] else "overlapping"


def left_out(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """Each method that a group of the aggregates cannot take, and why."""
    entries = aggregates.left_out(scores, suite, catalogue.tasks)
    return [f"{catalogue.methods[m].label} in {group}: {why}" for group, m, why in entries]


def commit(runs: Runs) -> str:
    """Commits of the runs, shortened, saying where the tree held uncommitted changes."""
    commits = {r["commit"]: False for r in runs.found.values()}
    for run in runs.found.values():
        commits[run["commit"]] |= run["dirty"]
    texts = [(c or NOT_RECORDED)[:10] + (" + changes" if d else "") for c, d in commits.items()]
    return ", ".join(texts) or NOT_AVAILABLE


def facts(suite: Suite, catalogue: Catalogue, runs: Runs) -> list[list[str]]:
    """Label and text of each line of "what ran"."""
    pairs = [(m, catalogue.tasks[t].family) for m in suite.methods for t in suite.tasks]
    evaluations: dict[Evaluation, list[str]] = {}
    for method, family in pairs:
        seen = evaluations.setdefault(suite.evaluation_of(method, family), [])
        seen += [family] if family not in seen else []
    jobs = len(runs.found) + len(runs.missing)
    versions = [", ".join(f"{n} {v}" for n, v in vs.items()) for vs in runs.values("versions")]
    machines = [_machine(m) for m in runs.values("machine")]
    hours = sum(run["wall_seconds"] for run in runs.found.values()) / 3600
    threads = ", ".join(str(n) for n in runs.values("threads"))
    done = len(runs.found) - len(runs.diverged)
    return [
        ["tasks", f"{len(suite.tasks)}: {', '.join(suite.tasks)}"],
        ["methods", f"{len(suite.methods)}: {', '.join(suite.methods)}"],
        ["seeds", f"{len(suite.seeds)}: {', '.join(map(str, suite.seeds))}"],
        ["training", _training(suite)],
        [
            "evaluation",
            "; ".join(
                f"{e.episodes} episodes per seed, every {e.every:,} updates"
                + (f" ({', '.join(families)})" if len(evaluations) > 1 else "")
                for e, families in evaluations.items()
            )
            + "; the last one counts",
        ],
        *_online(suite, catalogue),
        [
            "jobs",
            f"{done} of {jobs} done, {len(runs.diverged)} diverged, {len(runs.missing)} not run, "
            f"{len(runs.stale)} stale",
        ],
        ["commit", commit(runs)],
        ["versions", "; ".join(versions) or NOT_RUN],
        ["machine", "; ".join(machines) or NOT_RUN],
        [
            "compute",
            f"{hours:.2f} hours over all jobs, on {', '.join(runs.values('device'))}, "
            f"threads per job: {threads}"
            if runs.found
            else NOT_RUN,
        ],
    ]


def _machine(found: Mapping[str, Any]) -> str:
    cpu, cores, platform = (found.get(k, NOT_RECORDED) for k in ("cpu", "cores", "platform"))
    return f"{cpu}, {cores} cores, {recorded(found.get('memory_gb'), 0)} GB, {platform}"


def _online(suite: Suite, catalogue: Catalogue) -> list[list[str]]:
    """The line on the online phase, where the suite has one."""
    phases: dict[Online, list[str]] = {}
    for method in suite.methods:
        for task in suite.tasks:
            online = suite.online_of(method, catalogue.tasks[task].family)
            if online is not None and method not in phases.setdefault(online, []):
                phases[online].append(method)
    texts = [
        f"{o.steps:,} environment steps per seed with an update each, {o.episodes} episodes every "
        f"{o.every:,} steps"
        + ("" if len(methods) == len(suite.methods) else f" ({', '.join(methods)})")
        for o, methods in phases.items()
    ]
    return [["online phase", "; ".join(texts)]] if texts else []


def _training(suite: Suite) -> str:
    """The suite's updates and batch, and the methods whose own are others."""
    own = {m: suite.updates_of(m) for m in suite.methods}
    others = [f"{m} {n:,}" for m, n in own.items() if n != suite.updates]
    text = f"{suite.updates:,} updates of {suite.batch_size:,} transitions per seed"
    return f"{text}, but {', '.join(others)} updates" if others else text

"""The sentences of the report's first page, computed from the same files as its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.task import STAND_IN
from bench.config.types import Evaluation, Online, Suite
from bench.paths import COVERAGE, shipped
from bench.records.runs import Runs
from bench.report.table import NOT_AVAILABLE, NOT_RECORDED, NOT_RUN, number, recorded
from bench.statistics import aggregates
from bench.statistics.coverage_rows import COLUMNS, TASKS
from bench.statistics.frames import read_csv
from bench.statistics.interval_coverage import IQM, TASK
from bench.statistics.simulated_scores import BIMODAL, MOSTLY, NORMAL, SHARED

SUBJECT, RIVAL = "iql", "bc"
TEST = "paired by seed, at 5% after Holm’s correction over the methods of the task."


def data_origin(origins: Sequence[str]) -> str:
    """Return where the suite's data come from, as headings put it; `origins` has one a task."""
    if made_up := origins.count(STAND_IN):
        part = "" if made_up == len(origins) else f"{made_up} of {len(origins)} datasets "
        return f"{part}stand-ins for a rehearsal, not D4RL’s"
    local = [origin == "local" for origin in origins]
    if not any(local):
        owners = sorted(set(origins))
        if not set(owners) <= {"D4RL", "Minari"}:
            return "own data" if owners == ["own file"] else "existing datasets"
        return " and ".join(f"{owner}’s" for owner in owners) + " datasets"
    part = "" if all(local) else f"{sum(local)} of {len(local)} datasets "
    return f"{part}regenerated locally, not D4RL’s"


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, such as `1 task` or `4 tasks`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def took(runs: Runs) -> str:
    """Return the time of all finished jobs together, in seconds, minutes or hours."""
    seconds = sum(run["wall_seconds"] for run in runs.found.values())
    if seconds < 100:
        return f"{number(seconds)} seconds"
    return (
        f"{number(seconds / 60)} minutes" if seconds < 7000 else f"{number(seconds / 3600)} hours"
    )


def tasks_in_words(tasks: Sequence[str], total: int) -> str:
    """Return how many of `total` tasks these are, with the names of at most three."""
    if len(tasks) == total > 1:
        return "both tasks" if total == 2 else f"all {total} tasks"
    if total == 1:
        return tasks[0]
    names = named(tasks) if len(tasks) <= 3 else ""
    return f"{len(tasks)} of {counted(total, 'task')}{names}"


def named(tasks: Sequence[str]) -> str:
    """Return the tasks in parentheses, or "" if there are none."""
    return f" ({', '.join(tasks)})" if tasks else ""


def coverage_rows(path: Path = COVERAGE) -> list[list[str]]:
    """Return what intervals cover by simulation, one row per kind of score; [] if not measured.

    Each row has its name and the shares with 3, 5 and 10 seeds.
    """
    path = shipped(path)
    if not path.exists():
        return []
    frame = read_csv(path, COLUMNS)
    printed = frame[frame["printed"]]
    rows = []
    for name, quantity, scores in SIMULATED:
        of = printed[(printed["quantity"] == quantity) & (printed["scores"] == scores.name)]
        shares = dict(zip(of["seeds"], of["coverage"], strict=True))
        rows.append([name, *(f"{100 * shares[n]:.0f}%" for n in SEED_COUNTS)])
    return rows


SEED_COUNTS = (3, 5, 10)
SIMULATED = (
    ("a mean, scores normal", TASK, NORMAL),
    ("a mean, seeds solve a maze well or badly", TASK, BIMODAL),
    ("a mean, one seed in five fails altogether", TASK, MOSTLY),
    (f"an IQM over {TASKS} tasks, scores normal", IQM, NORMAL),
    (f"an IQM over {TASKS} tasks, correlated within a seed", IQM, SHARED),
)


def left_out(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """Return each method that is omitted from a group of the aggregates, and why."""
    entries = aggregates.left_out(scores, suite, catalogue.tasks)
    return [f"{catalogue.methods[m].label} from {group} ({why})" for group, m, why in entries]


def commit(runs: Runs) -> str:
    """Return the abbreviated commits of the runs, noting uncommitted changes."""
    commits = {r["commit"]: False for r in runs.found.values()}
    for run in runs.found.values():
        commits[run["commit"]] |= run["dirty"]
    texts = [
        c[:10] + (" + changes" if d else "") if c else NOT_RECORDED for c, d in commits.items()
    ]
    return ", ".join(texts) or NOT_AVAILABLE


def facts(suite: Suite, catalogue: Catalogue, runs: Runs) -> list[list[str]]:
    """Return the label and text of each line of "What ran"."""
    label = {m: catalogue.methods[m].label for m in suite.methods}
    jobs = len(runs.found) + len(runs.missing) + len(runs.refused)
    versions = [", ".join(f"{n} {v}" for n, v in vs.items()) for vs in runs.values("versions")]
    machines = [_machine(m) for m in runs.values("machine")]
    threads = ", ".join(str(n) for n in runs.values("threads"))
    done = len(runs.found) - len(runs.diverged)
    return [
        ["tasks", f"{len(suite.tasks)}: {', '.join(suite.tasks)}"],
        ["methods", f"{len(suite.methods)}: {', '.join(label.values())}"],
        ["seeds", f"{len(suite.seeds)}: {', '.join(map(str, suite.seeds))}"],
        ["training", _training(suite, label)],
        ["evaluation", _evaluation(suite, catalogue)],
        *_online(suite, catalogue),
        [
            "jobs",
            f"{done} of {jobs} done, {len(runs.diverged)} diverged, {len(runs.missing)} not run, "
            f"{len(runs.stale)} stale"
            + (f", {len(runs.refused)} not verified" if runs.refused else ""),
        ],
        ["commit", commit(runs)],
        ["finished", finished(runs)],
        ["versions", "; ".join(versions) or NOT_RUN],
        ["machine", "; ".join(machines) or NOT_RUN],
        [
            "compute",
            f"{took(runs)} over all jobs on {', '.join(runs.values('device'))}, "
            f"threads per job: {threads}"
            if runs.found
            else NOT_RUN,
        ],
    ]


def _evaluation(suite: Suite, catalogue: Catalogue) -> str:
    """Return how often policies are evaluated, by method where that differs."""
    families = list(dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks))
    names: dict[Evaluation, list[str]] = {}
    for method in filter(suite.updates_of, suite.methods):
        own = {family: suite.evaluation_of(method, family) for family in families}
        alike = len(set(own.values())) == 1
        for family, schedule in own.items():
            label = catalogue.methods[method].label + ("" if alike else f" on {family}")
            seen = names.setdefault(schedule, [])
            seen += [label] if label not in seen else []
    texts = [
        f"{e.episodes} episodes per seed every {e.every:,} updates"
        + (f" ({', '.join(labels)})" if len(names) > 1 else "")
        for e, labels in names.items()
    ]
    return "; ".join([*texts, "the last evaluation is the score"])


def finished(runs: Runs) -> str:
    """Return the days on which the first and the last run were finished."""
    days = sorted(run["finished"][:10] for run in runs.found.values() if "finished" in run)
    if len(days) < len(runs.found):
        return NOT_RECORDED
    return " to ".join(dict.fromkeys((days[0], days[-1]))) if days else NOT_RUN


def published(publication: Mapping[str, str] | None) -> list[list[str]]:
    """Return the line of "What ran" on a published report; no line for another."""
    if publication is None:
        return []
    text = "version {version}, typeset on {date} by commit {commit}".format(**publication)
    return [["report", text]]


def _machine(found: Mapping[str, Any]) -> str:
    cpu, cores, platform = (found.get(k, NOT_RECORDED) for k in ("cpu", "cores", "platform"))
    return f"{cpu}, {cores} cores, {recorded(found.get('memory_gb'), 0)} GB, {platform}"


def _online(suite: Suite, catalogue: Catalogue) -> list[list[str]]:
    """Return the line on the online phase; no line for a suite without one."""
    phases: dict[Online, list[str]] = {}
    for method in suite.methods:
        for task in suite.tasks:
            online = suite.online_of(method, catalogue.tasks[task].family)
            label = catalogue.methods[method].label
            if online is not None and label not in phases.setdefault(online, []):
                phases[online].append(label)
    texts = [
        f"{o.steps:,} environment steps per seed, one update per step; {o.episodes} evaluation "
        f"episodes every {o.every:,} steps"
        + ("" if len(methods) == len(suite.methods) else f" ({', '.join(methods)})")
        for o, methods in phases.items()
    ]
    return [["online phase", "; ".join(texts)]] if texts else []


def _training(suite: Suite, label: Mapping[str, str]) -> str:
    """Return the suite's updates and batch size, and the methods with other numbers of updates."""
    own = {m: suite.updates_of(m) for m in suite.methods}
    others = [f"{label[m]} {n:,}" if n else f"{label[m]} none" for m, n in own.items()
              if n != suite.updates]  # fmt: skip
    text = f"{suite.updates:,} updates of {suite.batch_size:,} transitions per seed"
    return f"{text} ({', '.join(others)})" if others else text

"""The sentences of the report's first page, computed from the same files as its tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Evaluation, Online, Suite
from bench.paths import COVERAGE, shipped
from bench.records.runs import Runs
from bench.report.table import NOT_AVAILABLE, NOT_RECORDED, NOT_RUN, recorded
from bench.statistics import aggregates
from bench.statistics.comparisons import places
from bench.statistics.coverage_rows import COLUMNS, TASKS
from bench.statistics.frames import read_csv
from bench.statistics.interval_coverage import IQM, MEAN, TASK
from bench.statistics.simulated_scores import BIMODAL, MOSTLY, NORMAL, SHARED, Scores

SUBJECT, RIVAL = "iql", "bc"  # the key result compares these first
TEST = (
    "the difference, paired by seed, is significant at 5% after Holm’s correction over the methods "
    "of the task."
)
DECIDED = f"Outperforming and trailing: {TEST}"


def data_origin(suite: Suite, catalogue: Catalogue) -> str:
    """Return where the suite's data come from, as headings put it."""
    origins = [catalogue.tasks[t].origin for t in suite.tasks]
    local = [origin == "local" for origin in origins]
    if not any(local):
        owners = sorted(set(origins))
        if not set(owners) <= {"D4RL", "Minari"}:
            return "own data" if owners == ["own file"] else "existing datasets"
        return " and ".join(f"{owner}’s" for owner in owners) + " datasets"
    part = "" if all(local) else f"{sum(local)} of {len(local)} datasets "
    return f"{part}regenerated locally, not D4RL’s"


def key_result(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    """Compare the subject's last scores with those of every other method, one sentence each.

    The wording is the same whichever way the numbers fall. The rival comes first.
    """
    label = {m: catalogue.methods[m].label for m in suite.methods}
    if SUBJECT not in label:
        return ["Name one of the methods as `baseline` in the suite, and this compares the others."]
    others = sorted((m for m in suite.methods if m != SUBJECT), key=lambda m: m != RIVAL)
    found = places(aggregates.last_scores(scores, suite, catalogue.tasks), SUBJECT)
    sentences = []
    for other in others:
        tasks: dict[str, list[str]] = {"above": [], "below": [], "undecided": [], "none": []}
        for task in suite.tasks:
            tasks[found.get((task, other), "none")].append(task)
        compared = len(suite.tasks) - len(tasks["none"])
        name = label[other]
        if not compared:
            sentences.append(f"{label[SUBJECT]} against {name}: no task has three seeds of both.")
            continue
        names = {  # only of the first rival: there is no room for more
            key: named(found) if other == others[0] else "" for key, found in tasks.items()
        }
        lacking = ", ".join(tasks["none"])
        unknown = f" Not compared (fewer than three seeds): {lacking}." if lacking else ""
        sentences.append(
            f"{label[SUBJECT]} outperforms {name} on {len(tasks['above'])} of {compared} "
            f"task{'s' if compared > 1 else ''}{names['above']} and trails it on "
            f"{len(tasks['below'])}{names['below']}; "
            f"undecided: {len(tasks['undecided'])}{names['undecided']}.{unknown}"
        )
    return (
        [*sentences, DECIDED]
        if sentences
        else ["The suite runs no other method to compare IQL with."]
    )


def named(tasks: list[str]) -> str:
    """Return the tasks in parentheses, or "" if there are none."""
    return f" ({', '.join(tasks)})" if tasks else ""


def coverage(path: Path = COVERAGE) -> list[str]:
    """Return sentences on the measured coverage of the intervals; none if it was not measured."""
    path = shipped(path)
    if not path.exists():
        return []
    frame = read_csv(path, COLUMNS)
    printed = frame[frame["printed"]]

    def found(quantity: str, scores: Scores) -> str:
        rows = printed[(printed["quantity"] == quantity) & (printed["scores"] == scores.name)]
        return ", ".join(
            f"{100 * share:.0f}% at {seeds}"
            for share, seeds in zip(rows["coverage"], rows["seeds"], strict=True)
        )

    return [
        "We measured how often nominal 95% CIs of simulated scores contain the truth. Those of one "
        f"task do in {found(TASK, NORMAL)} seeds if scores are normal and in "
        f"{found(TASK, BIMODAL)} if some seeds solve a maze well and others badly, but in "
        f"{found(TASK, MOSTLY)} if four of five seeds always succeed and the others never do: few "
        "seeds may all be of one kind.",
        f"The CI of an IQM over {TASKS} tasks contains it in {found(IQM, NORMAL)}, but in "
        f"{found(IQM, SHARED)} if a seed\u2019s scores on different tasks go together; that of a "
        f"mean over tasks then contains it in {found(MEAN, SHARED)}.",
    ]


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
    pairs = [(m, catalogue.tasks[t].family) for m in suite.methods for t in suite.tasks]
    evaluations: dict[Evaluation, list[str]] = {}
    for method, family in pairs:
        seen = evaluations.setdefault(suite.evaluation_of(method, family), [])
        seen += [family] if family not in seen else []
    jobs = len(runs.found) + len(runs.missing) + len(runs.refused)
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
                f"{e.episodes} episodes per seed every {e.every:,} updates"
                + (f" ({', '.join(families)})" if len(evaluations) > 1 else "")
                for e, families in evaluations.items()
            )
            + "; the last evaluation is the score",
        ],
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
            f"{hours:.2f} hours over all jobs on {', '.join(runs.values('device'))}, "
            f"threads per job: {threads}"
            if runs.found
            else NOT_RUN,
        ],
    ]


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
    text = "version {version}, {date}, from commit {commit}".format(**publication)
    return [["published", text]]


def _machine(found: Mapping[str, Any]) -> str:
    cpu, cores, platform = (found.get(k, NOT_RECORDED) for k in ("cpu", "cores", "platform"))
    return f"{cpu}, {cores} cores, {recorded(found.get('memory_gb'), 0)} GB, {platform}"


def _online(suite: Suite, catalogue: Catalogue) -> list[list[str]]:
    """Return the line on the online phase; no line for a suite without one."""
    phases: dict[Online, list[str]] = {}
    for method in suite.methods:
        for task in suite.tasks:
            online = suite.online_of(method, catalogue.tasks[task].family)
            if online is not None and method not in phases.setdefault(online, []):
                phases[online].append(method)
    texts = [
        f"{o.steps:,} environment steps per seed, one update per step; {o.episodes} evaluation "
        f"episodes every {o.every:,} steps"
        + ("" if len(methods) == len(suite.methods) else f" ({', '.join(methods)})")
        for o, methods in phases.items()
    ]
    return [["online phase", "; ".join(texts)]] if texts else []


def _training(suite: Suite) -> str:
    """Return the suite's updates and batch size, and the methods with other numbers of updates."""
    own = {m: suite.updates_of(m) for m in suite.methods}
    others = [f"{m} ({n:,} updates)" for m, n in own.items() if n != suite.updates]
    text = f"{suite.updates:,} updates of {suite.batch_size:,} transitions per seed"
    return f"{text}, except {', '.join(others)}" if others else text

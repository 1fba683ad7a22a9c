"""Trace a cell of a table back to its scores, runs, settings, data and code.

`chain` returns that trace as text; `macros` makes each number available as a LaTeX macro.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.types import Suite, resolved
from bench.errors import unknown
from bench.files import read_json
from bench.paths import EVALUATIONS, SuiteFolder, card_of, run_name
from bench.records.layouts import open_results
from bench.records.provenance import describe
from bench.records.runs import Runs
from bench.records.stored_run import StoredRun
from bench.report.table import NOT_RECORDED, NOT_RUN, NOT_VERIFIED, interval, number, plain_value


def chain(
    task: str,
    method: str,
    suite: Suite,
    catalogue: Catalogue,
    folder: Path,
    runs: Runs,
    scores: pd.DataFrame,
    summary: pd.DataFrame,
) -> list[str]:
    """Return the lines of `python -m bench explain`; `folder` holds the suite's results."""
    for name, known, kind in ((task, suite.tasks, "task"), (method, suite.methods, "method")):
        if name not in known:
            raise unknown(f"suite {suite.suite}", kind, name, known)
    label = catalogue.methods[method].label
    lines = [f"{label} on {task}, suite {suite.suite}", ""]
    found = summary[(summary["task"] == task) & (summary["method"] == method)].to_dict("records")
    cell = NOT_RUN
    if found and found[0]["seeds"]:
        row = found[0]
        cell = f"{number(row['mean'])} {interval(row['ci_low'], row['ci_high'])}"
        cell += f", {row['seeds']} of {len(suite.seeds)} seeds"
    lines += [f"table     row {task}, column {label} of Scores: {cell}"]
    lines += [f"summary   {folder}/summary.csv, the row {task},{method}"]
    last = scores[
        (scores["task"] == task)
        & (scores["method"] == method)
        & (scores["phase"] == "offline")
        & (scores["step"] == suite.updates_of(method))
    ].sort_values("seed")
    lines += [
        f"scores    {SuiteFolder(folder).scores}, phase offline, step {suite.updates_of(method)}:"
    ]
    lines += [
        f"          seed {row['seed']}: {row['score']:.2f} from {row['episodes']} episodes"
        for row in last.to_dict("records")
    ]
    stored = open_results(folder)
    for seeds in suite.blocks():
        name = run_name(method, task, seeds)
        if name in runs.found:
            place, run = stored.runs[name], runs.found[name]
            lines += ["", *_run(place, run, name in runs.stale, suite, catalogue)]
        elif name in runs.refused:
            lines += ["", f"run       {NOT_VERIFIED}: {runs.refused[name]}"]
        else:
            lines += ["", f"run       {stored.place(name)}: {NOT_RUN}"]
    return lines


def _run(
    stored: StoredRun, run: dict[str, Any], stale: bool, suite: Suite, catalogue: Catalogue
) -> list[str]:
    settings = run["settings"]
    names = ("updates", "batch_size", "rewards", "observations")
    shared = {name: settings.get(name, NOT_RECORDED) for name in names}
    texts = [f"{key} {plain_value(value)}" for key, value in (shared | run["config"]).items()]
    changes = " with uncommitted changes" if run["dirty"] else ""
    attempts = run.get("attempts", [])[:-1]  # the last is the one below
    return [
        f"run       {stored.place}: {run['status']}, seeds {plain_value(settings['seeds'])}",
        f"episodes  {stored.rows_at(EVALUATIONS)}",
        f"settings  {stored.record_at}: {'; '.join(texts)}",
        f"data      {settings['task']['dataset']}, {_dataset(run, suite, catalogue)}",
        f"commit    {run['commit']}{changes}",
        f"source    {run['source_hash']}: {describe(run, stale)}",
        *(
            f"resumed   after {a['phase']} step {a['step']}, begun {a['started']}: commit "
            f"{a['commit']}, {a['device']}, {a['machine']['cpu']}"
            for a in attempts
        ),
        f"machine   {run['device']}, {run['machine'].get('cpu', NOT_RECORDED)}; "
        + ", ".join(f"{name} {version}" for name, version in run["versions"].items()),
    ]


def _dataset(run: dict[str, Any], suite: Suite, catalogue: Catalogue) -> str:
    """Return the hash of the data the run used, compared with the card of the present arrays."""
    known = run.get("dataset_hash") or NOT_RECORDED
    task = resolved(catalogue.tasks[run["settings"]["task"]["task"]], suite)
    card = card_of(task.transitions)
    if not card.exists():
        return f"hash {known} (not compared: {card} is missing)"
    same = read_json(card)["hash"] == known
    return f"hash {known} ({card} {'matches' if same else 'DIFFERS: the data have changed since'})"


PROVIDE = (
    r"\providecommand{\bench}[3]{\ifcsname bench/#1/#2/#3\endcsname",
    r"  \csname bench/#1/#2/#3\endcsname",
    r"  \else\errmessage{bench: no number #1, #2, #3}\fi}",
)


def macros(summary: pd.DataFrame, aggregate: pd.DataFrame, suite: str) -> str:
    r"""Return a LaTeX file in which \bench{hopper-medium}{iql}{mean} is a number of this suite.

    Aggregates take the group in place of the task and the metric as third argument, such as `IQM`
    or `IQM low`. An unknown name is a LaTeX error at that place.
    """
    lines = [
        f"% Numbers of the suite {suite}: \\bench{{task or group}}{{method}}{{statistic}}",
        *PROVIDE,
    ]
    for row in summary.to_dict("records"):
        names = ("mean", "std", "ci_low", "ci_high", "seeds", "best", "last10")
        texts = {name: row[name] for name in names}
        lines += [_macro(row["task"], row["method"], name, v) for name, v in texts.items()]
    for row in aggregate.to_dict("records"):
        metric = row["metric"]
        texts = {metric: "value", f"{metric} low": "ci_low", f"{metric} high": "ci_high"}
        lines += [_macro(row["group"], row["method"], n, row[key]) for n, key in texts.items()]
    return "\n".join(line for line in lines if line) + "\n"


def _macro(task: str, method: str, name: str, value: float) -> str:
    if pd.isna(value):
        return ""
    return macro(task, method, name, str(value) if name == "seeds" else number(value))


def macro(task: str, method: str, name: str, text: str) -> str:
    r"""Return the definition of \bench{task}{method}{name}, which PROVIDE looks up."""
    text = text.replace("\N{MINUS SIGN}", "$-$")
    return rf"\expandafter\def\csname bench/{task}/{method}/{name}\endcsname{{{text}}}"

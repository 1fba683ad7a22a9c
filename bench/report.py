"""The report of a suite: what its files say, drawn, tabulated and typeset into one PDF.

`build` writes everything that the template needs into one folder, so that the folder alone
reproduces the PDF with `typst compile`. Equal inputs give an equal PDF.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import typst

from bench import figures, stats, tables
from bench.errors import BenchError
from bench.suite import Catalogue, Suite, block_name

TEMPLATE = Path(__file__).with_name("report.typ")
SUBJECT, RIVAL = "iql", "bc"  # the key result compares these where both ran


@dataclass(frozen=True)
class Runs:
    """The cells of a suite: contents of the run.json files that exist, and the other cells."""

    found: dict[Path, dict[str, Any]]
    missing: list[str]
    stale: list[Path]

    def pairs(self, paths: Sequence[Path]) -> set[tuple[str, str]]:
        """(task, method) of some of the runs."""
        settings = [self.found[path]["settings"] for path in paths]
        return {(s["task"]["task"], s["method"]) for s in settings}

    @property
    def diverged(self) -> list[Path]:
        """Runs that stopped at a non-finite loss."""
        return [path for path, run in self.found.items() if run["status"] == "diverged"]

    def values(self, key: str) -> list[Any]:
        """The different values of a top-level key, in the order of the runs."""
        seen = {json.dumps(run[key], sort_keys=True): run[key] for run in self.found.values()}
        return list(seen.values())


def stale_runs(run_jsons: Sequence[Path], current_source_hash: str) -> list[Path]:
    """The run.json files whose run was made by other source than the current one."""
    return [p for p in run_jsons if stats.read_json(p).get("source_hash") != current_source_hash]


def read_runs(suite: Suite, results_dir: Path, source_hash: str) -> Runs:
    """The runs of the suite's cells under `results_dir`; folders of no cell are ignored."""
    found, missing = {}, []
    for method in suite.methods:
        for task in suite.tasks:
            for seeds in suite.blocks():
                block = block_name(seeds)
                path = results_dir / "runs" / method / task / block / "run.json"
                if path.exists():
                    found[path] = _complete(stats.read_json(path), path, RUN_KEYS)
                else:
                    missing.append(f"{method}/{task}/{block}")
    return Runs(found, missing, stale_runs(list(found), source_hash))


RUN_KEYS = (
    *("status", "settings", "config", "versions", "commit", "dirty", "device", "threads"),
    *("machine", "wall_seconds", "updates_per_second", "peak_memory_mb"),
)
CARD_KEYS = (
    *("task", "dataset", "rows", "episodes", "return", "length", "score_mean", "histogram"),
    *("hash", "audit", "collection"),
)


def _complete(content: dict[str, Any], path: Path, keys: Sequence[str]) -> dict[str, Any]:
    for key in keys:
        if key not in content:
            raise BenchError(f"{path}: the key '{key}' is missing; delete the file and run again.")
    return content


def build(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    out_pdf: Path,
    source_hash: str,
) -> None:
    """Write `out_pdf`, and beside it a folder with its figures, tables, data and template.

    `results_dir` is the suite's own folder with scores.csv, summary.csv, aggregate.csv and
    runs/. Runs and cards that are missing read "not run"; runs whose source hash is not
    `source_hash` are marked stale. Raises BenchError when a file is missing or malformed.
    """
    folder = out_pdf.with_suffix("")
    scores = stats.read_csv(results_dir / "scores.csv", stats.SCORE_COLUMNS)
    summary = stats.read_csv(results_dir / "summary.csv", stats.SUMMARY_COLUMNS)
    aggregate = stats.read_csv(results_dir / "aggregate.csv", stats.AGGREGATE_COLUMNS)
    runs = read_runs(suite, results_dir, source_hash)
    by_task = {c["task"]: c for c in (_complete(stats.read_json(p), p, CARD_KEYS) for p in cards)}

    _draw(suite, catalogue, scores, aggregate, by_task, folder / "figures")
    content = {
        "suite": suite.suite,
        "title": suite.title,
        "description": suite.description,
        "seeds": len(suite.seeds),
        "bootstrap": suite.bootstrap,
        "origin": data_origin(suite, catalogue),
        "sources": list(dict.fromkeys(catalogue.tasks[t].source for t in suite.tasks)),
        "key_result": key_result(summary, suite, catalogue),
        "facts": _facts(suite, runs),
        "commit": _commit(runs),
        "missing": runs.missing,
        "stale": [path.parent.relative_to(results_dir / "runs").as_posix() for path in runs.stale],
        "diverged": [
            path.parent.relative_to(results_dir / "runs").as_posix() for path in runs.diverged
        ],
        "left_out": _left_out(scores, suite, catalogue),
        "proofs": [
            {"task": t, **by_task[t]["proof"]}
            for t in suite.tasks
            if by_task.get(t, {}).get("proof")
        ],
        **_tabulate(suite, catalogue, summary, aggregate, runs, by_task, folder / "tables"),
    }
    stats.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    shutil.copyfile(TEMPLATE, folder / "report.typ")
    _typeset(folder, out_pdf)


def _typeset(folder: Path, out_pdf: Path) -> None:
    partial = out_pdf.with_name(out_pdf.name + ".partial")
    # Bundled fonts and a fixed time, so that the bytes depend on the content alone.
    typst.compile(
        str(folder / "report.typ"),
        output=str(partial),
        root=str(folder),
        format="pdf",
        ignore_system_fonts=True,
        timestamp=0,
    )
    partial.replace(out_pdf)


def _draw(
    suite: Suite,
    catalogue: Catalogue,
    scores: pd.DataFrame,
    aggregate: pd.DataFrame,
    cards: Mapping[str, Mapping[str, Any]],
    folder: Path,
) -> None:
    labels = {m: catalogue.methods[m].label for m in suite.methods}
    tasks = {t: catalogue.tasks[t] for t in suite.tasks}
    data_scores = {t: cards[t]["score_mean"] for t in tasks if t in cards}
    names = list(stats.groups(suite, catalogue.tasks))
    figures.aggregate_intervals(aggregate, labels, names, folder / "aggregate")
    figures.learning_curves(scores, labels, tasks, data_scores, folder / "curves")
    figures.seed_scores(scores, labels, suite.tasks, suite.updates, folder / "seeds")
    figures.return_histograms({t: cards.get(t) for t in tasks}, folder / "returns")


def _tabulate(
    suite: Suite,
    catalogue: Catalogue,
    summary: pd.DataFrame,
    aggregate: pd.DataFrame,
    runs: Runs,
    cards: Mapping[str, Mapping[str, Any]],
    folder: Path,
) -> dict[str, Any]:
    stale, diverged = runs.pairs(runs.stale), runs.pairs(runs.diverged)
    audit, passed = tables.audit_table(cards, suite, folder)
    drawn = {
        "scores": tables.score_table(summary, suite, catalogue, folder, stale, diverged),
        "aggregate": tables.aggregate_table(aggregate, suite, catalogue, folder),
        "data": tables.data_table(cards, suite, catalogue, folder),
        "audit": audit,
        "collection": tables.collection_table(cards, suite, folder),
        "departures": tables.departures_table(suite, catalogue, folder),
        "compute": tables.compute_table(list(runs.found.values()), suite, catalogue, folder),
    }
    settings = []
    for method in suite.methods:
        configs = _configs(method, suite, catalogue, runs)
        entry = catalogue.methods[method]
        settings.append(
            {
                "label": entry.label,
                "reference": entry.reference,
                "sources": [[family, entry.families[family].source] for family in configs],
                "table": asdict(tables.settings_table(method, configs, catalogue, folder)),
            }
        )
    return {
        "tables": {name: asdict(table) for name, table in drawn.items()},
        "settings": settings,
        "audit_passed": passed,
    }


def _configs(
    method: str, suite: Suite, catalogue: Catalogue, runs: Runs
) -> dict[str, dict[str, Any]]:
    """Settings by family: what a run recorded or, where none exists, what one would use."""
    configs: dict[str, dict[str, Any]] = {}
    for run in runs.found.values():
        settings = run["settings"]
        if settings["method"] == method:
            shared = {key: settings[key] for key in ("rewards", "observations", "batch_size")}
            configs.setdefault(settings["task"]["family"], shared | run["config"])
    for task in suite.tasks:
        family = catalogue.tasks[task].family
        planned = catalogue.settings(suite, method, task, suite.seeds)
        shared = planned.model_dump(include={"rewards", "observations", "batch_size"})
        config = tables.defaults(method, catalogue) | planned.config
        configs.setdefault(family, shared | config)
    return {f: configs[f] for f in dict.fromkeys(catalogue.tasks[t].family for t in suite.tasks)}


def data_origin(suite: Suite, catalogue: Catalogue) -> str:
    """Whose data the suite uses, as a heading says it."""
    local = [t for t in suite.tasks if catalogue.tasks[t].recipe != "none"]
    if not local:
        return "existing datasets"
    if len(local) == len(suite.tasks):
        return "data regenerated locally, not D4RL\u2019s"
    return f"data of {', '.join(local)} regenerated locally, not D4RL\u2019s"


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
            places[_place(mine, theirs)].append(task)
        compared = len(suite.tasks) - len(places["none"])
        name = label[other]
        if not compared:
            sentences.append(
                f"{label[SUBJECT]} against {name}: no task has three seeds of both, so there is "
                "no comparison."
            )
            continue
        parts = [
            f"{word} on {len(places[key])}" + (f" ({', '.join(places[key])})" * bool(places[key]))
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


def _place(mine: Mapping[Any, Any] | None, theirs: Mapping[Any, Any] | None) -> str:
    if mine is None or theirs is None or pd.isna([mine["ci_low"], theirs["ci_low"]]).any():
        return "none"
    if mine["ci_low"] > theirs["ci_high"]:
        return "above"
    return "below" if mine["ci_high"] < theirs["ci_low"] else "overlapping"


def _left_out(scores: pd.DataFrame, suite: Suite, catalogue: Catalogue) -> list[str]:
    entries = stats.left_out(scores, suite, catalogue.tasks)
    return [f"{catalogue.methods[m].label} in {group}: {why}" for group, m, why in entries]


def _commit(runs: Runs) -> str:
    """Commits of the runs, shortened, saying where the tree held uncommitted changes."""
    commits = {r["commit"]: False for r in runs.found.values()}
    for run in runs.found.values():
        commits[run["commit"]] |= run["dirty"]
    texts = [(c or "unknown")[:10] + (" + changes" if d else "") for c, d in commits.items()]
    return ", ".join(texts) or "no runs"


def _facts(suite: Suite, runs: Runs) -> list[list[str]]:
    """Label and text of each line of "what ran"."""
    evaluation = suite.evaluation
    jobs = len(runs.found) + len(runs.missing)
    versions = [", ".join(f"{n} {v}" for n, v in vs.items()) for vs in runs.values("versions")]
    machines = [
        f"{m['cpu']}, {m['cores']} cores, {m['memory_gb']:.0f} GB, {m['platform']}"
        for m in runs.values("machine")
    ]
    hours = sum(run["wall_seconds"] for run in runs.found.values()) / 3600
    threads = ", ".join(str(n) for n in runs.values("threads"))
    done = len(runs.found) - len(runs.diverged)
    return [
        ["tasks", f"{len(suite.tasks)}: {', '.join(suite.tasks)}"],
        ["methods", f"{len(suite.methods)}: {', '.join(suite.methods)}"],
        ["seeds", f"{len(suite.seeds)}: {', '.join(map(str, suite.seeds))}"],
        ["training", f"{suite.updates:,} updates of {suite.batch_size:,} transitions per seed"],
        [
            "evaluation",
            f"{evaluation.episodes} episodes per seed, every {evaluation.every:,} updates; "
            "the last one counts",
        ],
        [
            "jobs",
            f"{done} of {jobs} done, {len(runs.diverged)} diverged, {len(runs.missing)} not run, "
            f"{len(runs.stale)} stale",
        ],
        ["commit", _commit(runs)],
        ["versions", "; ".join(versions) or tables.NOT_RUN],
        ["machine", "; ".join(machines) or tables.NOT_RUN],
        [
            "compute",
            f"{hours:.2f} hours over all jobs, on {', '.join(runs.values('device'))}, "
            f"{threads} thread(s) a job"
            if runs.found
            else tables.NOT_RUN,
        ],
    ]

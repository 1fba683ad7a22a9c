"""The report of a suite: what its files say, drawn, tabulated and typeset into one PDF.

`build` writes everything that the template needs into one folder, so that the folder alone
reproduces the PDF with `typst compile`. Equal inputs give an equal PDF.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from bench import (
    ablation,
    claims_report,
    comparison,
    coverage,
    distribution,
    effects,
    explain,
    figures,
    finetune_report,
    matrix,
    maze_report,
    page,
    prose,
    records,
    stats,
    tables,
)
from bench.catalogue import Catalogue
from bench.runs import Runs, read_cards, read_runs
from bench.source_hash import source_hash as current_hash
from bench.suite import Suite
from bench.typeset import typeset

TEMPLATE = Path(__file__).with_name("report.typ")


def build(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    out_pdf: Path,
    source_hash: Callable[[str], str] = current_hash,
) -> None:
    """Write `out_pdf`, and beside it a page and a folder of its figures, tables, data and template.

    `results_dir` is the suite's own folder with scores.csv, summary.csv, aggregate.csv and
    runs/, and where there is one effects.csv (of a suite with a baseline), finetune.csv (with an
    online phase) and claims.json. Runs and cards that are missing read "not run"; runs whose source
    hash is not what `source_hash` gives for their method are marked stale. Raises BenchError when
    a file is missing or malformed.
    """
    folder = out_pdf.with_suffix("")
    scores = stats.read_csv(results_dir / "scores.csv", stats.SCORE_COLUMNS)
    summary = stats.read_csv(results_dir / "summary.csv", stats.SUMMARY_COLUMNS)
    aggregate = stats.read_csv(results_dir / "aggregate.csv", stats.AGGREGATE_COLUMNS)
    runs = read_runs(suite, results_dir, source_hash)
    by_task = read_cards(cards)
    offline = _offline(suite)
    summary = summary[summary["method"].isin(offline.methods)]
    aggregate = aggregate[aggregate["method"].isin(offline.methods)]

    _draw(offline, catalogue, scores, aggregate, by_task, folder / "figures")
    drawn = distribution.page(offline, catalogue, scores, aggregate, runs, folder)
    content = {
        "suite": suite.suite,
        "title": suite.title,
        "description": suite.description,
        "seeds": len(suite.seeds),
        "bootstrap": suite.bootstrap,
        "origin": prose.data_origin(suite, catalogue),
        "sources": list(dict.fromkeys(catalogue.tasks[t].source for t in suite.tasks)),
        "key_result": prose.key_result(summary, suite, catalogue),
        "facts": prose.facts(suite, catalogue, runs),
        "commit": prose.commit(runs),
        "missing": runs.missing,
        "stale": runs.stale,
        "diverged": runs.diverged,
        "left_out": prose.left_out(scores, offline, catalogue),
        **_tabulate(suite, catalogue, summary, aggregate, runs, by_task, folder / "tables"),
    }
    content["drawn"] = drawn
    content["mazes"] = maze_report.build(offline, catalogue, summary, results_dir, cards, folder)
    found = ablation.ablations(suite, catalogue)
    if found:
        ablation.draw(summary, found, catalogue, folder / "figures" / "ablations")
    content["ablations"] = list(dict.fromkeys(catalogue.methods[a.base].label for a in found))
    content |= comparison.page(scores, summary, offline, catalogue, folder / "tables")
    content["status"] = asdict(
        matrix.status_table(suite, catalogue, results_dir, runs, folder / "tables")
    )
    content["runs"] = asdict(explain.trace_table(suite, catalogue, runs, folder / "tables"))
    content["linked"] = explain.linked(suite, catalogue, runs)
    content["coverage"] = coverage.sentences()
    records.write_text(folder / "numbers.tex", explain.macros(summary, aggregate, suite.suite))
    content["claims"] = claims_report.page(
        results_dir / "claims.json", runs.pairs(runs.stale), folder / "tables"
    )
    if suite.baseline is not None:
        content |= _compare(suite, catalogue, results_dir, runs, folder / "tables")
    content |= finetune_report.page(suite, catalogue, results_dir, scores, runs, folder)
    records.write_text(folder / "report.json", json.dumps(content, indent=1, ensure_ascii=False))
    page.build(content, scores, suite, catalogue, folder, out_pdf.with_suffix(".html"))
    typeset(TEMPLATE, folder, out_pdf)


def _offline(suite: Suite) -> Suite:
    """The suite without its methods that learn online only, unless there are no others."""
    methods = [m for m in suite.methods if suite.updates_of(m)]
    return suite.model_copy(update={"methods": methods or suite.methods})


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
    data_scores = {
        t: row.score(cards[t]["return"]["mean"]) for t, row in tasks.items() if t in cards
    }
    names = list(stats.groups(suite, catalogue.tasks))
    figures.aggregate_intervals(aggregate, labels, names, folder / "aggregate")
    figures.learning_curves(scores, labels, tasks, data_scores, folder / "curves")
    figures.seed_scores(scores, labels, tasks, suite.updates_of, folder / "seeds")
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
    offline = _offline(suite)
    drawn = {
        "scores": tables.score_table(
            summary, offline, catalogue, folder, stale, diverged, list(runs.found.values())
        ),
        "aggregate": tables.aggregate_table(aggregate, offline, catalogue, folder),
        "data": tables.data_table(cards, suite, catalogue, folder),
        "audit": tables.audit_table(cards, suite, folder),
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
                "sources": [
                    [family, layer.source] for family in configs if (layer := entry.layer(family))
                ],
                "table": asdict(tables.settings_table(method, configs, catalogue, folder)),
            }
        )
    return {
        "tables": {name: asdict(table) for name, table in drawn.items()},
        "settings": settings,
    }


def _compare(
    suite: Suite, catalogue: Catalogue, results_dir: Path, runs: Runs, folder: Path
) -> dict[str, Any]:
    """What a suite with a baseline says instead of, and beside, the unpaired comparison."""
    assert suite.baseline is not None
    frame = stats.read_csv(results_dir / "effects.csv", effects.EFFECT_COLUMNS)
    table = effects.effects_table(frame, suite, catalogue, folder, runs.pairs(runs.stale))
    return {
        "key_result": effects.key_result(frame, suite, catalogue),
        "baseline": catalogue.methods[suite.baseline].label,
        "effects": asdict(table),
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

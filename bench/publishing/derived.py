"""The files of a suite that follow from its runs: its tables, its claims and what it asked for.

The verbs that write them and the verification that compares them call the same functions.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from bench.claims.ledger import read
from bench.claims.stored import cards_of, evidence_of
from bench.claims.verdicts import verdicts
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import SEAL, broken, read_json, sealed, write_bytes, write_json
from bench.paths import SuiteFolder, run_name
from bench.records.layouts import Results
from bench.records.stored_run import StoredRun
from bench.statistics import aggregates, finetuning, over_tasks
from bench.statistics.frames import read_csv, write_csv
from bench.statistics.paired_effects import paired_effects
from bench.statistics.scores import SCORE_COLUMNS, collect_scores


def cells(suite: Suite) -> list[str]:
    """Return METHOD/TASK/SEEDS of every run that a suite asks for."""
    blocks = suite.blocks()
    return [run_name(m, t, b) for m in suite.methods for t in suite.tasks for b in blocks]


def chosen(suite: Suite, runs: Mapping[str, StoredRun]) -> list[StoredRun]:
    """Return those of the runs that the suite asks for, in its order."""
    return [runs[name] for name in cells(suite) if name in runs]


def write_tables(suite: Suite, runs: Sequence[StoredRun], catalogue: Catalogue, out: Path) -> None:
    """Write the tables of a suite's runs to the folder `out`, and the suite itself.

    These are scores.csv, summary.csv and aggregate.csv, effects.csv if the suite has a baseline,
    finetune.csv if it has an online phase, and suite.json.
    """
    results = SuiteFolder(out)
    scores = write_scores(suite, runs, catalogue, out)
    aggregate = over_tasks.aggregate(scores, suite, catalogue.tasks, suite.bootstrap)
    write_csv(aggregate, results.aggregate)
    if suite.baseline is not None:
        write_csv(paired_effects(scores, suite, catalogue.tasks), results.effects)
    if finetuning.cells(suite, catalogue.tasks):
        episodes = finetuning.read_episodes(runs)
        frame = finetuning.fine_tuning(scores, episodes, suite, catalogue.tasks)
        write_csv(frame, results.finetune)
    write_json(results.suite, sealed(suite.model_dump(mode="json")))


def write_scores(
    suite: Suite, runs: Sequence[StoredRun], catalogue: Catalogue, out: Path
) -> pd.DataFrame:
    """Write scores.csv and summary.csv, the tables that are cheap to derive; return the scores."""
    results = SuiteFolder(out)
    collect_scores(runs, results.scores, catalogue.tasks)
    scores = read_csv(results.scores, SCORE_COLUMNS)
    write_csv(aggregates.summarise(scores, suite, catalogue.tasks), results.summary)
    return scores


def renew(suite: Suite, results: Results, catalogue: Catalogue) -> list[Path]:
    """Derive the tables and claims of the verified runs; write and return those that differ."""
    runs = chosen(suite, results.verified)
    changed = []
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        write_tables(suite, runs, catalogue, out)
        write_claims(suite, results, runs, catalogue, out)
        for made in sorted(out.iterdir()):
            path = results.folder / made.name
            if not path.exists() or path.read_bytes() != made.read_bytes():
                write_bytes(path, made.read_bytes())
                changed.append(path)
    return changed


def write_claims(
    suite: Suite, results: Results, runs: Sequence[StoredRun], catalogue: Catalogue, out: Path
) -> list[dict[str, Any]]:
    """Write claims.json beside the scores.csv in `out`, of the runs behind it; return it.

    `results` are those that the runs belong to, for their dataset cards.
    """
    folder = SuiteFolder(out)
    entries = verdicts_of(suite, results, runs, catalogue, folder)
    write_json(folder.claims, entries)
    return entries


def verdicts_of(
    suite: Suite,
    results: Results,
    runs: Sequence[StoredRun],
    catalogue: Catalogue,
    folder: SuiteFolder,
) -> list[dict[str, Any]]:
    """Return the entries of claims.json for the scores in `folder` and the runs behind them."""
    scores = read_csv(folder.scores, SCORE_COLUMNS)
    cards = cards_of(results, suite, catalogue)
    entries = verdicts(read(catalogue), evidence_of(scores, runs, suite, catalogue, cards))
    return [_rounded(entry) for entry in entries]


def _rounded(value: Any) -> Any:
    """Return a value of JSON with nine digits, so that processors that round apart agree."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value


def suite_of(folder: Path, catalogue: Catalogue) -> Suite:
    """Return the suite whose results are in `folder`; raise BenchError if suite.json is damaged."""
    path = SuiteFolder(folder).suite
    if not path.exists():
        raise BenchError(
            f"{path}: file not found; name a folder of results, such as results/quick."
        )
    content = read_json(path)
    if why := broken(content):
        raise BenchError(f"{path}: {why}; run `python -m bench statistics`.")
    del content[SEAL]
    return catalogue.suite(content, str(path), part=True)

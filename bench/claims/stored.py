"""Reads a suite's stored results as evidence: records of runs, dataset cards, episodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from bench.claims.evidence import Evidence
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import EPISODES, SuiteFolder, card_of, run_name
from bench.records.layouts import Results, StoredRun, open_results
from bench.records.run_record import settings_of
from bench.statistics import finetuning
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

NEEDED = ("status", "settings", "config")


def evidence_in(folder: Path, suite: Suite, catalogue: Catalogue) -> Evidence:
    """Return the evidence in a suite's folder, live or packed; raise BenchError without scores."""
    scores = SuiteFolder(folder).scores
    if not scores.exists():
        raise BenchError(f"{scores}: file not found; run `python -m bench statistics`.")
    results = open_results(folder)
    cells = [
        run_name(method, task, block)
        for method in suite.methods
        for task in suite.tasks
        for block in suite.blocks()
    ]
    runs = [results.runs[name] for name in cells if name in results.runs]
    cards = cards_of(results, suite, catalogue)
    return evidence_of(read_csv(scores, SCORE_COLUMNS), runs, suite, catalogue, cards)


def evidence_of(
    scores: pd.DataFrame,
    runs: Iterable[StoredRun],
    suite: Suite,
    catalogue: Catalogue,
    cards: Mapping[str, Mapping[str, Any]],
) -> Evidence:
    """Return the evidence of runs and their scores; raise BenchError if a record is malformed."""
    records, online = [], []
    for run in runs:
        record = run.record()
        for key in NEEDED:
            if key not in record:
                raise BenchError(f"{run.record_at}: the key '{key}' is missing; {run.remedy}.")
        try:
            settings_of(record)
        except (ValueError, KeyError, TypeError) as error:
            why = " ".join(str(error).split())
            raise BenchError(f"{run.record_at}: settings: {why}; {run.remedy}.") from None
        records.append(record)
        online += [run] if run.has(EPISODES) else []
    episodes = finetuning.read_episodes(online) if online else None
    return Evidence(scores, records, suite, catalogue, cards, episodes)


def cards_of(results: Results, suite: Suite, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """Return the cards of the suite's datasets by task, without those that do not exist."""
    if results.packed:
        return results.cards()
    found = {}
    for task in suite.tasks:
        dataset = catalogue.settings(suite, suite.methods[0], task, suite.seeds).task
        path = card_of(dataset.transitions)
        if path.exists():
            found[task] = read_json(path)
    return found

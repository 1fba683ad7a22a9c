"""Reads a suite's stored results as evidence: scores, records, dataset cards, episodes."""

from __future__ import annotations

from typing import Any

from bench.claims.evidence import Evidence
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import EPISODES, SuiteFolder, card_of, run_name
from bench.records.layouts import Results, open_results
from bench.records.run_record import settings_of
from bench.statistics import finetuning
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

NEEDED = ("status", "settings", "config")


def evidence_of(suite: Suite, folder: SuiteFolder, catalogue: Catalogue) -> Evidence:
    """Return the evidence in a suite's folder, live or packed.

    Raise BenchError if scores.csv or a record cannot be read.
    """
    if not folder.scores.exists():
        raise BenchError(f"{folder.scores}: file not found; run `python -m bench statistics`.")
    results = open_results(folder.path)
    cells = {
        run_name(method, task, block)
        for method in suite.methods
        for task in suite.tasks
        for block in suite.blocks()
    }
    runs = [run for name, run in results.runs.items() if name in cells]
    records = []
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
    online = [run for run in runs if run.has(EPISODES)]
    return Evidence(
        read_csv(folder.scores, SCORE_COLUMNS),
        records,
        suite,
        catalogue,
        _cards(results, suite, catalogue),
        finetuning.read_episodes(online) if online else None,
    )


def _cards(results: Results, suite: Suite, catalogue: Catalogue) -> dict[str, dict[str, Any]]:
    """Return the cards of the suite's tasks by task; a card that does not exist is left out."""
    if results.packed:
        return results.cards()
    found = {}
    for task in suite.tasks:
        dataset = catalogue.settings(suite, suite.methods[0], task, suite.seeds).task
        path = card_of(dataset.transitions)
        if path.exists():
            found[task] = read_json(path)
    return found

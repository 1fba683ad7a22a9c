"""All that the report of a suite is made of, read once and handed to every section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.claims.verdicts import labelled, read_entries
from bench.config.catalogue import Catalogue
from bench.config.task import Task
from bench.config.types import Suite
from bench.maze_plans import Maze, maze_of
from bench.paths import SuiteFolder
from bench.records.runs import Runs, read_cards, read_runs
from bench.report import prose
from bench.statistics import aggregates, finetuning, paired_effects
from bench.statistics.frames import read_csv
from bench.statistics.scores import SCORE_COLUMNS

Pairs = set[tuple[str, str]]


@dataclass(frozen=True)
class ReportInputs:
    """What the files of a suite say. `summary` and `aggregate` are of the methods that learn
    offline; `effects`, `finetune` and `claims` are None where the suite has no such file."""

    suite: Suite
    catalogue: Catalogue
    results_dir: Path
    scores: pd.DataFrame
    summary: pd.DataFrame
    aggregate: pd.DataFrame
    effects: pd.DataFrame | None
    finetune: pd.DataFrame | None
    claims: Sequence[Mapping[str, Any]] | None
    runs: Runs
    cards: Mapping[str, Mapping[str, Any]]  # by task
    card_folders: Mapping[str, Path]  # by task: where the arrays lie, if they are there

    @cached_property
    def offline(self) -> Suite:
        """The suite without its methods that learn online only, unless there are no others."""
        return offline_part(self.suite)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The label of each method of the offline part."""
        return {m: self.catalogue.methods[m].label for m in self.offline.methods}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The rows of the suite's tasks."""
        return {t: self.catalogue.tasks[t] for t in self.suite.tasks}

    @cached_property
    def mazes(self) -> dict[str, Maze]:
        """The mazes of those tasks that have one."""
        found = {name: maze_of(task.env_id) for name, task in self.tasks.items()}
        return {name: maze for name, maze in found.items() if maze}

    @cached_property
    def stale(self) -> Pairs:
        """(task, method) of runs that were made by other source code than the current one."""
        return self.runs.pairs(self.runs.stale)

    @cached_property
    def diverged(self) -> Pairs:
        """(task, method) of runs that stopped at a loss that was not finite."""
        return self.runs.pairs(self.runs.diverged)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The contents of the run.json files."""
        return list(self.runs.found.values())

    @cached_property
    def origin(self) -> str:
        """Whose data the suite uses."""
        return prose.data_origin(self.suite, self.catalogue)

    @property
    def before(self) -> str:
        """What headings add where an online phase follows what they are about."""
        return "" if self.finetune is None else " before the online phase"

    def heading(self, text: str) -> str:
        """The heading of results, which says whose data they are of."""
        return f"{text}{self.before} (data: {self.origin})"


def offline_part(suite: Suite) -> Suite:
    """The suite without its methods that learn online only, unless there are no others."""
    methods = [m for m in suite.methods if suite.updates_of(m)]
    return suite.model_copy(update={"methods": methods or suite.methods})


def read(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    source_hash: Callable[[str], str],
) -> ReportInputs:
    """Read the files of a suite; raises BenchError when one is missing or malformed."""
    methods = offline_part(suite).methods
    results = SuiteFolder(results_dir)
    scores = read_csv(results.scores, SCORE_COLUMNS)
    summary = read_csv(results.summary, aggregates.SUMMARY_COLUMNS)
    aggregate = read_csv(results.aggregate, aggregates.AGGREGATE_COLUMNS)
    paired = fine_tuned = None
    if suite.baseline is not None:
        paired = read_csv(results.effects, paired_effects.EFFECT_COLUMNS)
    if finetuning.cells(suite, catalogue.tasks):
        fine_tuned = read_csv(results.finetune, finetuning.COLUMNS)
    labels = {name: method.label for name, method in catalogue.methods.items()}
    by_path = {path: card for path in cards for card in read_cards([path]).values()}
    return ReportInputs(
        suite=suite,
        catalogue=catalogue,
        results_dir=results_dir,
        scores=scores,
        summary=summary[summary["method"].isin(methods)],
        aggregate=aggregate[aggregate["method"].isin(methods)],
        effects=paired,
        finetune=fine_tuned,
        claims=labelled(read_entries(results.claims), labels) if results.claims.exists() else None,
        runs=read_runs(suite, results_dir, source_hash),
        cards={card["task"]: card for card in by_path.values()},
        card_folders={card["task"]: path.parent for path, card in by_path.items()},
    )

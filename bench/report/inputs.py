"""The inputs of a suite's report, read once and passed to every section."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from bench.claims import ledger, record
from bench.claims.chances import Chance, chances
from bench.claims.entries import read_entries
from bench.claims.ledger import read as read_ledger
from bench.claims.record import RecordVerdict
from bench.claims.words import labelled
from bench.config.catalogue import Catalogue
from bench.config.task import STAND_IN, Task, origin_of
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
    """The contents of a suite's files.

    `summary` and `aggregate` cover the methods that learn offline; `effects`, `finetune` and
    `claims` are None where the suite has no such file.
    """

    suite: Suite
    catalogue: Catalogue
    results_dir: Path
    scores: pd.DataFrame
    summary: pd.DataFrame
    aggregate: pd.DataFrame
    effects: pd.DataFrame | None
    finetune: pd.DataFrame | None
    claims: Sequence[Mapping[str, Any]] | None
    published_record: Mapping[str, RecordVerdict]  # by claim
    runs: Runs
    cards: Mapping[str, Mapping[str, Any]]  # by task
    card_folders: Mapping[str, Path]  # by task: the folder of the arrays, if present

    @cached_property
    def acted(self) -> Suite:
        """The suite without tasks that are not scored; where that leaves none, all are kept."""
        tasks = tuple(name for name, task in self.tasks.items() if task.scored)
        return self.suite.model_copy(update={"tasks": tasks or self.suite.tasks})

    @cached_property
    def offline(self) -> Suite:
        """The part of `acted` without methods that only learn online."""
        return offline_part(self.acted)

    @cached_property
    def scored(self) -> bool:
        """Whether any task of the suite has an environment to score policies on."""
        return any(task.scored for task in self.tasks.values())

    @cached_property
    def labels(self) -> dict[str, str]:
        """Labels of the methods of the offline part, by name."""
        return {m: self.catalogue.methods[m].label for m in self.offline.methods}

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The suite's tasks, by name."""
        return {t: self.catalogue.tasks[t] for t in self.suite.tasks}

    @cached_property
    def mazes(self) -> dict[str, Maze]:
        """The mazes of the tasks that have one, by task."""
        found = {name: maze_of(task.env_id) for name, task in self.tasks.items()}
        return {name: maze for name, maze in found.items() if maze}

    @cached_property
    def stale(self) -> Pairs:
        """(task, method) of the runs that tables mark as stale; none where all are."""
        return set() if self.all_stale else self.runs.pairs(self.runs.stale)

    @cached_property
    def diverged(self) -> Pairs:
        """(task, method) of runs that stopped at a non-finite loss."""
        return self.runs.pairs(self.runs.diverged)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The contents of the run.json files."""
        return list(self.runs.found.values())

    @cached_property
    def chances(self) -> dict[str, Chance | None]:
        """The chance of each verdict on the claims whose protocol the suite is, before its runs."""
        if self.suite.suite not in {entry["protocol"] for entry in self.claims or ()}:
            return {}
        return chances(self.suite, read_ledger(self.catalogue), self.catalogue)

    @cached_property
    def origin(self) -> str:
        """Where the suite's data come from, in words."""
        return prose.data_origin(list(self.origins.values()))

    @cached_property
    def origins(self) -> dict[str, str]:
        """Where the data of each task come from, by task: what their card says, if it does."""
        return {name: origin_of(task, self.cards.get(name)) for name, task in self.tasks.items()}

    def labelled(self, title: str) -> str:
        """Return the title, if there is one, with a mark where data are stand-ins for D4RL's."""
        made_up = title and STAND_IN in self.origins.values()
        return f"{title} (on stand-ins)" if made_up else title

    def heading(self, text: str) -> str:
        """Return a heading on offline results, which an online phase may follow."""
        return text if self.finetune is None else f"{text} before the online phase"

    @cached_property
    def all_stale(self) -> bool:
        """Whether every run was made with source code that differs from the current version."""
        return bool(self.runs.found) and len(self.runs.stale) == len(self.runs.found)


def offline_part(suite: Suite) -> Suite:
    """Return the suite without methods that only learn online, unless there are no others."""
    methods = [m for m in suite.methods if suite.updates_of(m)]
    return suite.model_copy(update={"methods": methods or suite.methods})


def read(
    suite: Suite,
    catalogue: Catalogue,
    results_dir: Path,
    cards: Sequence[Path],
    source_hash: Callable[[str, str], str],
) -> ReportInputs:
    """Read the files of a suite; raise BenchError when one is missing or malformed."""
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
    claims = labelled(read_entries(results.claims), catalogue) if results.claims.exists() else None
    by_path = {path: card for path in cards for card in read_cards([path]).values()}
    if len(methods) < len(suite.methods):  # ranks are among the methods that tables show
        offline = suite.model_copy(update={"methods": methods})
        summary = aggregates.summarise(scores, offline, catalogue.tasks)
    return ReportInputs(
        suite=suite,
        catalogue=catalogue,
        results_dir=results_dir,
        scores=scores,
        summary=summary,
        aggregate=aggregate[aggregate["method"].isin(methods)],
        effects=paired,
        finetune=fine_tuned,
        claims=claims,
        published_record=record.read(ledger.ids()) if claims else {},
        runs=read_runs(suite, results_dir, source_hash),
        cards={card["task"]: card for card in by_path.values()},
        card_folders={card["task"]: path.parent for path, card in by_path.items()},
    )

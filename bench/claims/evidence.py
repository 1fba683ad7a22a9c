"""The numbers of a suite that a claim needs, one per seed, and how the suite departs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.claims.ledger import ONLINE, RunClaim
from bench.claims.protocol import Record, data_departures, setting_departures
from bench.claims.words import reference
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.paths import block_name
from bench.statistics import published
from bench.statistics.finetuning import SUCCESS
from bench.statistics.seed_scores import SeedScores

FINISHED = ("done", "diverged")


@dataclass(frozen=True)
class Measured:
    """A quantity of one method on one task: the sum of `plus` minus that of `minus`, per seed.

    `diverged` are the seeds that ended at a non-finite loss. They count as failures where scores
    are bounded. `missing` are the planned seeds without a finished run.
    """

    plus: tuple[SeedScores, ...]
    minus: tuple[SeedScores, ...]
    bounded: bool
    diverged: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()

    @property
    def seeds(self) -> int:
        """The number of seeds with a value."""
        return len(self.plus[0].scores) if self.plus else 0

    def same_everywhere(self) -> float | None:
        """Return the score that all seeds share, unless it is 0 or 100% of the episodes."""
        for cell in (*self.plus, *self.minus):
            values = cell.values
            equal = len(values) > 1 and np.ptp(values) == 0
            if equal and not (self.bounded and values[0] in (0.0, 100.0)):
                return float(values[0])
        return None


class Evidence:
    """A suite's scores, the records of its runs, its datasets' cards and its training episodes."""

    def __init__(
        self,
        scores: pd.DataFrame,
        runs: Iterable[Record],
        suite: Suite,
        catalogue: Catalogue,
        cards: Mapping[str, Mapping[str, Any]] | None = None,
        episodes: pd.DataFrame | None = None,
    ):
        self.suite, self.catalogue = suite, catalogue
        self.cards, self.episodes = cards or {}, episodes
        self.records: dict[tuple[str, str], list[Record]] = {}
        self._known: dict[tuple[int, str, str, str], tuple[str, ...]] = {}
        for run in runs:
            settings = run["settings"]
            self.records.setdefault((settings["task"]["task"], settings["method"]), []).append(run)
        self._points = {
            cell: {
                (str(phase), int(str(step))): rows.set_index("seed")
                for (phase, step), rows in frame.groupby(["phase", "step"], sort=False)
            }
            for cell, frame in scores.groupby(["task", "method"], sort=False)
        }

    def measured(self, claim: RunClaim, task: str, method: str) -> Measured | None:
        """Return the claim's quantity of a method on a task; None without any run of the two."""
        records = self.records.get((task, method), [])
        if claim.quantity in ONLINE:
            records = [record for record in records if record["settings"].get("online")]
        if not records:
            return None
        cell = _Cell(self, task, method, records)
        plus, minus = cell.quantity(claim)
        return cell.measured(plus, minus)

    def ran(self, claim: RunClaim, tasks: Sequence[str]) -> bool:
        """Return whether there is a run of each method of the claim on each of its tasks."""
        places = [counterpart(task, self.suite) for task in tasks]
        methods = (*claim.methods, *claim.against)
        return all((str(place), m) in self.records for place in places for m in methods)

    def departures(self, claim: RunClaim, places: Mapping[str, str], protocol: Suite) -> list[str]:
        """List how the runs behind a claim depart from its protocol.

        `places` maps the claim's tasks to the suite's. A departure of some of the runs names them.
        """
        found: dict[str, list[Record]] = {}
        runs: list[Record] = []
        for method in (*claim.methods, *claim.against):
            for task, place in places.items():
                for record in self.records.get((place, method), ()):
                    runs.append(record)
                    for text in self._departures(record, method, task, protocol):
                        found.setdefault(text, []).append(record)
        result = [f"{text}{_which(those, runs)}" for text, those in found.items()]
        if set(self.suite.seeds) != set(protocol.seeds):
            ours, theirs = len(self.suite.seeds), len(protocol.seeds)
            result.append("other seeds" if ours == theirs else f"{ours} seeds, not {theirs}")
        return result

    def _departures(
        self, record: Record, method: str, task: str, protocol: Suite
    ) -> tuple[str, ...]:
        """Return how one run departs from the protocol on `task`."""
        key = (id(record), method, task, protocol.suite)
        if key not in self._known:
            place = record["settings"]["task"]["task"]
            texts = data_departures(record, task, self.cards.get(place), self.catalogue)
            texts += setting_departures(record, method, task, protocol, self.catalogue)
            texts += self._other_episodes(record, method, place)
            if record["status"] not in FINISHED:
                texts.append(f"a run whose status is {record['status']}")
            if record.get("dirty"):
                texts.append("uncommitted code")
            self._known[key] = tuple(dict.fromkeys(texts))
        return self._known[key]

    def _other_episodes(self, record: Record, method: str, task: str) -> list[str]:
        """List evaluations that rest on another number of episodes than the record says."""
        settings = record["settings"]
        wanted = {"offline": settings["evaluation"]["episodes"]}
        wanted["online"] = (settings.get("online") or {}).get("episodes")
        seen = {
            int(count)
            for (phase, _), rows in self._points.get((task, method), {}).items()
            for count in rows.loc[rows.index.isin(settings["seeds"]), "episodes"].unique()
            if count != wanted[phase]
        }
        return [f"scores from {count} episodes, not those of the record" for count in sorted(seen)]

    def at(self, task: str, method: str, phase: str, step: int) -> pd.DataFrame | None:
        """Return the rows of scores.csv of one evaluation, by seed; None if there is none."""
        return self._points.get((task, method), {}).get((phase, step))

    def online_points(self, task: str, method: str) -> list[tuple[int, pd.DataFrame]]:
        """Return the online evaluations of a cell, in order of their steps."""
        points = self._points.get((task, method), {})
        return sorted(
            ((step, rows) for (phase, step), rows in points.items() if phase == "online"),
            key=lambda pair: pair[0],
        )


class _Cell:
    """The runs of one method on one task, and the values of their planned seeds."""

    def __init__(self, evidence: Evidence, task: str, method: str, records: Sequence[Record]):
        self.evidence, self.task, self.method = evidence, task, method
        self.row = evidence.catalogue.tasks[task]
        planned = evidence.suite.seeds
        ran = {int(seed): record for record in records for seed in record["settings"]["seeds"]}
        self.ran = {seed: ran[seed] for seed in planned if seed in ran}
        self.planned = planned
        self.diverged = {s for s, r in self.ran.items() if str(s) in _diverged(r)}
        settings = records[0]["settings"]
        self.updates = int(settings["updates"])
        self.online = settings.get("online") or {"steps": 0, "every": 0, "episodes": 0}

    def quantity(self, claim: RunClaim) -> tuple[list[SeedScores], list[SeedScores]]:
        """Return the cells whose sum and difference are the claim's quantity."""
        last = int(self.online["steps"])
        if claim.quantity == "change":
            return [self.score("online", claim.by or last)], [self.score("offline", self.updates)]
        if claim.quantity == "online":
            return [self.score("online", last)], []
        if claim.quantity == "reached":
            assert claim.by is not None
            return [self.score("online", claim.by)], []
        if claim.quantity == "peak":
            assert claim.by is not None
            return [self.peak(claim.by)], []
        if claim.quantity == "steps":
            return [self.steps(last)], []
        if claim.quantity == "regret":
            return [self.regret(last)], []
        return [self.score("offline", self.updates)], []

    def score(self, phase: str, step: int) -> SeedScores:
        """Return the scores of one evaluation; 0 for a diverged seed of a bounded task."""
        rows = self.evidence.at(self.task, self.method, phase, step)
        found = pd.Series(dtype=float) if rows is None else rows["score"].astype(float)
        episodes = None
        if self.row.bounded:
            planned = self.online if phase == "online" else self.ran_evaluation()
            episodes = float(planned["episodes"])
        return SeedScores(self._with_failures(found, 0.0), episodes)

    def ran_evaluation(self) -> Mapping[str, Any]:
        """Return the evaluation that the records name."""
        record = next(iter(self.ran.values()), None)
        return record["settings"]["evaluation"] if record else {"episodes": 1}

    def peak(self, by: int) -> SeedScores:
        """Return each seed's best online evaluation up to step `by`, which must be there."""
        points = self.evidence.online_points(self.task, self.method)
        table = pd.DataFrame({step: rows["score"] for step, rows in points if step <= by})
        best = table.dropna(subset=[by]).max(axis=1) if by in table else pd.Series(dtype=float)
        episodes = float(self.online["episodes"]) if self.row.bounded else None
        return SeedScores(self._with_failures(best, 0.0), episodes)

    def steps(self, last: int) -> SeedScores:
        """Return the steps to the first evaluation at 90%; `last` if there is none."""
        points = dict(self.evidence.online_points(self.task, self.method))
        before = self.evidence.at(self.task, self.method, "offline", self.updates)
        if before is not None:
            points = {0: before} | points
        table = pd.DataFrame({step: rows["score"] for step, rows in points.items()})
        if last not in table:
            return SeedScores(self._with_failures(pd.Series(dtype=float), float(last)))
        table = table.dropna(subset=[last])
        reached = table.ge(SUCCESS)
        first = reached.idxmax(axis=1).where(reached.any(axis=1), last).astype(float)
        return SeedScores(self._with_failures(first, float(last)))

    def regret(self, last: int) -> SeedScores:
        """Return the share of failed training episodes of the online phase, in percent."""
        frame, after = (
            self.evidence.episodes,
            self.evidence.at(self.task, self.method, "online", last),
        )
        if frame is None or after is None or not self.row.bounded:
            return SeedScores(self._with_failures(pd.Series(dtype=float), 100.0))
        mine = frame[(frame["task"] == self.task) & (frame["method"] == self.method)]
        mine = mine[mine["seed"].isin(after.index)]
        failed = pd.to_numeric(mine["return"]) < self.row.ref_max_score
        by_seed = failed.astype(float).groupby(mine["seed"])
        episodes = float(by_seed.size().mean()) if len(mine) else 1.0
        return SeedScores(self._with_failures(100 * by_seed.mean(), 100.0), episodes)

    def _with_failures(self, found: pd.Series, failure: float) -> pd.Series:
        """Return the values of the seeds that ran, with `failure` where one diverged before."""
        values = found[found.index.isin(list(self.ran))].dropna()
        if self.row.bounded:
            for seed in self.diverged - set(values.index):
                values[seed] = failure
        return values.sort_index()

    def measured(self, plus: Sequence[SeedScores], minus: Sequence[SeedScores]) -> Measured:
        """Return the quantity over the seeds that have all of its cells."""
        seeds = set.intersection(*(set(cell.scores.index) for cell in (*plus, *minus)))
        kept = pd.Index(sorted(seeds))
        missing = tuple(s for s in self.planned if s not in seeds and s not in self.diverged)
        return Measured(
            tuple(cell.only(kept) for cell in plus),
            tuple(cell.only(kept) for cell in minus),
            self.row.bounded,
            tuple(sorted(self.diverged)),
            missing,
        )


def _diverged(record: Record) -> set[str]:
    """Return the seeds that a record says diverged; all of them if it names none."""
    named = set(record.get("diverged") or ())
    unnamed = record["status"] == "diverged" and not named
    return set(map(str, record["settings"]["seeds"])) if unnamed else named


def counterpart(task: str, suite: Suite) -> str | None:
    """Return the suite's task of that name, else its version of it: antmaze-umaze for -v0."""
    return task if task in suite.tasks else published.counterpart(task, suite.tasks)


def _which(those: Sequence[Record], runs: Sequence[Record]) -> str:
    """Return which of the runs are meant: nothing for all, else their methods or their names."""
    if len(those) == len(runs):
        return ""
    methods = dict.fromkeys(record["settings"]["method"] for record in those)
    alike = [record for record in runs if record["settings"]["method"] in methods]
    if len(alike) == len(those):
        return f" ({', '.join(map(reference, methods))})"
    settings = those[0]["settings"]
    first = f"{reference(settings['method'])} on {settings['task']['task']}"
    more = f" and {len(those) - 1} more" if len(those) > 1 else ""
    return f" ({first}, seeds {block_name(tuple(settings['seeds']))}{more})"

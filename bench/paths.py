"""Names of folders and files, in one place; all folders are below the project's root.

data/d4rl/            D4RL's files, as downloaded
data/minari/          datasets as episodes
data/transitions/     datasets as arrays, a folder each with its card.json
results/SUITE/        tables of a suite, and runs/METHOD/TASK/SEEDS/
results/published/    results that this project ships
reports/              PDFs and pages
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

D4RL, MINARI, TRANSITIONS = Path("data/d4rl"), Path("data/minari"), Path("data/transitions")
RESULTS, REPORTS = Path("results"), Path("reports")
PUBLISHED = RESULTS / "published"
BENCHMARK = PUBLISHED / "benchmark/benchmark.json"
COVERAGE = PUBLISHED / "coverage/coverage.csv"

CARD = "card.json"
RUNS = "runs"
# Files of a run. `episodes.csv` has the training episodes of an online phase.
RECORD, POLICY, TRACE = "run.json", "policy.safetensors", "trace.safetensors"
EVALUATIONS, METRICS, EPISODES = "evaluations.csv", "metrics.csv", "episodes.csv"
# Files of a run that has not finished; the second has what an online phase added to its buffer.
CHECKPOINT, ONLINE_ROWS = "checkpoint.safetensors", "online.rows"
# Files of a suite.
SCORES, SUMMARY, AGGREGATE = "scores.csv", "summary.csv", "aggregate.csv"
EFFECTS, FINETUNE, CLAIMS = "effects.csv", "finetune.csv", "claims.json"


def block_name(seeds: tuple[int, ...]) -> str:
    """`0-4` for a run of consecutive seeds, else `0_2_5`."""
    if len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    return "_".join(map(str, seeds))


def run_name(method: str, task: str, seeds: tuple[int, ...]) -> str:
    """METHOD/TASK/SEEDS, the name of a run in its suite."""
    return f"{method}/{task}/{block_name(seeds)}"


def card_of(transitions: str) -> Path:
    """The card of a folder in TRANSITIONS."""
    return TRANSITIONS / transitions / CARD


@dataclass(frozen=True)
class RunFolder:
    """The files of one run: a block of seeds of one method on one task."""

    path: Path

    @property
    def record(self) -> Path:
        """Settings, machine and status; written last, so that where it is the rest is whole."""
        return self.path / RECORD

    @property
    def evaluations(self) -> Path:
        """The return of every evaluation episode."""
        return self.path / EVALUATIONS

    @property
    def metrics(self) -> Path:
        """Losses and other metrics by step and seed."""
        return self.path / METRICS

    @property
    def episodes(self) -> Path:
        """The training episodes of an online phase."""
        return self.path / EPISODES

    @property
    def policy(self) -> Path:
        """The parameters of all networks."""
        return self.path / POLICY

    @property
    def trace(self) -> Path:
        """Values and paths in a maze."""
        return self.path / TRACE

    @property
    def checkpoint(self) -> Path:
        """What an interrupted run continues from."""
        return self.path / CHECKPOINT


@dataclass(frozen=True)
class SuiteFolder:
    """The files of one suite's results."""

    path: Path

    @classmethod
    def of(cls, suite: str) -> SuiteFolder:
        """The live results of a suite."""
        return cls(RESULTS / suite)

    def run(self, method: str, task: str, seeds: tuple[int, ...]) -> RunFolder:
        """The folder of a run, whether or not it exists."""
        return RunFolder(self.path / RUNS / run_name(method, task, seeds))

    @property
    def scores(self) -> Path:
        """Normalised scores by seed and evaluation."""
        return self.path / SCORES

    @property
    def summary(self) -> Path:
        """Means and intervals by task and method."""
        return self.path / SUMMARY

    @property
    def aggregate(self) -> Path:
        """Aggregates over tasks, by method."""
        return self.path / AGGREGATE

    @property
    def effects(self) -> Path:
        """Differences from the suite's baseline, paired by seed."""
        return self.path / EFFECTS

    @property
    def finetune(self) -> Path:
        """Scores before and after the online phase."""
        return self.path / FINETUNE

    @property
    def claims(self) -> Path:
        """The verdict on each claim."""
        return self.path / CLAIMS

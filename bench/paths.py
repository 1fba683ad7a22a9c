"""Names of all folders and files; folders are relative to the current one, the project's.

data/d4rl/            D4RL's files, as downloaded
data/minari/          datasets as episodes
data/transitions/     datasets as arrays, one folder each with its card.json
results/SUITE/        tables of a suite, and runs/METHOD/TASK/SEEDS/
results/published/    results shipped with this project
reports/              reports as PDF and HTML

A project outside the checkout has these folders, and files of its own beside them; what comes with
the code, such as config/ and results/published/, it reads from where the code is (`shipped`).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

D4RL, MINARI, TRANSITIONS = Path("data/d4rl"), Path("data/minari"), Path("data/transitions")
RESULTS, REPORTS = Path("results"), Path("reports")
PUBLISHED = RESULTS / "published"
AGAIN = "-again"  # ends the name of a suite on a second collection of its data
BENCHMARK = PUBLISHED / "benchmark/benchmark.json"
SOURCE_SIZES = PUBLISHED / "benchmark-sources/benchmark.json"  # what the former lacks
IDEA_RESULTS = PUBLISHED / "ideas"
COVERAGE = PUBLISHED / "coverage/coverage.csv"
RECORD_VERDICTS = PUBLISHED / "record/verdicts.json"  # of the record of others' scores

CARD = "card.json"
RUNS = "runs"
# Files of a run. `episodes.csv` holds the training episodes of an online phase.
RECORD, POLICY, TRACE = "run.json", "policy.safetensors", "trace.safetensors"
EVALUATIONS, METRICS, EPISODES = "evaluations.csv", "metrics.csv", "episodes.csv"
# Files of an unfinished run; the second holds what an online phase added to its replay buffer.
CHECKPOINT, ONLINE_ROWS = "checkpoint.safetensors", "online.rows"
LIVE = "live.jsonl"  # curves of a running job
# Files of a suite.
SCORES, SUMMARY, AGGREGATE = "scores.csv", "summary.csv", "aggregate.csv"
EFFECTS, FINETUNE, CLAIMS = "effects.csv", "finetune.csv", "claims.json"
STRIPS = "strips.json"  # in the folder of their pictures
SUITE, PUBLICATION = "suite.json", "publication.json"

# Files of a user's project: its default suite, and what it adds to the files of config/.
OWN_SUITE, OWN_TASKS, OWN_SETTINGS = Path("suite.yaml"), Path("tasks.tsv"), Path("methods.yaml")
OWN_METHODS = Path("methods")  # a file for each method
DEFAULT_SUITE, DEPLOYED_SUITE = Path("config/quick.yaml"), Path("config/config.yaml")

PACKAGE = Path(__file__).parent
# An installed package has the files of the checkout in a folder beside its code.
SHIPPED = PACKAGE / "shipped" if (PACKAGE / "shipped").is_dir() else PACKAGE.parent
SNAKEFILE = str(SHIPPED / "workflow/Snakefile")  # for `module` in the Snakefile of a project


def shipped(path: Path) -> Path:
    """Return `path` if the project has it, else what comes with the code under this name."""
    ours = SHIPPED / path
    return ours if ours.exists() and not path.exists() else path


def public(path: Path) -> str:
    """Return a path as it may be published: only the name of one outside the project's folder."""
    return path.name if path.is_absolute() else str(path)


def default_suite() -> Path:
    """Return the suite of the project in the current folder, or ours if that has none.

    A folder that `snakedeploy` has filled has a file where the repository has a link to ours.
    """
    deployed = DEPLOYED_SUITE.is_file() and not DEPLOYED_SUITE.is_symlink()
    return OWN_SUITE if OWN_SUITE.exists() else DEPLOYED_SUITE if deployed else DEFAULT_SUITE


def suite_file(suite: str) -> Path:
    """Return the file of a suite: config/SUITE.yaml, or a project's SUITE.yaml or suite.yaml."""
    ours = Path(f"config/{suite}.yaml")
    own = [path for path in (Path(f"{suite}.yaml"), OWN_SUITE) if path.exists()]
    return ours if shipped(ours).exists() or not own else own[0]


def let_import() -> None:
    """Let Python find the modules of the current folder, as `python -m` does."""
    sys.path[:0] = [] if {"", here := str(Path.cwd())} & {*sys.path} else [here]


LONGEST_NAME = 100  # of a folder: file systems take 255 bytes, and temporary names are longer


def block_name(seeds: tuple[int, ...]) -> str:
    """Return `0-4` for consecutive seeds, else `0_2_5`, shortened by a hash if it is long."""
    if len(seeds) > 1 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}-{seeds[-1]}"
    name = "_".join(map(str, seeds))
    if len(name) <= LONGEST_NAME:
        return name
    return f"{seeds[0]}_and_{len(seeds) - 1}_more_{sha256(name.encode()).hexdigest()[:12]}"


def run_name(method: str, task: str, seeds: tuple[int, ...]) -> str:
    """Return METHOD/TASK/SEEDS, the name of a run within its suite."""
    return f"{method}/{task}/{block_name(seeds)}"


def card_of(transitions: str) -> Path:
    """Return the path of the dataset card of a folder in TRANSITIONS."""
    return TRANSITIONS / transitions / CARD


@dataclass(frozen=True)
class RunFolder:
    """The files of one run: a block of seeds of one method on one task."""

    path: Path

    @property
    def record(self) -> Path:
        """Settings, machine and status; written last, so its presence means a complete run."""
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
        """Learned values and rolled-out paths in a maze."""
        return self.path / TRACE

    @property
    def live(self) -> Path:
        """Curves of a job that is running or was interrupted."""
        return self.path / LIVE

    @property
    def checkpoint(self) -> Path:
        """The state from which an interrupted run resumes."""
        return self.path / CHECKPOINT


@dataclass(frozen=True)
class SuiteFolder:
    """The files of one suite's results."""

    path: Path

    @classmethod
    def of(cls, suite: str) -> SuiteFolder:
        """Return the folder of a suite's own results, as opposed to the published ones."""
        return cls(RESULTS / suite)

    def run(self, method: str, task: str, seeds: tuple[int, ...]) -> RunFolder:
        """Return the folder of a run, whether or not it exists."""
        return RunFolder(self.path / RUNS / run_name(method, task, seeds))

    @property
    def strips(self) -> Path:
        """What strips of frames the report has, and why others are missing."""
        return self.path / "strips" / STRIPS

    def strip(self, task: str, method: str) -> Path:
        """Return the path of the strip of one task and method."""
        return self.path / "strips" / f"{task}-{method}.png"

    @property
    def suite(self) -> Path:
        """The suite as it was asked for, with its seal."""
        return self.path / SUITE

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

"""Made-up results of real suites, for the tests of claims. No number is a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.claims import ledger as ledgers
from bench.claims import verdicts
from bench.claims.evidence import Evidence
from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import source_of
from bench.config.types import Suite

CATALOGUE = Catalogue()
PAPER = CATALOGUE.read_suite(Path("config/paper.yaml"))
FINETUNE = CATALOGUE.read_suite(Path("config/paper-finetune.yaml"))
LOCAL = CATALOGUE.read_suite(Path("config/local.yaml"))
LARGE = ("antmaze-large-play-v0", "antmaze-large-diverse-v0")
HASH = "0" * 64
Cell = tuple[str, str]  # task, method
Online = Mapping[Cell, Mapping[int, np.ndarray]]
Change = Callable[[dict[str, Any]], None]


def values(mean: float, std: float = 1.0, seeds: int = 10) -> np.ndarray:
    """(seeds,) with exactly that mean and sample deviation."""
    raw = np.linspace(-1, 1, seeds)
    return mean + std * raw / raw.std(ddof=1)


def scattered(mean: float, std: float = 5.0, seeds: int = 10, at: int = 0) -> np.ndarray:
    """(seeds,) with exactly that mean and deviation, in an order that `at` decides."""
    return np.random.default_rng(at).permutation(values(mean, std, seeds))


def run(suite: Suite, method: str, task: str, seeds: tuple[int, ...]) -> dict[str, Any]:
    """What claims read of the run.json of a run with the suite's own settings."""
    settings = CATALOGUE.settings(suite, method, task, seeds).model_dump(mode="json")
    properties = CATALOGUE.schemas[method]["properties"]
    defaults = {k: v["default"] for k, v in properties.items() if "default" in v}
    record = {"status": "done", "diverged": {}, "settings": settings, "dataset_hash": HASH}
    return deepcopy(record | {"config": defaults | settings["config"]})


def card(suite: Suite, task: str, crossings: int = 0) -> dict[str, Any]:
    """What claims read of the card of a task's dataset."""
    row = CATALOGUE.settings(suite, suite.methods[0], task, suite.seeds).task
    origin: dict[str, Any] = {"source_sha256": None, "source_verified": False}
    if row.recipe == "d4rl":
        origin = {"source_sha256": source_of(row.dataset).sha256, "source_verified": True}
    proof = {"from_start_to_goal": crossings}
    content = {"dataset": row.dataset, "reading": row.reading, "hash": HASH}
    return content | {"collection": origin, "proof": proof}


def scores(
    suite: Suite, cells: Mapping[Cell, np.ndarray], online: Online | None = None
) -> pd.DataFrame:
    """Last offline scores by (task, method), and online ones by step besides."""
    rows = []
    online = online or {}
    for (task, method), given in cells.items():
        cell = CATALOGUE.settings(suite, method, task, suite.seeds)
        episodes = cell.evaluation.episodes
        rows += [
            (task, method, seed, "offline", cell.updates, value, episodes)
            for seed, value in zip(suite.seeds, given, strict=False)
            if np.isfinite(value)
        ]
        for step, later in online.get((task, method), {}).items():
            assert cell.online is not None
            rows += [
                (task, method, seed, "online", step, value, cell.online.episodes)
                for seed, value in zip(suite.seeds, later, strict=False)
                if np.isfinite(value)
            ]
    columns = ["task", "method", "seed", "phase", "step", "score", "episodes"]
    return pd.DataFrame(rows, columns=columns)


def evidence(
    suite: Suite,
    cells: Mapping[Cell, np.ndarray],
    online: Online | None = None,
    change: Change | None = None,
    cards: Mapping[str, Mapping[str, Any]] | None = None,
    episodes: pd.DataFrame | None = None,
) -> Evidence:
    """What the suite would say with these scores; `change` alters each run's record.

    A score of NaN is missing although its run is there; fewer values than seeds leave blocks out.
    """
    runs = []
    for (task, method), given in cells.items():
        for block in suite.blocks():
            if suite.seeds.index(block[0]) < len(given):
                runs.append(run(suite, method, task, block))
    for record in runs:
        if change:
            change(record)
    if cards is None:
        cards = {task: card(suite, task) for task in suite.tasks}
    frame = scores(suite, cells, online)
    return Evidence(frame, runs, suite, CATALOGUE, cards, episodes)


def ledger(**claim: Any) -> ledgers.Ledger:
    """One claim; by default that IQL beats CQL on the two large mazes in total."""
    default = {
        "id": "made-up",
        "statement": "A claim of the tests.",
        "source": "none",
        "refuted_by": "none",
        "protocol": "paper",
        "methods": ["iql"],
        "against": ["cql"],
        "tasks": list(LARGE),
        "quantity": "score",
        "test": {"above": 0},
    }
    made = ledgers.RunClaim.model_validate(default | claim)
    return ledgers.Ledger({}, [made], {"paper": PAPER, "paper-finetune": FINETUNE})


def assess(suite: Suite = PAPER, **parts: Any) -> dict[str, Any]:
    """The entry of one made-up claim; the arguments of `evidence` are taken from `parts`."""
    names = ("cells", "online", "change", "cards", "episodes")
    given = {key: parts.pop(key) for key in names if key in parts}
    book = ledger(**parts)
    found = evidence(suite, given.pop("cells", {}), **given)
    return verdicts.assess(book.claims[0], book, found)


def mazes(iql: float, cql: float, std: float = 5.0, seeds: int = 10) -> dict[Cell, np.ndarray]:
    """Scores of IQL and CQL on the large mazes, each in its own order of the seeds."""
    means = {"iql": iql, "cql": cql}
    cells = [(task, method) for task in LARGE for method in means]
    return {c: scattered(means[c[1]], std, seeds, at) for at, c in enumerate(cells)}

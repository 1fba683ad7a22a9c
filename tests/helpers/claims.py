"""Made-up scores of real suites, for the tests of claims. No number is a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.claims import verdicts
from bench.claims.evidence import Evidence
from bench.claims.ledger import Claim, Ledger
from bench.config.catalogue import Catalogue
from bench.config.types import Suite

CATALOGUE = Catalogue()
PAPER = CATALOGUE.read_suite(Path("config/paper.yaml"))
LOCAL = CATALOGUE.read_suite(Path("config/local.yaml")).model_copy(
    update={"overrides": (), "updates": 100_000}
)
LARGE = ("antmaze-large-play-v0", "antmaze-large-diverse-v0")
Cell = tuple[str, str]


def values(mean: float, std: float = 1.0, seeds: int = 10) -> np.ndarray:
    """(seeds,) with exactly that mean and sample deviation."""
    raw = np.linspace(-1, 1, seeds)
    return mean + std * raw / raw.std(ddof=1)


def scores(
    suite: Suite,
    cells: Mapping[Cell, np.ndarray],
    online: Mapping[Cell, Mapping[int, np.ndarray]] | None = None,
) -> pd.DataFrame:
    """Last offline scores by (task, method), and online ones by step besides."""
    rows = [
        (task, method, seed, "offline", suite.updates_of(method), value)
        for (task, method), given in cells.items()
        for seed, value in enumerate(given)
    ]
    for (task, method), points in (online or {}).items():
        for step, given in points.items():
            rows += [(task, method, seed, "online", step, v) for seed, v in enumerate(given)]
    return pd.DataFrame(rows, columns=["task", "method", "seed", "phase", "step", "score"])


def evidence(
    suite: Suite,
    cells: Mapping[Cell, np.ndarray],
    online: Mapping[Cell, Mapping[int, np.ndarray]] | None = None,
    runs: Sequence[Mapping[str, Any]] = (),
) -> Evidence:
    """What the suite would say with these scores."""
    return Evidence(scores(suite, cells, online), runs, suite, CATALOGUE)


def run(method: str, task: str, rate: float, seeds: int = 5) -> dict[str, Any]:
    """What a claim reads of a run.json."""
    settings = {"method": method, "task": {"task": task}, "seeds": list(range(seeds))}
    return {"settings": settings, "updates_per_second": rate}


def ledger(**claim: Any) -> Ledger:
    """One claim; by default that IQL beats CQL on the two large mazes in total."""
    default = {
        "id": "made-up",
        "statement": "A claim of the tests.",
        "source": "none",
        "methods": ["iql"],
        "against": ["cql"],
        "tasks": list(LARGE),
        "quantity": "score",
        "test": {"above": 0},
    }
    protocol = {"updates": {"all": 1_000_000, "dt": 100_000}, "online_steps": 1_000_000}
    content = {"protocol": protocol | {"source": "none"}, "groups": {}}
    return Ledger.model_validate(content | {"claims": [Claim.model_validate(default | claim)]})


def assess(suite: Suite = PAPER, **parts: Any) -> dict[str, Any]:
    """The entry of one made-up claim; `cells`, `online` and `runs` are the evidence."""
    given = {key: parts.pop(key) for key in ("cells", "online", "runs") if key in parts}
    book = ledger(**parts)
    return verdicts.assess(book.claims[0], book, evidence(suite, given.pop("cells", {}), **given))


def mazes(iql: float, cql: float, std: float = 5.0, seeds: int = 10) -> dict[Any, np.ndarray]:
    return {(t, m): values(v, std, seeds) for t in LARGE for m, v in (("iql", iql), ("cql", cql))}

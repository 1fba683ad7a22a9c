"""Made-up suites and result files for the tests of the reading side. No number is a result."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bench.config.catalogue import Catalogue
from bench.config.method_types import FamilyLayer, Method
from bench.config.task import Task
from bench.config.types import Evaluation, Override, Suite
from bench.files import read_json, sealed, write_json
from bench.paths import block_name
from bench.publishing import derived
from bench.records import seals
from bench.records.layouts import open_results
from bench.statistics.scores import EPISODE_COLUMNS

LABELS = {
    "iql": "IQL",
    "bc": "BC",
    "bc10": "10%BC",
    "td3_bc": "TD3+BC",
    "cql": "CQL",
    "awac": "AWAC",
    "onestep": "One-step RL",
    "dt": "DT",
}
ROBOTS = ("halfcheetah", "hopper", "walker2d")
TASKS = tuple(f"{r}-{d}" for r in ROBOTS for d in ("medium", "medium-replay", "medium-expert"))
MAZES = tuple(
    f"pointmaze-{m}"
    for m in ("umaze", "umaze-diverse", "medium-play", "medium-diverse", "large-play", "stitch")
)
UPDATES, EVERY = 2000, 500
SOURCE_HASH = "current"


def source_hash(method: str, env_id: str) -> str:
    """All methods of the fixtures come from one source."""
    return SOURCE_HASH


def catalogue() -> Catalogue:
    """Fifteen tasks in two families and eight methods, some of which are not registered."""
    made = object.__new__(Catalogue)  # its __init__ reads the project's own files
    made.places = {}
    made.tasks = {t: _task(t, "locomotion", 1000.0, False) for t in TASKS}
    made.tasks |= {t: _task(t, "pointmaze", 1.0, True) for t in MAZES}
    layers = {
        "locomotion": FamilyLayer(rewards="return_range", source="fixture_config.py"),
        "pointmaze": FamilyLayer(
            rewards="minus_one", config={"discount": 0.9}, source="fixture_config.py"
        ),
    }
    made.methods = {
        name: Method(label=label, reference="A. Fixture, 2000", families=layers)
        for name, label in LABELS.items()
    }
    fields = {"discount": 0.99, "learning_rate": 3e-4, "hidden": [256, 256], "cosine": True}
    schema = {"properties": {key: {"default": value} for key, value in fields.items()}}
    made.schemas = dict.fromkeys(LABELS, schema)
    return made


def _task(name: str, family: str, top: float, bounded: bool) -> Task:
    return Task(
        task=name,
        family=family,
        env_id="Fixture-v0",
        dataset=f"fixture/{name}-{{rows}}-v0",
        recipe="fixture",
        ref_min_score=0.0,
        ref_max_score=top,
        bounded=bounded,
        source="a fixture",
    )


def make_suite(
    tasks: Sequence[str] = TASKS[:2],
    methods: Sequence[str] = ("iql", "bc"),
    seeds: int = 5,
    seeds_per_job: int = 5,
) -> Suite:
    """A small suite; `seeds` is how many."""
    return Suite(
        suite="fixture",
        title="Fixture of a report",
        description="Every number below is made up, to test how the report reads. " * 3,
        tasks=tuple(tasks),
        methods=tuple(methods),
        seeds=tuple(range(seeds)),
        seeds_per_job=seeds_per_job,
        updates=UPDATES,
        evaluation=Evaluation(every=EVERY, episodes=4),
        bootstrap=50,
        overrides=(
            Override(config={"hidden": [64, 64]}, reason="narrow networks make the fixture small"),
            Override(
                methods=(methods[0],), observations="standardised", reason="to show a second reason"
            ),
        ),
    )


def write_run(
    results: Path,
    suite: Suite,
    method: str,
    task: str,
    seeds: Sequence[int],
    returns: dict[tuple[int, int], Sequence[float]],
    status: str = "done",
    source_hash: str = SOURCE_HASH,
) -> Path:
    """A run folder; `returns` maps (step, seed) to the returns of its episodes."""
    cat = catalogue()
    folder = results / "runs" / method / task / block_name(tuple(seeds))
    folder.mkdir(parents=True)
    settings = cat.settings(suite, method, task, tuple(seeds))
    run = {
        "status": status,
        "settings": settings.model_dump(mode="json"),
        "task": cat.tasks[task].model_dump(mode="json"),
        "config": {
            "discount": 0.99,
            "learning_rate": 3e-4,
            "hidden": [256, 256],
            "cosine": True,
            **settings.config,
        },
        "versions": {"python": "3.11.0", "torch": "2.0", "mujoco": "3.0", "gymnasium": "1.2"},
        "commit": "0123456789abcdef",
        "dirty": False,
        "source_hash": source_hash,
        "dataset_hash": "00ff",
        "device": "cpu",
        "threads": 1,
        "machine": {"cpu": "Fixture CPU", "cores": 2, "memory_gb": 24, "platform": "Linux"},
        "wall_seconds": 360.0,
        "updates_per_second": 100.0,
        "peak_memory_mb": 512.0,
        "resumed": 0,
    }
    rows = [
        ("offline", step, seed, episode, value, 10)
        for (step, seed), values in returns.items()
        for episode, value in enumerate(values)
    ]
    columns = EPISODE_COLUMNS
    pd.DataFrame(rows, columns=columns).to_csv(folder / "evaluations.csv", index=False)
    (folder / "episodes.csv").write_text(",".join(EPISODE_COLUMNS) + "\n")
    write_record(folder, run)
    return folder


def write_record(folder: Path, record: Mapping[str, Any]) -> None:
    """Write the run.json of a finished run, sealed over the files that its folder has now."""
    write_json(folder / "run.json", sealed({**record, "files": seals.sums(folder)}))


def edit_record(folder: Path, **changes: Any) -> None:
    """Change a finished run's record as if the run had written it so."""
    write_record(folder, read_json(folder / "run.json") | changes)


def write_results(
    results: Path,
    suite: Suite,
    skip: Collection[tuple[str, str]] = (),
    diverged: Collection[tuple[str, str]] = (),
    stale: Collection[tuple[str, str]] = (),
) -> None:
    """All runs of the suite but the (method, task) in `skip`, and the three CSV files."""
    cat = catalogue()
    rng = np.random.default_rng(0)
    for m, method in enumerate(suite.methods):
        for task in suite.tasks:
            top = cat.tasks[task].ref_max_score
            level = rng.uniform(0.1, 0.9) - 0.04 * m
            for seeds in suite.blocks():
                steps = range(0, UPDATES + 1, EVERY)
                if (method, task) in diverged:
                    steps = range(0, UPDATES, EVERY)
                returns = {}
                for step in steps:
                    for seed in seeds:
                        noise = rng.normal(0, 0.06, suite.evaluation.episodes)
                        values = level * (1 - np.exp(-step / 500)) + noise
                        if cat.tasks[task].bounded:
                            values = (values > rng.uniform(size=len(values))).astype(float)
                        returns[step, seed] = list(values * top)
                if (method, task) in skip:
                    continue
                status = "diverged" if (method, task) in diverged else "done"
                code = "older" if (method, task) in stale else SOURCE_HASH
                write_run(results, suite, method, task, seeds, returns, status, code)
    write_tables(results, suite)


def write_tables(results: Path, suite: Suite) -> None:
    """The files that `python -m bench statistics` derives from the verified runs."""
    found = derived.chosen(suite, open_results(results).verified)
    derived.write_tables(suite, found, catalogue(), results)


def write_card(folder: Path, task: str) -> Path:
    """A dataset card with one audit finding."""
    rng = np.random.default_rng(1)
    counts, edges = np.histogram(rng.normal(500, 200, 300), bins=30)
    card = {
        "task": task,
        "dataset": f"fixture/{task}-100k-v0",
        "env_id": "Fixture-v0",
        "rows": 100_000,
        "episodes": 300,
        "observation_dim": 11,
        "action_dim": 3,
        "return": {"mean": 500.0, "std": 200.0, "min": -10.5, "median": 490.0, "max": 1100.0},
        "length": {"mean": 333.0, "min": 10, "max": 1000},
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "reward_sum": 150_000.0,
        "terminations": 100,
        "truncations": 200,
        "hash": "00ff00ff00ff",
        "audit": [
            {"rule": "finite", "finding": "all values are finite", "verdict": "ok"},
            {"rule": "actions", "finding": "3 actions lie outside", "verdict": "reported"},
        ],
        "collection": {"recipe": "fixture", "seed": 0, "policies": "none, this is a fixture"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task}.json"
    path.write_text(json.dumps(card))
    return path

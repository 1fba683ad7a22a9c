"""A benchmark of one method, and the paper's suite."""

from __future__ import annotations

import json
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.config.types import Settings, Suite
from bench.jobs.speeds import Speeds


def networks(cell: Settings, dims: tuple[int, int] | None) -> int:
    """A megabyte a seed, of data whose sizes are known."""
    return 1_000_000 if dims else 0


def paper(**changes: object) -> tuple[Suite, Catalogue]:
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("config/paper.yaml"))
    return suite.model_copy(update=changes), catalogue


def speeds(folder: Path, **entry: object) -> Speeds:
    """A benchmark of BC at 100 seed-updates a second on two cores, and of Hopper's steps."""
    update = {"method": "bc", "width": 256, "seeds": 5, "executor": "compiled", "jobs": 2}
    update |= {"seed_updates_per_second": 100.0, "peak_memory_megabytes": 300.0}
    around = {"what": "evaluation, Hopper-v4", "environment_steps_per_second": 1000.0}
    machine = {"cpu": "A processor", "cores": 2}
    content = {"machine": machine, "updates": [update | entry], "around": [around]}
    path = folder / "benchmark.json"
    path.write_text(json.dumps(content))
    return Speeds(path)

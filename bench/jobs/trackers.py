"""Curves of a suite's runs for an experiment tracker: Weights & Biases, or trackio.

Neither is a dependency, and no training job knows of them: what the runs record is passed on. Both
have the same `init`, `log` and `finish`.
"""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.types import Settings, Suite
from bench.errors import BenchError
from bench.files import read_json, write_json
from bench.paths import SuiteFolder
from bench.records.curves import Scalar, suite_curves
from bench.records.layouts import Results


def load(name: str) -> ModuleType:
    """Import a tracker; raise BenchError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise BenchError(f"track: {name} is not installed; run `pip install {name}`.") from None


class Tracked:
    """What a tracker has been given: each call of `update` passes on what is new.

    A file beside the results remembers it, since trackio would store a second copy.
    """

    def __init__(self, tracker: ModuleType, suite: Suite, catalogue: Catalogue):
        self.tracker, self.suite, self.catalogue = tracker, suite, catalogue
        self.path = SuiteFolder.of(suite.suite).path / f"tracked-{tracker.__name__}.json"
        # By METHOD/TASK/SEED: the number of scalars passed on, and the last one.
        self.sent: dict[str, Any] = read_json(self.path) if self.path.exists() else {}

    def update(self, stored: Results) -> int:
        """Log the new scalars of every verified or running run; return their number."""
        count = 0
        for method, task, seeds, curves in suite_curves(self.suite, stored):
            cell = self.catalogue.settings(self.suite, method, task, seeds)
            count += sum(self._send(cell, seed, scalars) for seed, scalars in curves.items())
        write_json(self.path, self.sent)
        return count

    def _send(self, cell: Settings, seed: int, scalars: list[Scalar]) -> int:
        task = cell.task.task
        name = f"{cell.method}/{task}/{seed}"
        count, last = self.sent.get(name, (0, None))
        repeated = last not in map(repr, scalars[count - 1 : count])
        new = scalars if repeated else scalars[count:]
        if new:
            about: dict[str, Any] = {"project": cell.suite, "name": name, "group": task}
            about |= {"config": cell.model_dump(mode="json") | {"seed": seed}, "resume": "allow"}
            if self.tracker.__name__ == "wandb":
                about["id"] = f"{cell.suite}-{name}".replace("/", "-").replace("@", "-")
            self.tracker.init(**about)
            for step, values in by_step(new):
                self.tracker.log(values, step=step)
            self.tracker.finish()
            self.sent[name] = len(scalars), repr(scalars[-1])
        return len(new)


def by_step(scalars: Iterable[Scalar]) -> Iterable[tuple[int, dict[str, float]]]:
    """Group scalars by step, those of an online phase after the offline ones."""
    offline, online = defaultdict(dict), defaultdict(dict)  # type: ignore[var-annotated]
    for step, tag, value in scalars:
        (offline if tag.startswith("offline/") else online)[step][tag] = value
    last = max(offline, default=0)
    return [*sorted(offline.items()), *((last + s, v) for s, v in sorted(online.items()))]

"""A plan knows what a project's own finished runs took."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.suite_results import write_record
from helpers.training_jobs import settings

from bench.config.catalogue import Catalogue
from bench.files import read_json, write_json
from bench.jobs import finished_runs
from bench.jobs.cost_plan import cost_of
from bench.jobs.finished_runs import Took, took
from bench.jobs.speeds import Speeds
from bench.records.runs import RUN_KEYS


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    finished_runs._runs.cache_clear()


def ran(number: int, rate: float, record: dict[str, Any] | None = None, **changes: Any) -> None:
    """A finished run of IQL with 4 evaluations of 2 episodes and 2 seeds, 8 s in all."""
    folder = Path(f"results/tiny/runs/iql/pendulum/{number}")
    folder.mkdir(parents=True)
    asked: dict[str, Any] = {"updates": 40, "evaluation": {"every": 10, "episodes": 2}}
    cell = settings(**(asked | {"seeds": (0, 1)} | changes)).model_dump(mode="json")
    facts = dict.fromkeys(RUN_KEYS) | {
        "settings": cell,
        "device": "cpu",
        "resumed": 0,
        "status": "done",
    }
    facts |= {"updates_per_second": rate, "update_seconds": 2.0, "wall_seconds": 10.0}
    write_record(folder, facts | {"peak_memory_mb": 300.0} | (record or {}))


def test_medians_of_the_runs_alike() -> None:
    for number, rate in enumerate((10.0, 20.0, 90.0)):
        ran(number, rate)
    ran(3, 1.0, seeds=(0, 1, 2, 3, 4))
    ran(4, 1.0, config={"hidden": [999, 999]})
    ran(5, 1.0, batch_size=7)
    ran(6, 1.0, {"device": "cuda"})
    ran(7, 1.0, {"resumed": 1})
    ran(8, 1.0, {"status": "diverged"})
    catalogue = Catalogue()
    assert took(settings(seeds=(5, 6)), catalogue) == Took(40.0, 300.0, 0.5)
    assert took(settings(seeds=(0, 1, 2, 3, 4, 5)), catalogue) == Took(5.0, 300.0, 0.2)
    assert took(settings(method="bc"), catalogue) is None
    elsewhere = settings(seeds=(5, 6)).task.model_copy(update={"env_id": "Hopper-v4"})
    other = settings(seeds=(5, 6)).model_copy(update={"task": elsewhere})
    assert took(other, catalogue) == Took(40.0, 300.0, None)


def test_a_damaged_record_tells_nothing() -> None:
    ran(0, 10.0)
    path = Path("results/tiny/runs/iql/pendulum/0/run.json")
    write_json(path, {k: v for k, v in read_json(path).items() if k != "wall_seconds"})
    ran(1, 20.0)
    Path("results/tiny/runs/iql/pendulum/1/run.json").write_text("{")
    assert took(settings(seeds=(0, 1)), Catalogue()) is None


def test_a_plan_uses_them_for_what_no_benchmark_has() -> None:
    ran(0, 100.0)
    path = Path("benchmark.json")
    write_json(path, {"machine": {}, "updates": None, "around": None})
    asked = {"updates": 3_600_000, "evaluation": {"every": 900_000, "episodes": 9}}
    cost = cost_of(settings(seeds=(0, 1), **asked), Catalogue(), Speeds(path))
    assert (cost["hours"], cost["rough"], cost["finished"]) == (10.0, False, True)
    assert cost["evaluation"] == pytest.approx(4 * 9 * 2 * 0.5 / 3600)
    assert cost["megabytes"] == 300.0

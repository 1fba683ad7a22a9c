"""Rates: which measurement stands for a cell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.made_up_speeds import networks, paper, speeds
from helpers.paths import ROOT

from bench.config.samples import sizes
from bench.jobs import cost_plan
from bench.jobs import speeds as speeds_module
from bench.jobs.speeds import Speeds


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(speeds_module, "took", lambda *_: None)  # whatever has run here


def test_a_rate_is_a_methods_own_where_its_sizes_were_measured(tmp_path: Path) -> None:
    """CQL's three layers of 256 are; AWAC's batch is 1,024, BEAR's VAE wider; a failure is none."""
    suite, catalogue = paper(tasks=("hopper-medium-v2",), methods=("bc", "cql", "awac"), seeds=(0,))
    measured = speeds(tmp_path)
    [entry] = measured.updates
    measured.updates += [
        entry | {"method": name, "seed_updates_per_second": 10.0}
        for name in ("cql", "awac", "bear")
    ]
    failed = {k: v for k, v in entry.items() if k != "seed_updates_per_second"}
    measured.updates.insert(0, failed | {"method": "cql", "seeds": 1, "failed": "memory"})
    text = list(cost_plan.lines(suite, catalogue, measured, networks))
    cells = {row.split("  ")[0]: row.split() for row in text if row[:1].isupper()}
    assert cells["CQL"][3] == "56"  # 1,000,000 updates at 5 a second and core
    assert cells["AWAC"][3] == "~111"  # 20 times BC's
    cell = catalogue.settings(suite.model_copy(update={"methods": ("bear",)}), "bear",
                              "hopper-medium-v2", (0,))  # fmt: skip
    rate = measured.rate(cell, catalogue)
    assert rate is not None
    assert rate.rough


def test_a_rate_is_that_of_another_name_of_the_module_with_these_sizes(tmp_path: Path) -> None:
    """CQL on AntMaze has the layers of the benchmark's `cql_antmaze`, and not those of `cql`."""
    suite, catalogue = paper()
    maze = catalogue.settings(suite, "cql", "antmaze-umaze-v0", (0, 1, 2, 3, 4))
    robot = catalogue.settings(suite, "cql", "hopper-medium-v2", (0, 1, 2, 3, 4))
    found = speeds(tmp_path, method="cql_antmaze")
    rate = found.rate(maze, catalogue)
    assert rate is not None
    assert (rate.value, rate.rough) == (50.0, False)
    assert found.rate(robot, catalogue) is None


def test_a_rate_at_the_source_s_sizes_is_the_method_s_own(tmp_path: Path) -> None:
    """AWAC has a batch of 1,024 on the robots and 256 in mazes; only the first was measured."""
    suite, catalogue = paper()
    robot = catalogue.settings(suite, "awac", "hopper-medium-v2", (0, 1, 2, 3, 4))
    maze = catalogue.settings(suite, "awac", "antmaze-umaze-v0", (0, 1, 2, 3, 4))
    layers = sizes(catalogue, "awac", robot.config)
    entry = {"method": "awac", "seeds": 5, "jobs": 2, "sizes": layers, "batch_size": 1024}
    entry |= {"seed_updates_per_second": 30.0, "peak_memory_megabytes": 700.0}
    path = tmp_path / "benchmark.json"
    speeds(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sources": [entry]}))
    found = Speeds(path)
    rate, rough = found.rate(robot, catalogue), found.rate(maze, catalogue)
    assert rate is not None
    assert rough is not None
    assert (rate.value, rate.megabytes, rate.rough) == (15.0, 700.0, False)
    assert rough.rough
    entry["failed"] = entry.pop("seed_updates_per_second")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sources": [entry]}))
    failed = Speeds(path).rate(robot, catalogue)
    assert failed is not None
    assert failed.rough


def test_what_the_benchmark_lacks_is_of_the_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, catalogue = paper(tasks=("hopper-medium-v2",), methods=("awac",), seeds=(0,))
    cell = catalogue.settings(suite, "awac", "hopper-medium-v2", (0,))
    speeds(tmp_path)
    entry = {"method": "awac", "seeds": 5, "jobs": 2, "batch_size": 1024}
    entry |= {"sizes": sizes(catalogue, "awac", cell.config), "seed_updates_per_second": 30.0}
    entry |= {"peak_memory_megabytes": 700.0}
    ant = {"what": "evaluation, AntMazeMedium-v2", "environment_steps_per_second": 500.0}
    second = {"machine": {"cpu": "Another"}, "updates": None, "sources": [entry], "around": [ant]}
    (tmp_path / "second.json").write_text(json.dumps(second))
    monkeypatch.setattr(speeds_module, "BENCHMARK", tmp_path / "benchmark.json")
    monkeypatch.setattr(speeds_module, "SOURCE_SIZES", tmp_path / "second.json")
    found = Speeds()
    rate = found.rate(cell, catalogue)
    assert rate is not None
    assert (rate.value, rate.machine) == (15.0, "Another")
    assert "Of AWAC: Another." in list(cost_plan.lines(suite, catalogue, found, networks))
    assert found.steps("bench.antmaze:AntMazeUmazeFixed-v0") == 500.0
    assert found.steps("HopperD4RL-v2") == 1000.0
    assert found.steps("Ant-v4") is None
    assert found.steps("HalfCheetah-v4") is None


def test_an_unmeasured_method_is_planned_from_cloning_at_its_own_width(tmp_path: Path) -> None:
    suite, catalogue = paper()
    cell = catalogue.settings(suite, "iql", "hopper-medium-v2", (0, 1, 2, 3, 4))
    narrow = cell.model_copy(update={"config": cell.config | {"hidden": [64, 64]}})
    found = speeds(tmp_path)
    [wide] = found.updates
    found.updates.append(wide | {"width": 64, "seed_updates_per_second": 1000.0})
    rates = [found.rate(c, catalogue) for c in (cell, narrow)]
    assert [rate and (rate.value, rate.rough) for rate in rates] == [(12.5, True), (125.0, True)]


def test_other_sizes_of_a_method_are_planned_by_their_work(tmp_path: Path) -> None:
    suite, catalogue = paper()
    cell = catalogue.settings(suite, "awac", "hopper-medium-v2", (0, 1, 2, 3, 4))
    assert cell.batch_size == 4 * 256  # of the benchmark
    found = speeds(tmp_path, method="awac")
    assert found.rate(cell, catalogue) is None  # the work was not counted
    found.content["work"] = {
        "flops_per_seed_update": {"awac": {"64": 3 * 64.0**2, "256": 3 * 256.0**2}}
    }
    rate = found.rate(cell, catalogue)
    assert rate is not None
    assert (rate.value, rate.rough) == (pytest.approx(50 / 4), True)
    wide = {"hidden": [512] * 2, "policy_hidden": [512] * 4}
    wider = cell.model_copy(update={"config": cell.config | wide})
    rate = found.rate(wider, catalogue)
    assert rate is not None
    assert rate.value == pytest.approx(50 / 4 / 4)  # a square of the width

"""What training jobs ask a scheduler for, and how a plan sums it up."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from helpers.paths import ROOT
from helpers.projects import one_sentence
from helpers.training_jobs import settings

from bench.cli import workflow
from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.jobs import cluster_plan, requests
from bench.jobs import speeds as speeds_module
from bench.jobs.speeds import Speeds
from bench.paths import BENCHMARK, SuiteFolder


def cost(**changes: Any) -> dict[str, Any]:
    """Ten hours of updates and two of evaluation in a gigabyte."""
    known = {"hours": 10.0, "evaluation": 2.0, "megabytes": 1000.0, "rough": False}
    return known | changes


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(speeds_module, "took", lambda *_: None)  # whatever has run in the checkout


@pytest.mark.parametrize(
    ("known", "limit", "expected"),
    [
        (cost(), None, (1095, 4000, 12.0, 1)),  # 1.5 x 12 hours and a quarter
        (cost(rough=True), None, (1815, 4000, 12.0, 1)),
        (cost(megabytes=8000.0), None, (1095, 10_000, 12.0, 1)),
        (cost(), 480, (480, 4000, 12.0, 3)),
        (cost(), 2880, (1095, 4000, 12.0, 1)),
        (None, None, (720, 12_000, None, 1)),
        (cost(hours=None, megabytes=None), 60, (60, 12_000, None, 12)),
    ],
)
def test_by_hand(known: Any, limit: int | None, expected: tuple[Any, ...]) -> None:
    found = requests.request(settings(), known, limit)
    assert (found.minutes, found.megabytes, found.hours, found.attempts) == expected


def test_arrays_that_are_here_are_added_and_their_copy_in_a_replay_buffer() -> None:
    folder = Path("data/transitions/local/pendulum/random-v0")
    folder.mkdir(parents=True)
    np.save(folder / "observations.npy", np.zeros((1_000_000, 4), np.float32))
    online = {"steps": 100_000, "every": 1000, "episodes": 2}
    cell = settings(online=online)
    assert requests.request(settings(), cost(), None).megabytes == 4000 + 17
    assert requests.request(cell, cost(), None).megabytes == 4000 + 33
    # What was measured has been given the rows that two seeds add; the unknown has not.
    assert requests.buffer_bytes(cell, 0) == 60e6
    assert requests.request(cell, None, None).megabytes == 12_000 + 33 + 60


def test_an_attempt_that_continues_asks_for_no_more() -> None:
    cell = settings()
    asked = requests.request(cell, cost(), None)
    assert [requests.megabytes_of(asked, cell, n) for n in (1, 2, 3)] == [4000, 8000, 12_000]
    run = SuiteFolder.of("tiny").run("iql", "pendulum", (0, 3))
    run.path.mkdir(parents=True)
    run.checkpoint.touch()
    assert [requests.megabytes_of(asked, cell, n) for n in (1, 6)] == [4000, 4000]


def test_the_limit_is_a_number_of_minutes() -> None:
    assert requests.limit_of({}) is None
    assert requests.limit_of({"BENCH_MAX_RUNTIME": "1440"}) == 1440
    for text in ("24h", "0", "-5"):
        with pytest.raises(BenchError) as caught:
            requests.limit_of({"BENCH_MAX_RUNTIME": text})
        assert f"'{text}' is not a number of minutes" in one_sentence(caught.value)


def test_wall_time_by_hand() -> None:
    assert requests.wall_hours([5, 4, 3, 3, 3], slots=2) == 10
    assert requests.wall_hours([5, 4], slots=8) == 5


def measured(folder: Path) -> Path:
    """Write a benchmark like that of two cores: IQL at 330 updates a second, CQL at 11."""
    path = folder / BENCHMARK
    path.parent.mkdir(parents=True)
    entry = {"width": 256, "seeds": 5, "executor": "compiled", "jobs": 2}
    entry["peak_memory_megabytes"] = 1400.0
    rates = {"bc": 1700.0, "iql": 330.0, "cql": 11.4}
    updates = [entry | {"method": m, "seed_updates_per_second": r} for m, r in rates.items()]
    content = {"machine": {"cpu": "A processor", "cores": 2}, "updates": updates, "around": []}
    path.write_text(json.dumps(content))
    return path


def planned(speeds: Path, slots: int, limit: int | None) -> list[str]:
    catalogue = Catalogue()
    suite = catalogue.read_suite(Path("config/paper.yaml"))
    part = suite.model_copy(update={"methods": ("iql", "cql")})
    return list(cluster_plan.lines(part, catalogue, Speeds(speeds), slots, limit))


def test_the_longest_job_of_the_paper_can_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    speeds = measured(tmp_path)
    text = planned(speeds, 10, None)
    longest = re.search(r"Longest job: cql on [\w-]+, ([\d.,]+) h of one core", text[0])
    assert longest
    assert float(longest[1]) == pytest.approx(5_000_000 / 5.7 / 3600, abs=0.1)
    [cql] = [line.split() for line in text if line.startswith("CQL")]
    assert float(cql[4]) == pytest.approx(1.5 * float(longest[1]) + 0.25, abs=0.3)
    assert cql[-1] == "1"
    one, ten = (
        float(re.findall(r"slots: ([\d,]+)", planned(speeds, n, None)[1])[0].replace(",", ""))
        for n in (1, 10)
    )
    assert 9 < one / ten <= 10.1
    assert "--retries 15 or more" in planned(speeds, 10, 1440)[-1]


@pytest.mark.parametrize(("slots", "limit"), [(0, None), (-1, 60), (2, 0), (2, -5)])
def test_what_no_cluster_has_is_refused_before_anything_is_printed(
    slots: int, limit: int | None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(BenchError, match="is not positive") as caught:
        workflow.plan(slots=slots, max_runtime=limit)
    assert one_sentence(caught.value).startswith("--slots" if slots < 1 else "--max-runtime")
    assert not capsys.readouterr().out


def test_the_workflow_asks_for_it(tmp_path: Path) -> None:
    """The rules that train, in a project with measurements and a day as the limit."""
    for name in ("behaviors", "workflow", "Snakefile", "config"):
        (tmp_path / name).symlink_to(ROOT / name)
    measured(tmp_path)
    suite = {"suite": "part", "title": "A part", "tasks": ["hopper-medium-v2"]}
    suite |= {"methods": ["iql", "cql"], "seeds": [0, 1, 2, 3, 4], "updates": 1_000_000}
    suite |= {"log_every": 1000, "evaluation": {"every": 5000, "episodes": 10}}
    (tmp_path / "part.yaml").write_text(yaml.safe_dump(suite))
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--configfile", "part.yaml"],
        cwd=tmp_path, text=True, capture_output=True, env=os.environ | {requests.LIMIT: "1440"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    asked: dict[str, set[int]] = {"iql": set(), "cql": set()}
    for block in done.stdout.split("\nrule ")[1:]:
        if block.startswith("train:"):
            method = re.search(r"runs/(\w+)/", block)
            minutes = re.search(r"runtime=(\d+)", block)
            assert method
            assert minutes
            asked[method[1]].add(int(minutes[1]))
    assert asked["cql"] == {1440}
    assert 0 < max(asked["iql"]) < 1440

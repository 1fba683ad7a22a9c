"""The plan of a suite, and the committed tables and suites of D4RL's data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import warm_jobs
from helpers.made_up_speeds import networks, paper, speeds
from helpers.paths import ROOT
from helpers.projects import one_sentence

from bench.cli import main
from bench.config import d4rl_files
from bench.config.catalogue import Catalogue
from bench.config.types import Online
from bench.errors import BenchError
from bench.jobs import cost_plan
from bench.jobs import speeds as speeds_module
from bench.jobs.cost_plan import cost_of
from bench.jobs.speeds import Speeds


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(speeds_module, "took", lambda *_: None)  # whatever has run here


# --- plan -----------------------------------------------------------------------------


def test_the_table_of_files_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    suite, catalogue = paper(methods=("bc", "iql"))
    assert catalogue.sources
    monkeypatch.setattr(d4rl_files, "read_table", lambda table: pytest.fail("read again"))
    text = list(cost_plan.lines(suite, catalogue, speeds(tmp_path), networks))
    assert len([line for line in text if "d4rl/hopper/medium-v2" in line]) == 1


def test_hours_and_memory_by_hand(tmp_path: Path) -> None:
    suite, catalogue = paper(tasks=("hopper-medium-v2",), methods=("bc", "iql"), seeds=(0, 1, 2))
    text = list(cost_plan.lines(suite, catalogue, speeds(tmp_path), networks))
    assert text[0] == "paper: 1 tasks, 2 methods, 3 seeds in 1 blocks: 2 training jobs"
    cells = {row.split("  ")[0]: row.split() for row in text if row[:1].isupper()}
    # 3 seeds x 1,000,000 updates at 50 a second and core; IQL costs 4 times as much.
    assert cells["BC"][1:4] == ["1", "3,000,000", "17"]
    assert cells["IQL"][1:4] == ["1", "3,000,000", "~67"]
    assert "not measured" in " ".join(cells["BC"])  # on a GPU
    # 200 evaluations x 10 episodes x 3 seeds x 1,000 steps at 1,000 a second.
    assert cells["BC"][6] == "1.67"
    # 300 MB and 1,000,000 rows of 11 + 11 + 3 + 3 numbers.
    assert cells["BC"][7:9] == ["412", "MB"]
    # 3 seeds of a megabyte, 6,000 episodes and 1,000 log points of 3 seeds.
    assert cells["BC"][9:11] == ["4", "MB"]
    assert any("~ rough" in row for row in text)


def test_a_replay_buffer_holds_the_data_again_and_the_rows_of_each_seed(tmp_path: Path) -> None:
    suite, catalogue = paper(tasks=("hopper-medium-v2",), methods=("bc",), seeds=(0, 1, 2))
    cell = catalogue.settings(suite, "bc", "hopper-medium-v2", (0, 1, 2))
    online = Online(steps=10_000, every=1_000, episodes=1)
    cells = (cell, cell.model_copy(update={"online": online}))
    offline, tuned = (cost_of(c, catalogue, speeds(tmp_path))["megabytes"] for c in cells)
    assert offline == pytest.approx(300 + 112, abs=1)
    assert tuned - offline == pytest.approx(112 + 9, abs=1)


def test_what_was_not_measured_is_said(tmp_path: Path) -> None:
    suite, catalogue = paper(tasks=("walker2d-medium-v2",), methods=("bc",))
    text = "\n".join(
        cost_plan.lines(suite, catalogue, speeds(tmp_path, executor="eager"), networks)
    )
    [row] = [row for row in text.splitlines() if row.startswith("BC")]
    assert row.count("not measured") == 4  # hours on both, steps of Walker2d, memory
    suite = suite.model_copy(update={"tasks": ("hopper-medium-v2", "walker2d-medium-v2")})
    text = "\n".join(cost_plan.lines(suite, catalogue, speeds(tmp_path), networks))
    assert "at least 5.56" in text  # Hopper's hours of evaluation


def test_downloads_count_once_and_files_that_are_there_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite, catalogue = paper(tasks=("hopper-medium-v2", "hopper-medium"))
    text = list(cost_plan.lines(suite, catalogue, speeds(tmp_path), networks))
    [row] = [row for row in text if row.startswith("d4rl/hopper/medium-v2")]
    assert "153 MB" in row
    assert any("1 datasets are collected locally, already here, or Minari's" in row for row in text)
    monkeypatch.setattr(d4rl_files, "D4RL", tmp_path)
    (tmp_path / "hopper_medium-v2.hdf5").touch()
    [row] = [
        r for r in cost_plan.lines(suite, catalogue, speeds(tmp_path), networks) if "medium-v2" in r
    ]
    assert "there" in row


def test_a_task_that_is_collected_has_its_own_number_of_rows(tmp_path: Path) -> None:
    rows = {"task_rows": {"hopper-medium-replay": 400_000}, "rows": 1_000_000}
    suite, catalogue = paper(tasks=("hopper-medium", "hopper-medium-replay"), **rows)
    text = list(cost_plan.lines(suite, catalogue, speeds(tmp_path), networks))
    counts = [row.split()[-1] for row in text if row.startswith("local/hopper/")]
    assert counts == ["1,000,000", "400,000"]


def test_a_file_that_is_no_benchmark_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("{}")
    with pytest.raises(BenchError) as caught:
        Speeds(path)
    assert f"{path}: the key 'machine' is missing" in one_sentence(caught.value)


@pytest.mark.parametrize("name", ["quick", "paper", "extended"])
def test_the_verb_plans_the_committed_suites(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", "plan", "--configfile", f"config/{name}.yaml"])
    main.main()
    shown = capsys.readouterr().out
    assert shown.startswith(f"{name}: ")
    assert "not measured" in shown  # no GPU has been


# --- the committed files --------------------------------------------------------------


def test_the_table_of_files_is_consistent() -> None:
    sources = d4rl_files.read_sources()
    assert len(sources) == 36
    assert len({s.path for s in sources.values()}) == 36
    assert len({s.sha256 for s in sources.values()} - {None}) == 36
    for row in sources.values():
        assert row.urls[0].startswith("http://rail.eecs.berkeley.edu/datasets/offline_rl/")
        v0 = row.dataset.startswith("antmaze") and row.dataset.endswith("v0")
        assert (row.jumps == "reported") == v0
        assert len(row.urls) == (1 if v0 else 2)
        assert d4rl_files.source_of(row.minari_id) == row
    assert d4rl_files.source_of("d4rl/hopper/medium-replay-v2").dataset == "hopper-medium-replay-v2"
    assert str(d4rl_files.source_of("hopper-medium-v2").path) == "data/d4rl/hopper_medium-v2.hdf5"


def test_tasks_of_d4rl_agree_with_the_table_of_files() -> None:
    tasks = [t for t in Catalogue().tasks.values() if t.origin == "D4RL"]
    assert len(tasks) == 30
    for task in tasks:
        source = d4rl_files.source_of(task.dataset)
        assert task.dataset == source.minari_id
        assert task.task == source.dataset
        assert task.reading == "d4rl"
        assert task.ref_min_score == source.ref_min_score
        assert task.ref_max_score == source.ref_max_score


@pytest.mark.parametrize("name", ["paper", "extended"])
def test_the_suites_of_d4rl_have_the_papers_protocol(name: str) -> None:
    suite = Catalogue().read_suite(Path(f"config/{name}.yaml"))
    assert (len(suite.seeds), suite.updates) == (10, 1_000_000)
    for family, protocol in (("locomotion", (5_000, 10)), ("antmaze", (100_000, 100))):
        evaluation = suite.evaluation_of("iql", family)
        assert (evaluation.every, evaluation.episodes) == protocol


def test_an_override_may_have_an_evaluation_of_its_own() -> None:
    suite, catalogue = paper()
    raw = json.loads(suite.model_dump_json())
    own = {"every": 100_000, "episodes": 100}
    raw["tasks"].append("pointmaze-large-stitch")
    raw["overrides"].append({"families": ["pointmaze"], "evaluation": own, "reason": "r"})
    changed = catalogue.suite(raw, "x.yaml")
    by_task = {
        t: catalogue.settings(changed, "iql", t, (0,)).evaluation.episodes for t in changed.tasks
    }
    assert by_task.pop("pointmaze-large-stitch") == 100
    assert by_task["hopper-medium-v2"] == 10
    raw["overrides"][-1]["evaluation"] = {"every": 1_500, "episodes": 100}
    with pytest.raises(BenchError, match=r"overrides, evaluation\.every: 1500 is not a multiple"):
        catalogue.suite(raw, "x.yaml")


def planned(folder: Path, *options: str) -> dict[str, int]:
    """Jobs a rule in a dry run of Snakemake."""
    for name in ("behaviors", "workflow", "Snakefile", "config"):
        (folder / name).symlink_to(ROOT / name)
    command = ["python", "-m", "snakemake", "-n", "--quiet", "reason", *options]
    variables = os.environ | warm_jobs.environment()
    done = subprocess.run(command, cwd=folder, env=variables, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    return {w[0]: int(w[1]) for w in words if len(w) == 2 and w[1].isdigit()}


def test_the_papers_workflow_resolves_without_a_network(tmp_path: Path) -> None:
    counts = planned(tmp_path, "--configfile", "config/paper.yaml")
    tasks = len(Catalogue().read_suite(ROOT / "config/paper.yaml").tasks)
    assert counts["fetch"] == counts["convert"] == counts["transitions"] == tasks


def test_a_part_of_a_suite_from_the_command_line(tmp_path: Path) -> None:
    counts = planned(
        tmp_path,
        *("--configfile", "config/local.yaml", "--config", "suite=part", "methods=[iql, bcq]"),
        *("tasks=[antmaze-umaze, antmaze-medium-play]", "maps="),
    )
    assert (counts["collect"], counts["train"], counts["report"]) == (2, 4, 1)
    assert "trace" not in counts

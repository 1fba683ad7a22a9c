"""One row per method: rows agree with their modules, and every verb takes every registered name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.paths import ROOT

from bench.cli.results import explain
from bench.cli.training import train
from bench.cli.workflow import plan, status
from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, Entry, Sample, load, weight
from bench.config.validation import read_yaml

SUITES = sorted(path for path in (ROOT / "config").glob("*.yaml") if "suite" in read_yaml(path))


@pytest.fixture
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


# --- rows -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
def test_a_row_says_what_its_module_can(name: str) -> None:
    entry, module = METHODS[name], load(name)
    assert entry.starts_from is None or hasattr(module, "adopt")
    assert not entry.online_only or entry.fine_tunes
    if entry.variant_of is None:
        assert entry.fine_tunes == hasattr(module, "explore")
    assert {entry.starts_from, entry.variant_of} <= {None, *METHODS}


def test_only_a_module_is_required() -> None:
    entry = Entry("baselines.bc")
    assert (entry.cost, entry.fine_tunes, entry.starts_from, entry.style) == (
        None,
        *[False, None],
        None,
    )
    assert entry.sample == Sample()


def test_a_method_of_unknown_cost_has_a_place_in_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "new", Entry("baselines.bc"))
    assert weight("new@width=3") == 1
    assert weight("iql@expectile=0.5") == weight("iql") == 4


# --- names of the form base@setting=value ------------------------------------------------


@pytest.mark.usefixtures("_root")
@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_every_suite_can_be_read(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status(path)
    assert "jobs: " in capsys.readouterr().out
    plan(path)
    assert "training jobs" in capsys.readouterr().out
    suite = Catalogue().read_suite(path)
    folder = ROOT / "results/published" / suite.suite
    if (folder / "scores.csv").exists():
        for method in (suite.methods[0], suite.methods[-1]):
            explain(suite.tasks[0], method, path, folder)
            assert "summary.csv, the row" in capsys.readouterr().out


@pytest.mark.usefixtures("_root")
def test_a_job_may_have_one_other_setting(capsys: pytest.CaptureFixture[str]) -> None:
    train("iql@expectile=0.65", "hopper-medium-replay", show=True)
    assert "expectile: 0.65" in capsys.readouterr().out


# --- the recipe of docs: a file, a row, a command ----------------------------------------

SUITE = {
    "suite": "scratch",
    "title": "A user's own method",
    "tasks": ["hopper-medium-replay", "pointmaze-large-stitch"],
    "methods": ["bc", "scratch", "scratch@learning_rate=0.01"],
    "seeds": [0, 1, 2],
    "updates": 100,
    "log_every": 50,
    "evaluation": {"every": 50, "episodes": 2},
    "overrides": [{"config": {"hidden": [16]}, "reason": "a test"}],
}
LEFT_OUT = shutil.ignore_patterns(".*", "results", "data", "reports", "logs", "__pycache__")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout with a method that config/methods.yaml does not know."""
    folder = tmp_path_factory.mktemp("recipe") / "copy"
    shutil.copytree(ROOT, folder, ignore=LEFT_OUT)
    shutil.copytree(ROOT / "results/published/benchmark", folder / "results/published/benchmark")
    shutil.copy(folder / "baselines/bc.py", folder / "baselines/scratch.py")
    registry = folder / "bench/config/registry.py"
    head = "METHODS: dict[str, Entry] = {\n"
    assert head in registry.read_text()
    row = '    "scratch": Entry("baselines.scratch"),\n'
    registry.write_text(registry.read_text().replace(head, head + row))
    (folder / "config/scratch.yaml").write_text(yaml.safe_dump(SUITE))
    return folder


def run(folder: Path, *command: str) -> str:
    done = attempt(folder, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def attempt(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_method_is_one_file_one_row_and_one_command(copy: Path) -> None:
    suite = ("--configfile", "config/scratch.yaml")
    before = attempt(copy, "bench", "status", *suite)
    assert before.returncode == 2
    assert "method 'scratch' is missing; run `python -m bench schema`." in before.stderr
    run(copy, "bench", "schema")
    planned = run(copy, "snakemake", "-n", *suite)
    assert "rule train:" in planned
    assert "runs/scratch@learning_rate=0.01/hopper-medium-replay/0-2/run.json" in planned
    assert "6 jobs: 6 waiting" in run(copy, "bench", "status", *suite)
    assert "scratch, learning rate 0.01" in run(copy, "bench", "plan", *suite)
    run(copy, "bench", "statistics", *suite)
    explained = run(copy, "bench", "explain", "hopper-medium-replay", "scratch", *suite)
    assert explained.startswith("scratch on hopper-medium-replay, suite scratch")
    run(copy, "bench", "report", *suite)
    page = (copy / "reports/scratch.html").read_text()
    assert "locomotion: the method&#39;s own defaults" in page.replace("\u2019", "&#39;")


def test_a_new_method_passes_the_tests_of_all_methods(copy: Path) -> None:
    run(copy, "bench", "schema")
    files = (
        *("methods/test_contract.py", "methods/test_deviations.py", "speed/test_samples.py"),
        *("report/test_figures.py", "architecture/test_packages.py"),
    )
    chosen = ("-k", "(scratch or look or registered or schemas or share) and not compiled")
    output = run(
        copy, "pytest", "-vv", "-p", "no:cacheprovider", *chosen,
        *(f"tests/{name}" for name in files),
    )  # fmt: skip
    assert "test_contract.py::test_improves_on_its_tiny_problem[scratch] PASSED" in output

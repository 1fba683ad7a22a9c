"""One row per method: rows agree with their modules, and verbs take names with a setting.

docs/test_extending.py follows the recipe for a new row.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import ROOT

from bench.cli.results import explain
from bench.cli.training import train
from bench.cli.workflow import plan, status
from bench.config.catalogue import Catalogue
from bench.config.registry import METHODS, Entry, Sample, load, weight
from bench.config.yaml_files import read_yaml

FILES = sorted(path for path in (ROOT / "config").glob("*.yaml") if not path.is_symlink())
SUITES = [path for path in FILES if "suite" in read_yaml(path)]


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
    for method in (suite.methods[0], suite.methods[-1]):
        train(method, suite.tasks[-1], suite.seeds[:1], path, show=True)
        assert f"method: {method}" in capsys.readouterr().out
    folder = ROOT / "results/published" / suite.suite
    if (folder / "scores.csv").exists():
        explain(suite.methods[0 if suite.online else -1], suite.tasks[0], path, folder)
        assert "summary.csv, the row" in capsys.readouterr().out


@pytest.mark.usefixtures("_root")
def test_a_job_may_have_one_other_setting(capsys: pytest.CaptureFixture[str]) -> None:
    train("iql@expectile=0.65", "hopper-medium-replay", show=True)
    assert "expectile: 0.65" in capsys.readouterr().out

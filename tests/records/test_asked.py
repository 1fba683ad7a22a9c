"""Runs of other settings under the names of a suite's runs: left out, with the setting named."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from helpers import suite_results

from bench.config.types import Evaluation, Online, Override
from bench.records.layouts import open_results
from bench.records.runs import read_runs

SUITE = suite_results.make_suite(seeds=2)
NAME = f"iql/{SUITE.tasks[0]}/0-1"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    returns = {(2000, seed): [10.0, 12.5] for seed in (0, 1)}
    suite_results.write_run(tmp_path, SUITE, "iql", SUITE.tasks[0], (0, 1), returns)
    return tmp_path


def test_the_suite_s_own_runs_are_used(results: Path) -> None:
    assert open_results(results, SUITE).refused == {}
    named = SUITE.model_copy(update={"overrides": ()})
    assert "observations" not in str(open_results(results, named).refused)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"updates": 1_000_000}, "settings, updates: 2000, but the suite has 1000000"),
        ({"precision": "bfloat16"}, "settings, precision: float32, but"),
        ({"evaluation": Evaluation(every=500, episodes=5)}, "settings, evaluation: "),
        ({"online": Online(steps=500, every=500, episodes=1)}, "settings, online: None, but"),
        (
            {"overrides": (*SUITE.overrides, Override(batch_size=64, reason="r"))},
            "settings, batch_size: 256, but the suite has 64",
        ),
        (
            {"overrides": (*SUITE.overrides, Override(config={"discount": 0.9}, reason="r"))},
            "settings, config, discount: None, but the suite has 0.9",
        ),
        (
            {"overrides": (*SUITE.overrides, Override(config={"hidden": [8]}, reason="r"))},
            "settings, config, hidden: [64, 64], but the suite has [8]",
        ),
    ],
)
def test_others_are_refused(results: Path, changes: dict[str, Any], said: str) -> None:
    other = SUITE.model_copy(update=changes)
    sentence = open_results(results, other).refused[NAME]
    assert said in sentence
    assert sentence.endswith("delete the run's folder and run again.")
    assert NAME in read_runs(other, results, str).refused


def test_a_setting_in_a_method_s_name_comes_last(tmp_path: Path) -> None:
    suite = suite_results.make_suite(methods=("iql",), seeds=2)
    folder = suite_results.write_run(
        tmp_path, suite, "iql", suite.tasks[0], (0, 1), {(2000, 0): [1.0], (2000, 1): [1.0]}
    )
    settings = open_results(tmp_path).runs[NAME].record()["settings"]
    settings |= {"method": "iql@hidden=[8,8]"}
    settings["config"] |= {"hidden": [8, 8]}
    suite_results.edit_record(folder, settings=settings)
    folder.rename(tmp_path / "moved")
    place = tmp_path / "runs/iql@hidden=[8,8]" / suite.tasks[0] / "0-1"
    place.parent.mkdir(parents=True)
    (tmp_path / "moved").rename(place)
    assert open_results(tmp_path, suite).refused == {}


def test_a_run_of_another_method_under_this_name_is_refused(results: Path) -> None:
    shutil.copytree(results / "runs/iql", results / "runs/bc")
    refused = open_results(results).refused
    assert list(refused) == [NAME.replace("iql", "bc")]
    assert f"record: is of {NAME}; delete" in str(refused)

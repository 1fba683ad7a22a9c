"""The command line: what it shows, and one line with exit status 2 for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers.command_line import call
from helpers.paths import ROOT

import bench.environments.stitch_maze  # noqa: F401  (gymnasium_robotics greets on standard error when imported)
from bench.cli import main
from bench.config.types import Settings
from bench.paths import SuiteFolder


@pytest.fixture(autouse=True)
def _root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def suite_file(folder: Path, **changes: Any) -> Path:
    content = {
        "suite": "tiny",
        "title": "A tiny suite",
        "tasks": ["hopper-medium"],
        "methods": ["iql"],
        "seeds": [0],
        "rows": 2000,
        "updates": 100,
        "log_every": 50,
        "evaluation": {"every": 50, "episodes": 2},
    }
    path = folder / "tiny.yaml"
    path.write_text(yaml.safe_dump(content | changes))
    return path


# --- show -----------------------------------------------------------------------------


def shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> dict[str, Any]:
    assert call(monkeypatch, "train", *arguments, "--show") == 0
    return yaml.safe_load(capsys.readouterr().out)


def test_show_resolves_all_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    override = {"config": {"hidden": [32, 16]}, "observations": "standardised", "reason": "small"}
    path = suite_file(tmp_path, overrides=[override])
    arguments = ["iql", "hopper-medium", "--seeds", "3", "4", "--configfile", str(path)]
    content = shown(monkeypatch, capsys, *arguments)
    assert content["suite"] == "tiny"
    assert content["method"] == "iql"
    assert content["seeds"] == [3, 4]
    assert content["updates"] == 100
    assert content["task"]["dataset"] == "local/hopper/medium-2k-v1"
    assert content["rewards"] == "return_range"  # of the family
    assert content["observations"] == "standardised"  # of the suite
    config = content["config"]
    assert config["expectile"] == 0.7  # of the family
    assert config["hidden"] == [32, 16]  # of the suite
    assert config["learning_rate"] == 3e-4  # the default
    assert config["discount"] == 0.99  # the default


def test_show_says_which_layer_set_each_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    override = {"config": {"hidden": [32, 16]}, "reason": "narrow,\n  so fast"}
    path = suite_file(tmp_path, overrides=[override])
    arguments = ("train", "iql", "hopper-medium", "--configfile", str(path), "--show")
    assert call(monkeypatch, *arguments) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert f"updates: 100  # {path}" in lines
    assert f"hidden: [32, 16]  # {path}, overrides: narrow, so fast" in lines
    assert "learning_rate: 0.0003  # default in iql/iql.py" in lines
    [line] = [line for line in lines if line.startswith("expectile: 0.7  # ")]
    assert "config/methods.yaml, iql, locomotion: ikostrikov/" in line


def test_show_trains_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite_file(tmp_path, suite="never-run-by-a-test")
    shown(monkeypatch, capsys, "iql", "hopper-medium", "--configfile", str(path))
    assert not Path("results/never-run-by-a-test").exists()


def test_resolved_settings_are_taken_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite_file(tmp_path)
    by_name = shown(monkeypatch, capsys, "iql", "hopper-medium", "--configfile", str(path))
    as_json = Settings.model_validate(by_name).model_dump_json()
    assert shown(monkeypatch, capsys, "--settings", as_json) == by_name
    other = json.loads(as_json) | {"updates": 7}
    assert shown(monkeypatch, capsys, "--settings", json.dumps(other))["updates"] == 7


def test_a_method_beside_the_suite_can_be_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite_file(tmp_path)
    content = shown(monkeypatch, capsys, "bc", "hopper-medium", "--configfile", str(path))
    assert content["method"] == "bc"
    assert content["observations"] == "standardised"


# --- bad input ------------------------------------------------------------------------


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> str:
    """The one line on standard error."""
    assert call(monkeypatch, *arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["train", "iqll", "hopper-medium"], ["bench/config/registry.py", "'iqll'", "'iql'?"]),
        (["train", "iql", "hoper-medium"], ["tasks.tsv", "'hoper-medium'", "'hopper-medium'?"]),
        (["train", "iql", "hopper-medium", "--configfile", "no.yaml"], ["no.yaml", "not found"]),
        (["train"], ["train: METHOD and TASK are missing"]),
        (["train", "iql"], ["train: METHOD and TASK are missing"]),
        (["trian", "iql"], ["unknown verb 'trian'", "'train'?"]),
        (["train", "--settings", "{torn"], ["settings"]),
        (["transitions", "hoper-medium", "--dataset", "x"], ["'hoper-medium'", "'hopper-medium'?"]),
        (
            ["transitions", "hopper-medium", "--dataset", "local/absent-v0"],
            ["data/minari/local/absent-v0", "no Minari dataset"],
        ),
        (["behavior", "hoper", "--out", "x"], ["behaviors.yaml", "'hoper'", "'hopper'?"]),
        (
            ["collect", "x-v0", "--recipe", "robot/medium", "--env-id", "Hopper-v4", "--rows", "9"],
            ["tasks.tsv", "'robot'"],
        ),
        (
            ["collect", "x", "--recipe", "hopper/medium", "--env-id", "Hopper-v4", "--rows", "9"],
            ["dataset 'x': not a name that Minari accepts"],
        ),
        (
            ["collect", "x-v0", "--recipe", "x", "--env-id", "Hopper-v4", "--rows", "0"],
            ["--rows: 0; give 1 or more."],
        ),
        (["coverage", "--simulations", "0"], ["--simulations: 0; give 1 or more."]),
        (["coverage", "--bootstrap", "-1"], ["--bootstrap: -1; give 1 or more."]),
        (["coverage", "--seeds"], ["--seeds: must be at least 3"]),
        (["benchmark", "--rounds", "0"], ["--rounds: 0; give 1 or more."]),
        (["benchmark", "--seconds", "nan"], ["--seconds: nan; give 0.001 or more."]),
        (["precision", "--tasks", "x", "--seeds", "0"], ["--seeds: 0; give 1 or more."]),
        (["online-cost", "--steps", "0"], ["--steps: 0; give 1 or more."]),
        (["train", "iql", "x", "--threads", "0"], ["--threads: 0; give 1 or more."]),
        (
            ["train", "iql", "x", "--checkpoint-every", "inf"],
            ["--checkpoint-every: inf; give 0 or more."],
        ),
        (["statistics", "--configfile", "no.yaml"], ["no.yaml", "not found"]),
        (["report", "--configfile", "no.yaml"], ["no.yaml", "not found"]),
    ],
    ids=lambda value: " ".join(value[:3]) if value[0] in (*main.VERBS, "trian") else "",
)
def test_bad_input_is_one_line_and_status_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    expected: list[str],
) -> None:
    line = refusal(monkeypatch, capsys, *arguments)
    for part in expected:
        assert part in line


@pytest.mark.parametrize("seeds", [["0", "0"], ["-1"]])
def test_seeds_given_by_hand_are_checked_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], seeds: list[str]
) -> None:
    line = refusal(
        monkeypatch, capsys, "train", "iql", "hopper-medium", "--seeds", *seeds, "--show"
    )
    assert "seeds" in line


def test_an_override_that_a_method_beside_the_suite_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = suite_file(tmp_path, overrides=[{"config": {"expectile": 0.5}, "reason": "r"}])
    line = refusal(
        monkeypatch, capsys, "train", "bc", "hopper-medium", "--configfile", str(path), "--show"
    )
    for part in ("tiny.yaml", "bc", "expectile"):
        assert part in line


def test_an_unknown_verb_or_option_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in (["trian"], ["schema", "--chek"], ["train", "--upd", "3"]):
        assert call(monkeypatch, *arguments) == 2
        assert "Traceback" not in capsys.readouterr().err


def test_deprecations_are_not_shown_whatever_filters_a_library_sets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def library(arguments: list[str]) -> None:
        warnings.simplefilter("always")
        warnings.warn("out of date", DeprecationWarning, stacklevel=1)
        warnings.warn("look at this", UserWarning, stacklevel=1)

    monkeypatch.setattr(main, "call", library)
    with warnings.catch_warnings(record=True) as shown:
        main.main()
    assert [str(warning.message) for warning in shown] == ["look at this"]


def test_as_a_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench", "train", "iqll", "hopper-medium"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "error: bench/config/registry.py: unknown method 'iqll'; did you mean 'iql'?\n"
    )
    assert done.stdout == ""


# --- names ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "folder"),
    [
        ((0, 1, 2), "results/quick/runs/iql/hopper-medium/0-2"),
        ((5,), "results/quick/runs/iql/hopper-medium/5"),
        ((0, 2), "results/quick/runs/iql/hopper-medium/0_2"),
    ],
)
def test_where_a_run_writes(seeds: tuple[int, ...], folder: str) -> None:
    assert SuiteFolder.of("quick").run("iql", "hopper-medium", seeds).path == Path(folder)

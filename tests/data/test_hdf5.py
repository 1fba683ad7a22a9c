"""Files that are not of D4RL's layout: one sentence each, and nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.d4rl_files import ACT, FLAGS, OBS, Arrays, arrays, task, write
from helpers.paths import ROOT
from helpers.projects import one_sentence

from bench.cli import main
from bench.data import convert
from bench.errors import BenchError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards


def change(key: str, row: int, value: float) -> np.ndarray:
    array = arrays(*FLAGS)[key].astype(np.float64)
    array[row] = value
    return array


BAD: dict[str, tuple[Arrays | dict[str, Any], list[str]]] = {
    "no timeouts": ({"timeouts": None}, ["'timeouts' is missing", "actions, next_observations"]),
    "other names": ({"observations": None, "obs": np.ones(3)}, ["'observations' is missing"]),
    "no rows": ({k: np.zeros(0) for k in ("rewards",)}, ["rewards: no rows"]),
    "T of T + 1": ({"observations": np.ones((9, OBS))}, ["(9, 11)", "(10, any)"]),
    "flat observations": ({"observations": np.ones(10)}, ["observations: shape (10,)"]),
    "fewer actions": ({"actions": np.ones((9, ACT))}, ["actions: shape (9, 3)"]),
    "fewer flags": ({"terminals": np.zeros(9)}, ["terminals: shape (9,)", "(10,)"]),
    "other successors": ({"next_observations": np.ones((10, 4))}, ["next_observations: shape"]),
    "text": ({"actions": np.full((10, ACT), b"x")}, ["actions: type", "is not numeric"]),
    "NaN": ({"observations": change("observations", 3, np.nan)}, ["observations", "in row 3"]),
    "infinite": ({"rewards": change("rewards", 9, -np.inf)}, ["rewards", "non-finite", "row 9"]),
    "too large": ({"actions": change("actions", 0, 1e300)}, ["actions", "non-finite", "row 0"]),
    "NaN after": ({"next_observations": change("next_observations", 2, np.nan)}, ["in row 2"]),
    "odd flags": ({"timeouts": change("timeouts", 1, 2.0)}, ["timeouts: values other than 0"]),
    "another robot": (
        {"observations": np.ones((10, 17)), "next_observations": None},
        ["(17, 3)", "Hopper-v4", "(11, 3)", "'mine'"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.filterwarnings("ignore:overflow")
def test_a_bad_file_is_one_sentence_and_leaves_nothing(case: str) -> None:
    changes, expected = BAD[case]
    write(Path("mine.hdf5"), arrays(*FLAGS), **changes)
    with pytest.raises(BenchError) as caught:
        convert.convert(task(), Path("minari"))
    text = one_sentence(caught.value)
    for part in ["mine.hdf5", *expected]:
        assert part in text
    assert not list(Path(".").rglob("*main_data*"))


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_a_truncated_file_or_a_web_page_is_no_hdf5_file(share: float) -> None:
    path = write(Path("mine.hdf5"), arrays(*FLAGS))
    content = path.read_bytes()
    for body in (content[: int(share * len(content))], b"<!DOCTYPE html><html></html>"):
        path.write_bytes(body)
        with pytest.raises(BenchError, match=r"^mine\.hdf5: not an HDF5 file, or damaged"):
            convert.convert(task(), Path("minari"))
    assert not Path("minari").exists()


def test_a_recipe_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    for recipe, expected in (("hdf5:absent.hdf5", "absent.hdf5: file not found"),
                             ("none", "recipe of task 'mine': 'none' names no file")):  # fmt: skip
        with pytest.raises(BenchError, match=expected):
            convert.convert(task(recipe), Path("minari"))
    monkeypatch.chdir(ROOT)
    with pytest.raises(BenchError, match=r"unknown dataset 'hopper-medum-v2'; did you mean"):
        convert.convert(task("d4rl", dataset="d4rl/hopper/medum-v2"), Path("unused"))


def test_a_name_that_minari_does_not_accept() -> None:
    write(Path("mine.hdf5"), arrays(*FLAGS))
    with pytest.raises(BenchError, match=r"^config/tasks\.tsv, dataset 'mine'"):
        convert.convert(task(dataset="mine"), Path("minari"))
    assert not list(Path("minari").rglob("*main_data*"))


def test_the_verb_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["bench", "convert", "hopper-medium"])
    with pytest.raises(SystemExit, match="2"):
        main.main()
    assert "'hopper/medium' names no file" in capsys.readouterr().err

"""Our own published runs join the record on D4RL's data, and never on other data."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
from helpers.record import catalogue

from bench.config.types import Suite
from bench.errors import BenchError
from bench.literature.cells import Cell, Evidence
from bench.literature.check import check
from bench.literature.own import add_source, not_d4rls
from bench.literature.sources import RECORD, read_record
from bench.statistics.scores import SCORE_COLUMNS

TASK = "hopper-medium-v2"


def suite(name: str = "paper") -> Suite:
    return catalogue().read_suite(Path(f"config/{name}.yaml"))


def scores(folder: Path, tasks: tuple[str, ...], seeds: int = 4, online: bool = False) -> Path:
    """A suite's scores.csv: 60, 62, 64, ... at the last evaluation, lower before it."""
    rows = []
    for task in tasks:
        for seed in range(seeds):
            steps = [("offline", 500_000, 10.0), ("offline", 1_000_000, 60.0)]
            steps += [("online", 1_000_000, 80.0)] if online else []
            for phase, step, score in steps:
                rows.append(("paper", task, "iql", seed, phase, step, 0, 0, score + 2 * seed, 10))
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows, columns=SCORE_COLUMNS).to_csv(folder / "scores.csv", index=False)
    return folder


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RECORD, tmp_path / "record"))


def test_a_suite_on_d4rls_data_becomes_a_source(tmp_path: Path, record: Path) -> None:
    folder = scores(tmp_path / "paper", (TASK, "antmaze-umaze-v0"))
    paths = add_source(folder, suite(), catalogue(), {}, "abc1234", record)
    assert [path.relative_to(record).as_posix() for path in paths] == [
        "scores/own-paper.csv",
        "seeds/own-paper.csv",
    ]
    found = read_record(record)
    check(found, catalogue(), record)  # the mean and the deviation are those of the runs
    rows = found.scores[found.scores["source"] == "own-paper"].set_index("task")
    row = rows.loc[TASK]
    assert (row["mean"], row["seeds"], row["kind"]) == (63.0, 4, "last")
    assert (row["standing"], row["stratum"], row["commit"]) == ("independent", "port", "abc1234")
    mine = Evidence(found).of(Cell("iql", TASK, published=66.3))
    assert "own-paper" in set(mine["source"])


def test_publishing_again_replaces_it(tmp_path: Path, record: Path) -> None:
    for seeds in (3, 5):
        folder = scores(tmp_path / "paper", (TASK,), seeds)
        add_source(folder, suite(), catalogue(), {}, "abc1234", record)
    found = read_record(record)
    rows = found.scores[found.scores["source"] == "own-paper"]
    assert rows["seeds"].to_list() == [5]
    assert len(found.seeds[found.seeds["source"] == "own-paper"]) == 5


@pytest.mark.parametrize("name", ["quick", "local", "finetune"])
def test_other_data_are_refused_and_nothing_is_written(
    name: str, tmp_path: Path, record: Path
) -> None:
    chosen = suite(name)
    assert not_d4rls(chosen, catalogue(), {})
    folder = scores(tmp_path / name, (TASK,))
    before = sorted(record.rglob("*"))
    with pytest.raises(BenchError, match="is not D4RL's"):
        add_source(folder, chosen, catalogue(), {}, "abc1234", record)
    assert sorted(record.rglob("*")) == before


def test_one_foreign_task_is_enough_to_refuse(tmp_path: Path, record: Path) -> None:
    mixed = suite().model_copy(update={"tasks": (TASK, "hopper-medium")})
    with pytest.raises(BenchError, match="hopper-medium is not D4RL's"):
        add_source(scores(tmp_path / "paper", (TASK,)), mixed, catalogue(), {}, "abc1234", record)


def test_stand_ins_are_no_source(tmp_path: Path, record: Path) -> None:
    cards = {TASK: {"origin": "stand-in"}}
    chosen = suite().model_copy(update={"tasks": (TASK,)})
    with pytest.raises(BenchError, match=f"{TASK} is not D4RL's"):
        add_source(scores(tmp_path / "paper", (TASK,)), chosen, catalogue(), cards, "a", record)


@pytest.mark.parametrize(
    ("change", "stratum"),
    [
        ({}, "port"),
        ({"updates": 500_000}, "other"),
        (
            {"overrides": [{"methods": ["iql"], "config": {"expectile": 0.5}, "reason": "r"}]},
            "other",
        ),
        ({"overrides": [{"methods": ["bc"], "batch_size": 8, "reason": "r"}]}, "port"),
        ({"overrides": [{"observations": "standardised", "reason": "r"}]}, "other"),
    ],
)
def test_departures_from_the_papers_settings_are_another_stratum(
    change: dict, stratum: str, tmp_path: Path, record: Path
) -> None:
    raw = suite().model_dump(exclude_none=True) | change
    chosen = Suite.model_validate(raw)
    folder = scores(tmp_path / "paper", (TASK,))
    if "updates" in change:  # the last evaluation is that of the shorter run
        frame = pd.read_csv(folder / "scores.csv")
        frame[frame["step"] <= 500_000].to_csv(folder / "scores.csv", index=False)
    add_source(folder, chosen, catalogue(), {}, "abc1234", record)
    rows = read_record(record).scores
    assert set(rows[rows["source"] == "own-paper"]["stratum"]) == {stratum}


def test_an_online_phase_gives_before_and_after(tmp_path: Path, record: Path) -> None:
    folder = scores(tmp_path / "paper", ("antmaze-umaze-v0",), online=True)
    add_source(folder, suite(), catalogue(), {}, "abc1234", record)
    rows = read_record(record).scores
    rows = rows[rows["source"] == "own-paper"].set_index("kind")
    assert set(rows.index) == {"before", "after"}
    assert (rows.loc["before", "online_steps"], rows.loc["after", "online_steps"]) == (0, 1e6)
    assert (rows.loc["before", "mean"], rows.loc["after", "mean"]) == (63.0, 83.0)

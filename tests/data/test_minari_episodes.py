"""Data as people have them: dictionaries, other actions, several parts, no environment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, Space
from helpers.d4rl_files import FLAGS, arrays, task, write
from helpers.minari_datasets import ANT_MAZE, KITCHEN, POINT_MAZE, store
from helpers.projects import one_sentence

from bench.config.d4rl_files import files_of
from bench.data import convert, prepare
from bench.data.transitions import Transitions
from bench.errors import BenchError

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
MINARI = Path("minari")
UNIT = Box(-1.0, 1.0, (2,))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards


def prepared(**changes: Any) -> tuple[Transitions, dict[str, Any]]:
    """The arrays and the card of a task without an environment, unless `changes` name one."""
    row = task(**({"recipe": "none", "dataset": "mine/a-v0", "env_id": "none"} | changes))
    folder = prepare.prepare(row, MINARI)
    assert folder == Path("data/transitions") / row.transitions
    return Transitions.load(folder), json.loads((folder / "card.json").read_text())


def found(card: dict[str, Any], rule: str) -> str:
    return str({f["rule"]: f["finding"] for f in card["audit"]}[rule])


@pytest.mark.parametrize(
    ("space", "env_id", "actions", "parts"),
    [
        (POINT_MAZE, "gymnasium_robotics:PointMaze_UMaze-v3", 2, {"achieved_goal": 2}),
        (ANT_MAZE, "gymnasium_robotics:AntMaze_UMaze-v4", 8, {"achieved_goal": 2}),
        (KITCHEN, "none", 9, {"achieved_goal/kettle": 7, "achieved_goal/microwave": 1}),
    ],
)
def test_a_dictionary_is_flattened_in_the_order_that_the_card_names(
    space: Dict, env_id: str, actions: int, parts: dict[str, int]
) -> None:
    episodes = store(MINARI, "mine/a-v0", space, Box(-1.0, 1.0, (actions,)))
    data, card = prepared(env_id=env_id)
    names = list(card["observations"])
    assert names[: len(parts)] == list(parts)
    assert names[-1] == "observation"
    assert card["observations"] | parts == card["observations"]
    columns = []
    for name in names:
        values: Any = [episode.observations for episode in episodes]
        for key in name.split("/"):
            values = [value[key] for value in values]
        columns.append(np.concatenate([value[:-1] for value in values]))
    expected = np.concatenate(columns, axis=1).astype(np.float32)
    np.testing.assert_array_equal(data.observations, expected)
    assert found(card, "observations flattened").endswith(
        f"the goal: {', '.join(name for name in names if 'goal' in name)}"
    )


def test_a_dictionary_of_another_environment_is_refused() -> None:
    other = Dict({"a": Box(-1, 1, (2,)), "b": Box(-1, 1, (6,))})
    store(MINARI, "mine/a-v0", other, UNIT)
    with pytest.raises(BenchError) as caught:
        prepared(env_id="gymnasium_robotics:PointMaze_UMaze-v3")
    assert "have the parts a (2), b (6) but gymnasium_robotics" in one_sentence(caught.value)


def test_actions_of_any_box_are_rescaled_for_training() -> None:
    box = Box(np.array([0.0, -10.0]), np.array([4.0, 30.0]), dtype=np.float64)
    episodes = store(MINARI, "mine/a-v0", Box(-1, 1, (3,)), box)
    data, card = prepared()
    raw = np.concatenate([episode.actions for episode in episodes])
    np.testing.assert_allclose(data.actions, (raw - [2, 10]) / [2, 20], atol=1e-6)
    assert card["actions"] == {"low": [0, -10], "high": [4, 30]}
    assert "actions rescaled to [-1, 1]" in {f["rule"] for f in card["audit"]}


@pytest.mark.parametrize(
    ("space", "actions", "said"),
    [
        (Box(-1, 1, (3,)), Discrete(3), "DiscreteCQL"),
        (Discrete(4), UNIT, "neither a box with one axis nor a dictionary"),
        (Dict({"camera": Box(0, 255, (8, 8, 3), np.uint8)}), UNIT, "observations, camera: Box"),
    ],
)
def test_what_no_method_takes_says_what_to_use(
    space: Space[Any], actions: Space[Any], said: str
) -> None:
    store(MINARI, "mine/a-v0", space, actions)
    with pytest.raises(BenchError) as caught:
        prepared()
    assert said in one_sentence(caught.value)


def test_minari_parts_are_joined_in_the_order_of_the_recipe() -> None:
    first = store(MINARI, "mine/a-v0", POINT_MAZE, UNIT)
    second = store(MINARI, "mine/b-v0", POINT_MAZE, UNIT, lengths=(2,), seed=1)
    data, card = prepared(recipe="minari:mine/b-v0,mine/a-v0", dataset="mine/both-v0")
    actions = np.concatenate([episode.actions for episode in [*second, *first]])
    np.testing.assert_array_equal(data.actions, actions)
    assert data.episodes.tolist() == [0] * 2 + [1] * 4 + [2] * 3
    assert (card["episodes"], card["rows"]) == (3, 9)
    store(MINARI, "mine/c-v0", POINT_MAZE, Box(-2.0, 2.0, (2,)))
    with pytest.raises(BenchError, match="join datasets with the same actions"):
        prepared(recipe="minari:mine/c-v0,mine/a-v0", dataset="mine/both-v0")


@pytest.mark.parametrize("successors", [True, False])
def test_hdf5_parts_are_joined_and_checked_each(successors: bool) -> None:
    parts = [arrays(*FLAGS, successors), arrays([0, 0, 1], [0, 0, 0], successors)]
    for name, content in zip(("part-0", "part-1"), parts, strict=True):
        write(Path(f"{name}.hdf5"), content)
    row = task("hdf5:part-*.hdf5", env_id="none")
    convert.convert(row, MINARI)
    data, card = prepared(recipe=row.recipe, dataset=row.dataset)
    alone = []
    for name in ("part-0", "part-1"):
        convert.convert(task(f"hdf5:{name}.hdf5", env_id="none"), MINARI)
        alone.append(prepared(recipe="none", dataset=row.dataset)[0].rewards.copy())
    np.testing.assert_array_equal(data.rewards, np.concatenate(alone))
    assert found(card, "part-1.hdf5: rows flagged terminal and timeout") == "0"
    assert card["collection"]["source"] == "part-0.hdf5, part-1.hdf5"
    assert len(card["collection"]["source_sha256"].split(", ")) == 2


def test_parts_that_differ_in_kind_are_refused_together() -> None:
    write(Path("a.hdf5"), arrays(*FLAGS))
    write(Path("b.hdf5"), arrays(*FLAGS, successors=False))
    with pytest.raises(BenchError, match=r"a\.hdf5, b\.hdf5: some have next_observations"):
        convert.convert(task("hdf5:a.hdf5,b.hdf5"), MINARI)


def test_a_pattern_without_a_file_is_named() -> None:
    with pytest.raises(BenchError, match=r"no file matches absent-\*\.hdf5; correct it"):
        files_of("mine/a-v0", "hdf5:absent-*.hdf5")


def test_a_file_without_an_environment_may_record_its_bounds() -> None:
    content = arrays(*FLAGS)
    content["actions"] *= 4
    write(Path("mine.hdf5"), content)
    convert.convert(task(env_id="none"), MINARI)
    with pytest.raises(BenchError, match="lies outside the bounds of actions"):
        prepared(dataset="mine/hopper/first-v0")
    bounds = {"action_low": np.full(3, -4.0), "action_high": np.full(3, 4.0)}
    write(Path("mine.hdf5"), content, **bounds)
    convert.convert(task(env_id="none"), MINARI)
    data, card = prepared(dataset="mine/hopper/first-v0")
    np.testing.assert_allclose(data.actions, content["actions"][: len(data)] / 4, atol=1e-6)
    assert card["actions"]["high"] == [4, 4, 4]
    write(Path("mine.hdf5"), content, action_low=np.zeros(2), action_high=np.ones(3))
    with pytest.raises(BenchError, match=r"action_low: not of shape \(3,\)"):
        convert.convert(task(env_id="none"), MINARI)


def test_a_maximum_of_rows_keeps_whole_episodes() -> None:
    lengths = (4, 3, 5, 2, 6)
    store(MINARI, "mine/a-v0", Box(-1, 1, (3,)), UNIT, lengths)
    everything, _ = prepared()
    data, card = prepared(max_rows=11)
    assert 11 - max(lengths) < len(data) <= 11
    for start, length in zip(data.starts(), data.lengths(), strict=True):
        assert length == lengths[data.episodes[start]]
        whole = everything.rewards[everything.episodes == data.episodes[start]]
        np.testing.assert_array_equal(data.rewards[start : start + length], whole)
    assert found(card, "rows kept, of episodes at random") == f"{len(data)} of 20"
    assert len(prepared(max_rows=1)[0]) == 1  # a single episode is cut
    assert len(prepared(max_rows=20)[0]) == 20


def test_what_is_not_set_leaves_no_trace() -> None:
    """Settings, records and folders from before these columns keep their bytes."""
    assert "max_rows" not in task().model_dump()
    assert task().transitions == "mine/hopper/first-v0"
    assert task(max_rows=5, reading="d4rl").transitions == "mine/hopper/first-v0-d4rl-max-5"
    assert task(max_rows=5).deciding()["max_rows"] == 5

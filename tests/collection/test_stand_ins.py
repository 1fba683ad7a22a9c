"""Stand-ins have the structure of D4RL's files, and say everywhere that they are none of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from helpers.d4rl_files import arrays, write
from minari.data_collector import EpisodeBuffer

from bench.collection import stand_ins
from bench.config import d4rl_files
from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import Source, read_sources
from bench.config.task import origin_of
from bench.data import convert, prepare
from bench.data.fetch_d4rl import fetch, sha256
from bench.errors import BenchError

SOURCES, CATALOGUE = read_sources(), Catalogue()
NAME = "hopper-medium-v2"
ROWS, DISTINCT = 6_000, 4_000
GOAL = np.array([0.5, 8.5])

# D4RL's keys with their shapes after the rows, and types, by kind of file.
GYM = {
    "observations": ((11,), "float32"),
    "actions": ((3,), "float32"),
    "next_observations": ((11,), "float32"),
    "rewards": ((), "float32"),
    "terminals": ((), "bool"),
    "timeouts": ((), "bool"),
    "infos/action_log_probs": ((), "float64"),
    "infos/qpos": ((6,), "float64"),
    "infos/qvel": ((6,), "float64"),
}
ANTMAZE = {
    "observations": ((29,), "float32"),
    "actions": ((8,), "float32"),
    "rewards": ((), "float32"),
    "terminals": ((), "float32"),
    "timeouts": ((), "bool"),
    "infos/goal": ((2,), "float32"),
    "infos/qpos": ((15,), "float32"),
    "infos/qvel": ((14,), "float32"),
}
LAYERS = ("fc0", "fc1", "last_fc", "last_fc_log_std")
POLICY = {f"metadata/policy/{x}/{y}" for x in LAYERS for y in ("weight", "bias")} | {
    "metadata/policy/nonlinearity",
    "metadata/policy/output_distribution",
}
ABOUT = {"metadata/algorithm", "metadata/iteration"}


def episode(
    length: int, terminated: bool, obs: int = 11, act: int = 3, first: np.ndarray | None = None
) -> EpisodeBuffer:
    """An episode of random numbers, from `first` if that is given."""
    rng = np.random.default_rng([length, terminated])
    seen = rng.normal(size=(length + 1, obs)).astype(np.float32)
    if first is not None:
        seen[0] = first
    flags = np.zeros((2, length), dtype=bool)
    flags[0 if terminated else 1, -1] = True
    return EpisodeBuffer(
        observations=seen,
        actions=rng.uniform(-1, 1, (length, act)).astype(np.float32),
        rewards=rng.normal(size=length).astype(np.float32),
        terminations=flags[0],
        truncations=flags[1],
    )


def structure(content: stand_ins.Arrays) -> dict[str, tuple[tuple[int, ...], str]]:
    return {
        k: (v.shape[1:], str(v.dtype)) for k, v in content.items() if k.split("/")[0] != "metadata"
    }


# --- the layout of locomotion ---------------------------------------------------------

POOL = [episode(30, True), episode(1000, False), episode(40, True), episode(7, False)]


@pytest.mark.parametrize(
    ("kind", "metadata"),
    [("medium", ABOUT | POLICY), ("medium-replay", ABOUT), ("medium-expert", set())],
)
def test_the_keys_of_a_locomotion_file(kind: str, metadata: set[str]) -> None:
    made = stand_ins.gym_file([*POOL, *POOL], SOURCES[NAME], kind, 3_000, 0.008)
    assert structure(made) == GYM
    assert made.keys() - GYM.keys() == metadata
    assert {len(made[key]) for key in GYM} == {3_000}


def test_whole_episodes_repeat_and_the_last_is_unfinished() -> None:
    made = stand_ins.gym_file(POOL, SOURCES[NAME], "medium", 2_000, 0.008)
    round_ = 30 + 1000 + 40  # the cut episode of 7 is none
    assert np.flatnonzero(made["terminals"]).tolist() == [29, round_ - 1, round_ + 29]
    assert np.flatnonzero(made["timeouts"]).tolist() == [1029]
    np.testing.assert_array_equal(made["actions"][:900], made["actions"][round_ : round_ + 900])
    ends = made["terminals"] | made["timeouts"]
    same = (made["next_observations"][:-1] == made["observations"][1:]).all(axis=1)
    np.testing.assert_array_equal(same, ~ends[:-1])
    np.testing.assert_array_equal(made["infos/qpos"][:, 1:], made["observations"][:, :5])
    np.testing.assert_array_equal(made["infos/qvel"], made["observations"][:, 5:])
    np.testing.assert_allclose(
        np.diff(made["infos/qpos"][:30, 0]), 0.008 * made["infos/qvel"][1:30, 0]
    )


def test_a_replay_buffer_is_cut_every_thousand_rows_and_at_its_end() -> None:
    pool = [episode(300, True), episode(450, True)]
    made = stand_ins.gym_file(pool, SOURCES[NAME], "medium-replay", 2_100, 0.008)
    assert np.flatnonzero(made["timeouts"]).tolist() == [999, 1999, 2099]
    assert np.flatnonzero(made["terminals"]).tolist() == [299, 749, 1449, 1749]
    np.testing.assert_array_equal(made["actions"][750:1000], pool[0].actions[:250])
    np.testing.assert_array_equal(made["actions"][1000:1450], pool[1].actions)
    np.testing.assert_array_equal(made["next_observations"][999], pool[0].observations[250])


@pytest.mark.parametrize("name", ["hopper-medium-replay-v2", "walker2d-medium-replay-v2"])
def test_a_replay_buffer_has_as_many_rows_to_learn_from_as_d4rls(name: str) -> None:
    source = SOURCES[name]
    assert source.rows is not None
    pool = [episode(300, True), episode(457, True)]
    made = stand_ins.gym_file(pool, source, "medium-replay", source.rows, 0.008)
    assert source.rows - 1 - made["timeouts"][:-1].sum() == source.qlearning_rows


def test_experts_follow_a_finished_trajectory() -> None:
    medium, expert = [episode(100, True)] * 10, [episode(50, True)] * 20
    made = stand_ins.gym_file([*medium, *expert], SOURCES[NAME], "medium-expert", 450, 0.008)
    half = 225
    ends = np.flatnonzero(made["terminals"] | made["timeouts"]).tolist()
    assert ends == [99, 199, half - 1, *range(half + 49, 450, 50)]
    assert np.flatnonzero(made["timeouts"]).tolist() == [half - 1]
    np.testing.assert_array_equal(made["actions"][half:][:50], expert[0].actions)


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(BenchError, match=rf"{NAME}: no episode .* collect more with --distinct"):
        stand_ins.gym_file([episode(7, False)], SOURCES[NAME], "medium", 50, 0.008)
    cut = [episode(7, False, 29, 8)]
    with pytest.raises(BenchError, match=r"no walk of 700 steps"):
        stand_ins.antmaze_file(cut, SOURCES["antmaze-umaze-v0"], 50, GOAL)


# --- the layout of AntMaze ------------------------------------------------------------


def walk(steps: int) -> list[EpisodeBuffer]:
    """A walk in two episodes: it reaches the goal after 100 steps, stays for 3 rows, goes on."""
    first = episode(100, True, 29, 8)
    second = episode(steps - 100, False, 29, 8, first.observations[-1])
    for part in (first, second):
        part.observations[:, :2] = 20.0
    first.observations[-1, :2] = second.observations[:3, :2] = GOAL
    return [first, second]


def test_the_keys_of_an_antmaze_file() -> None:
    made = stand_ins.antmaze_file(walk(700), SOURCES["antmaze-umaze-v0"], 1_500, GOAL)
    assert structure(made) == ANTMAZE
    assert {len(values) for values in made.values()} == {1_500}
    joined = np.concatenate([made["infos/qpos"], made["infos/qvel"]], axis=1)
    np.testing.assert_array_equal(joined, made["observations"])
    assert (made["infos/goal"] == GOAL).all()


def test_a_row_is_terminal_before_each_row_at_the_goal_and_the_walk_goes_on() -> None:
    parts = walk(700)
    made = stand_ins.antmaze_file(parts, SOURCES["antmaze-umaze-v0"], 1_500, GOAL)
    expected = [99, 100, 101]
    np.testing.assert_array_equal(np.flatnonzero(made["rewards"])[:3], expected)
    np.testing.assert_array_equal(made["rewards"], made["terminals"])
    np.testing.assert_array_equal(made["observations"][:100], parts[0].observations[:100])
    np.testing.assert_array_equal(made["observations"][100:701], parts[1].observations)
    np.testing.assert_array_equal(made["actions"][699], made["actions"][700])
    assert np.flatnonzero(made["timeouts"]).tolist() == [700, 1401]


def test_the_last_row_before_a_walk_looks_at_the_next_walk() -> None:
    parts = walk(700)
    parts[0].observations[0, :2] = GOAL
    made = stand_ins.antmaze_file(parts, SOURCES["antmaze-umaze-v0"], 1_402, GOAL)
    assert made["timeouts"][700]
    assert made["rewards"][700] == 1
    assert made["rewards"][1401] == 0


@pytest.mark.parametrize(
    ("dataset", "timeouts"),
    [
        ("antmaze-medium-play-v0", [999, 1999, 2999]),  # out of step with the walks
        ("antmaze-medium-play-v2", [1000, 2001]),
    ],
)
def test_the_first_version_has_timeouts_out_of_step(dataset: str, timeouts: list[int]) -> None:
    made = stand_ins.antmaze_file(walk(1000), SOURCES[dataset], 3_000, GOAL)
    assert np.flatnonzero(made["timeouts"]).tolist() == timeouts
    moved = np.abs(np.diff(made["observations"][:, 2]))  # a walk has 1,001 rows
    np.testing.assert_array_equal(moved[:1000], moved[1001:2001])


def test_walks_that_were_cut_are_left_out() -> None:
    cut = [episode(100, True, 29, 8), episode(300, False, 29, 8)]  # the second begins elsewhere
    assert stand_ins.whole_walks(cut, 400) == []
    (joined,) = stand_ins.whole_walks([*cut, *walk(400)], 400)
    assert [len(values) for values in joined] == [401, 401]


# --- files, and what follows from them ------------------------------------------------


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stand-in of one file in a folder of its own, with the table."""
    out = tmp_path_factory.mktemp("stand-ins")
    stand_ins.make([CATALOGUE.task(NAME)], out, DISTINCT, ROWS)
    return out


@pytest.fixture
def rehearsal(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose table expects the stand-in, which has been fetched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards
    Path("config").mkdir()
    shutil.copy(made / "d4rl.tsv", "config/d4rl.tsv")
    return fetch(read_sources()[NAME], local=made)


def test_a_file_has_d4rls_place_keys_and_rows_and_the_mark(made: Path) -> None:
    path = made / "gym_mujoco_v2/hopper_medium-v2.hdf5"
    with h5py.File(path) as file:
        assert file.attrs["origin"] == "stand-in"
        assert {k: (file[k].shape[1:], str(file[k].dtype)) for k in GYM} == GYM
        assert {len(file[key]) for key in GYM} == {ROWS}
        assert file["metadata/algorithm"][()] == b"stand-in"
        content = {key: file[key][()] for key in GYM}
    twice = [made / name for name in ("first.hdf5", "second.hdf5")]
    for copy in twice:
        stand_ins.write(copy, content)
    assert sha256(twice[0]) == sha256(twice[1])


def test_the_table_differs_from_d4rls_in_the_rows_of_stand_ins(made: Path) -> None:
    table = read_sources(made / "d4rl.tsv")
    assert table.keys() == SOURCES.keys()
    assert [name for name, row in table.items() if row != SOURCES[name]] == [NAME]
    row, theirs = table[NAME], SOURCES[NAME]
    assert (row.origin, theirs.origin) == ("stand-in", "D4RL")
    assert (row.urls, row.rows, row.qlearning_rows) == (theirs.urls, ROWS, ROWS - 1)
    assert row.sha256 not in (None, theirs.sha256)


@pytest.mark.parametrize("recipe", ["d4rl", "hdf5:data/d4rl/hopper_medium-v2.hdf5"])
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.usefixtures("rehearsal")
def test_the_card_carries_the_mark(recipe: str) -> None:
    task = CATALOGUE.task(NAME).model_copy(update={"recipe": recipe})
    convert.convert(task, Path("data/minari"))
    folder = prepare.prepare(task, Path("data/minari"))
    card = json.loads((folder / "card.json").read_text())
    assert card["origin"] == origin_of(task, card) == "stand-in"
    assert origin_of(task, {}) == origin_of(task, None) == task.origin
    assert card["collection"]["source"] == "data/d4rl/hopper_medium-v2.hdf5"  # no address of D4RL's
    assert card["rows"] == ROWS - 1


def test_d4rls_table_refuses_a_stand_in(made: Path, rehearsal: Path) -> None:
    shutil.rmtree("config")
    with pytest.raises(BenchError, match=r"bytes where .* expects 152,756,557"):
        convert.convert(CATALOGUE.task(NAME), Path("data/minari"))
    rehearsal.unlink()
    with pytest.raises(BenchError, match=r"bytes where .* expects 152,756,557"):
        fetch(SOURCES[NAME], local=made)


def expect(row: Source, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
    """Let the table have nothing but `row`, without a size and a sha256."""
    row = row.model_copy(update={"bytes": None, "sha256": None, **changes})
    monkeypatch.setattr(d4rl_files, "read_sources", lambda: {NAME: row})


@pytest.mark.usefixtures("rehearsal")
def test_where_no_sha256_is_known_the_mark_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    row = read_sources()[NAME]
    expect(row, monkeypatch, origin="D4RL")
    with pytest.raises(BenchError, match=r"a stand-in, but .* expects D4RL in the column origin"):
        convert.convert(CATALOGUE.task(NAME), Path("data/minari"))
    expect(row, monkeypatch)
    write(row.path, arrays([0] * 9 + [1], [0] * 10))
    with pytest.raises(BenchError, match=r"not marked as a stand-in, but .* expects stand-in"):
        convert.convert(CATALOGUE.task(NAME), Path("data/minari"))

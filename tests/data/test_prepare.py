"""Storage: from a Minari dataset on disk to arrays and card, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
from gymnasium.spaces import Box
from helpers import d4rl_files
from helpers.d4rl_files import FLAGS, arrays, task
from helpers.flat_data import ARRAYS, flat, two_episodes
from minari import create_dataset_from_buffers
from minari.data_collector import EpisodeBuffer

from bench.data import convert
from bench.data import prepare as data_prepare
from bench.data.prepare import write
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.files import read_sealed, sealed

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards


# --- arrays ---------------------------------------------------------------------------


def test_write_and_load_round_trip_as_memory_maps(tmp_path: Path) -> None:
    data = flat()
    write(data, {"rows": 5}, tmp_path / "a/b/set")
    loaded = Transitions.load(tmp_path / "a/b/set")
    for name in ARRAYS:
        array = getattr(loaded, name)
        assert isinstance(array, np.memmap)
        assert not array.flags.writeable
        assert array.dtype == getattr(data, name).dtype
        np.testing.assert_array_equal(array, getattr(data, name))
    assert read_sealed(tmp_path / "a/b/set/card.json") == sealed({"rows": 5})
    np.testing.assert_array_equal(loaded.returns(), [6, -3.5])


def test_writing_again_replaces_all(tmp_path: Path) -> None:
    write(flat(), {"rows": 5}, tmp_path / "set")
    write(flat(two_episodes()[:1]), {"rows": 3}, tmp_path / "set")
    assert len(Transitions.load(tmp_path / "set")) == 3
    assert read_sealed(tmp_path / "set/card.json")["rows"] == 3


@pytest.mark.parametrize("name", ARRAYS)
def test_a_missing_array_is_named(tmp_path: Path, name: str) -> None:
    write(flat(), {}, tmp_path / "set")
    (tmp_path / f"set/{name}.npy").unlink()
    with pytest.raises(BenchError, match=rf"{name}\.npy: file not found; run `python -m bench"):
        Transitions.load(tmp_path / "set")


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("survives", [0, 3])
def test_a_failed_write_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool, survives: int
) -> None:
    folder = tmp_path / "set"
    if existing:
        write(flat(), {"rows": 5}, folder)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    saves = []
    save = np.save

    def full_disk(path: Path, *args: Any, **options: Any) -> None:
        if len(saves) == survives:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        saves.append(path)
        save(path, *args, **options)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        write(flat(two_episodes()[:1]), {"rows": 3}, folder)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert folder.exists() == existing


# --- prepare --------------------------------------------------------------------------

OBS, ACT = 11, 3  # Hopper-v4


def store(root: Path, monkeypatch: pytest.MonkeyPatch, observation_dim: int = OBS) -> list[Any]:
    """A Minari dataset toy/hopper-v0 of two episodes, the first of which terminates."""
    rng = np.random.default_rng(5)
    buffers = []
    for steps, terminated in ((4, True), (3, False)):
        flags = np.zeros((2, steps), dtype=bool)
        flags[0 if terminated else 1, -1] = True
        buffers.append(
            EpisodeBuffer(
                observations=rng.normal(size=(steps + 1, observation_dim)).astype(np.float32),
                actions=rng.uniform(-0.9, 0.9, (steps, ACT)).astype(np.float32),
                rewards=rng.normal(size=steps).astype(np.float32),
                terminations=flags[0],
                truncations=flags[1],
            )
        )
    root.mkdir(exist_ok=True)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(root))
    create_dataset_from_buffers(
        "toy/hopper-v0",
        buffers,
        observation_space=Box(-np.inf, np.inf, (observation_dim,)),
        action_space=Box(-1.0, 1.0, (ACT,)),
        env=gymnasium.spec("Hopper-v4"),
        description="toy",
    )
    return buffers


def prepare(root: Path, env_id: str = "Hopper-v4") -> Path:
    row = task("none", task="toy-task", dataset="toy/hopper-v0", env_id=env_id)
    return data_prepare.prepare(row, root)


def test_rows_and_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = store(tmp_path / "minari", monkeypatch)
    folder = prepare(Path("minari"))
    data = Transitions.load(folder)
    np.testing.assert_array_equal(
        data.observations, np.concatenate([first.observations[:-1], second.observations[:-1]])
    )
    np.testing.assert_array_equal(
        data.next_observations,
        np.concatenate([first.observations[1:], second.observations[1:]]),
    )
    np.testing.assert_array_equal(data.actions, np.concatenate([first.actions, second.actions]))
    np.testing.assert_array_equal(data.masks, [1, 1, 1, 0, 1, 1, 1])
    content = json.loads((folder / "card.json").read_text())
    assert content["task"] == "toy-task"
    assert content["dataset"] == "toy/hopper-v0"
    assert (content["rows"], content["episodes"]) == (7, 2)
    assert (content["terminations"], content["truncations"]) == (1, 1)
    mean = (first.rewards.sum() + second.rewards.sum()) / 2
    assert content["return"]["mean"] == pytest.approx(mean, rel=1e-5)
    assert {f["verdict"] for f in content["audit"]} == {"ok"}
    assert "Hopper-v4, scored in Hopper-v4" in {f["finding"] for f in content["audit"]}


def test_a_missing_dataset_is_named() -> None:
    with pytest.raises(BenchError, match=r"^minari/toy/hopper-v0: no Minari dataset .*collect"):
        prepare(Path("minari"))
    assert not Path("data").exists()


def test_another_robot_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path / "minari", monkeypatch)
    with pytest.raises(BenchError) as caught:
        prepare(Path("minari"), "HalfCheetah-v4")
    text = str(caught.value)
    for part in ("minari/toy/hopper-v0", "(11,)", "(17,)", "HalfCheetah-v4", "'toy-task'"):
        assert part in text
    assert not Path("data").exists()


def test_other_observations_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path / "minari", monkeypatch, observation_dim=OBS + 1)
    with pytest.raises(BenchError, match=r"\(12,\).*Hopper-v4.*\(11,\)"):
        prepare(Path("minari"))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_download_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    store(tmp_path / "minari", monkeypatch)
    path = tmp_path / "minari/toy/hopper-v0/data/main_data.hdf5"
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(BenchError, match=r"main_data\.hdf5: not an HDF5 file, or damaged"):
        prepare(Path("minari"))
    assert not Path("data").exists()


def test_metadata_that_is_no_json_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store(tmp_path / "minari", monkeypatch)
    (tmp_path / "minari/toy/hopper-v0/data/metadata.json").write_text('{"torn')
    with pytest.raises(BenchError, match=r"metadata\.json: not valid JSON"):
        prepare(Path("minari"))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("audit", "x", "audit: 'x' is not list"),
        ("total_episodes", "x", "total_episodes: 'x' is not int"),
        ("observation_space", None, "cannot be read"),
        ("data_format", "arrow", "cannot be read"),
    ],
)
def test_metadata_of_the_wrong_kind_is_named(
    key: str, value: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path / "minari", monkeypatch)
    path = tmp_path / "minari/toy/hopper-v0/data/metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(BenchError, match=said):
        prepare(Path("minari"))


@pytest.mark.parametrize(
    ("space", "name"), [("observation_space", "observations"), ("action_space", "actions")]
)
def test_a_space_that_no_method_takes_is_named(
    space: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path / "minari", monkeypatch)
    path = tmp_path / "minari/toy/hopper-v0/data/metadata.json"
    discrete = json.dumps({"type": "Discrete", "dtype": "int64", "start": 0, "n": 3})
    path.write_text(json.dumps(json.loads(path.read_text()) | {space: discrete}))
    with pytest.raises(BenchError, match=f"{name}: .*Discrete\\(3\\)"):
        prepare(Path("minari"))


@pytest.mark.parametrize("key", ["rewards", "actions", "terminations"])
def test_a_part_of_an_episode_that_is_no_array_is_named(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(tmp_path / "minari", monkeypatch)
    with h5py.File(tmp_path / "minari/toy/hopper-v0/data/main_data.hdf5", "a") as file:
        del file[f"episode_0/{key}"]
        file[f"episode_0/{key}"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(BenchError, match=f"episode_0/{key}: a link to elsewhere"):
        prepare(Path("minari"))


def test_the_folders_of_a_user_are_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "someone"))
    d4rl_files.write(tmp_path / "someone/mine.hdf5", arrays(*FLAGS))
    row = task("hdf5:~/mine.hdf5")
    convert.convert(row, Path("minari"))
    metadata = (Path("minari") / row.dataset / "data/metadata.json").read_text()
    card = (data_prepare.prepare(row, Path("minari")) / "card.json").read_text()
    assert '"source": "mine.hdf5"' in card
    assert "someone" not in metadata + card

"""Minari's own datasets: from a remote, from a copied folder, checked, and never half there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium
import h5py
import numpy as np
import pytest
from helpers import warm_jobs
from helpers.minari_hub import DATASET, make_dataset
from helpers.paths import ROOT
from helpers.projects import one_sentence
from helpers.workflow_project import Project
from minari.storage import remotes
from minari.storage.remotes.cloud_storage import CloudStorage
from rehearsal.hub import Hub

from bench.cli import main
from bench.config.task import Task
from bench.config.validation import read_table
from bench.data import fetch_minari, prepare
from bench.data.transitions import Transitions
from bench.errors import BenchError

TASK = "minari-hopper-medium-v0"
FOLDER = Path("data/minari") / DATASET


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of minari's with the dataset in it."""
    root = tmp_path_factory.mktemp("minari")
    make_dataset(root)
    return root


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINARI_DATASETS_PATH", raising=False)


Spoil = Callable[[Path], None]


@pytest.fixture
def remote(source: Path, monkeypatch: pytest.MonkeyPatch) -> list[Spoil]:
    """minari's own interface of a remote, over `source`; what is in the list spoils downloads."""
    spoils: list[Spoil] = []

    class Remote(CloudStorage):
        def __init__(self, name: str, token: str | None = None):
            assert name == "here"

        def list_datasets(self, prefix: str | None = None) -> list[str]:
            return [DATASET] if DATASET.startswith(prefix or "") else []

        def get_dataset_metadata(self, dataset_id: str) -> Any:
            return json.loads((source / dataset_id / fetch_minari.METADATA).read_text())

        def download_dataset(self, dataset_id: str, path: Path) -> None:
            shutil.copytree(source / dataset_id, path / dataset_id)
            for spoil in spoils:
                spoil(path / dataset_id)

        def list_namespaces(self) -> list[str]:
            return ["mujoco", "mujoco/hopper"]

        def download_namespace_metadata(self, namespace: str, path: Path) -> None:
            (path / namespace).mkdir(parents=True, exist_ok=True)

        def upload_dataset(self, dataset_id: str) -> None: ...

        def upload_namespace(self, namespace: str) -> None: ...

    monkeypatch.setitem(remotes._registry, "loopback", lambda: Remote)
    monkeypatch.setenv(fetch_minari.REMOTE, "loopback://here")
    return spoils


def refusal(dataset: str = DATASET, **options: Any) -> str:
    with pytest.raises(BenchError) as caught:
        fetch_minari.fetch(dataset, **options)
    assert not list(Path("data").rglob("*.hdf5"))
    assert not [p for p in Path("data").rglob(".fetching-*")]
    return one_sentence(caught.value)


# --- remotes --------------------------------------------------------------------------


def test_a_dataset_is_downloaded_by_minari_and_is_marked_unverified(
    remote: list[Spoil], source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fetch_minari.fetch(DATASET) == FOLDER
    original = source / DATASET
    assert (FOLDER / fetch_minari.DATA).read_bytes() == (original / fetch_minari.DATA).read_bytes()
    metadata = json.loads((FOLDER / fetch_minari.METADATA).read_text())
    assert metadata["source"] == f"loopback://here/{DATASET}"
    assert metadata["source_verified"] is False
    assert metadata["source_sha256"] in capsys.readouterr().out
    assert os.listdir("data/minari") == ["mujoco"]
    assert "MINARI_DATASETS_PATH" not in os.environ
    remote.append(lambda folder: pytest.fail("downloaded again"))
    assert fetch_minari.fetch(DATASET) == FOLDER


def cut(folder: Path) -> None:
    path = folder / fetch_minari.DATA
    path.write_bytes(path.read_bytes()[:-5000])


def drop(folder: Path) -> None:
    with h5py.File(folder / fetch_minari.DATA, "a") as file:
        del file["episode_0"]


def rename(folder: Path) -> None:
    path = folder / fetch_minari.METADATA
    path.write_text(path.read_text().replace("medium-v0", "expert-v0"))


def break_off(folder: Path) -> None:
    raise ConnectionError("the connection was reset\nby the peer")


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (cut, "data/main_data.hdf5 cannot be read"),
        (drop, "episodes but data/metadata.json says"),
        (rename, "names mujoco/hopper/expert-v0, not mujoco/hopper/medium-v0"),
        (
            lambda folder: (folder / fetch_minari.DATA).unlink(),
            "data/main_data.hdf5 cannot be read",
        ),
        (break_off, "(ConnectionError: the connection was reset by the peer); fix the network or"),
        (lambda folder: os.kill(os.getpid(), signal.SIGKILL), "(its process was killed); fix"),
    ],
)
def test_a_bad_download_is_refused_and_leaves_nothing(
    remote: list[Spoil], spoil: Spoil, expected: str
) -> None:
    remote.append(spoil)
    assert expected in refusal()


@pytest.mark.parametrize("address", ["ftp://here", "here", "loopback://here"])
def test_a_remote_that_has_it_not_names_the_way_round(
    remote: list[Spoil], monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv(fetch_minari.REMOTE, address)
    name = "mujoco/hopper/medium-v7"
    text = refusal(name)
    assert f"data/minari/{name}: {address} did not give it" in text
    assert f"`python -m bench fetch {name} --from FOLDER` here." in text


def fetch_over(hub: Hub, folder: Path) -> subprocess.CompletedProcess[str]:
    """The verb in a process of its own: huggingface_hub reads its address when it is imported."""
    variables = {
        "HF_ENDPOINT": hub.address,
        "HF_HOME": str(folder / "cache"),
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
    }
    return subprocess.run(
        ["python", "-m", "bench", "fetch", DATASET],
        cwd=folder,
        env=os.environ | warm_jobs.environment() | variables,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_hub_s_own_client_downloads_over_loopback(source: Path, tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub", reason="install requirements.lock")
    hub = Hub(source / "mujoco")
    with hub.serving():
        done = fetch_over(hub, tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"{FOLDER}: complete" in done.stdout
        assert any(line.startswith("GET /datasets/farama-minari/mujoco/res") for line in hub.asked)
        shutil.rmtree("data")
        del hub.files["hopper/medium-v0/data/main_data.hdf5"]
        done = fetch_over(hub, tmp_path)
    assert done.returncode == 2
    assert "main_data.hdf5 cannot be read" in done.stderr.splitlines()[-1]
    assert not list(Path("data").rglob("*.json"))


# --- a folder -------------------------------------------------------------------------


def test_a_copied_folder_is_taken_wherever_it_lies(source: Path, tmp_path: Path) -> None:
    for number, place in enumerate((source, source.parent, source / DATASET)):
        assert fetch_minari.fetch(DATASET, local=place) == FOLDER, number
        assert fetch_minari.fault(FOLDER, DATASET) is None
        shutil.rmtree("data")
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb/metadata.json").write_text("[]")
    text = refusal(local=tmp_path / "usb")
    assert f"{tmp_path / 'usb'}: no Minari dataset {DATASET} there; run `minari download" in text


def test_a_spoilt_copy_and_a_spoilt_dataset_are_refused(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source / DATASET, tmp_path / "usb/anything")
    cut(tmp_path / "usb/anything")
    assert f"{tmp_path}/usb/anything: data/main_data.hdf5 cannot" in refusal(local=tmp_path / "usb")
    cut(fetch_minari.fetch(DATASET, local=source))
    with pytest.raises(BenchError, match="delete it and fetch it again"):
        fetch_minari.fetch(DATASET, local=source)


def test_the_verb_takes_both_kinds_of_name(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(ROOT / "config", "config", symlinks=True)  # for the table of D4RL's files
    monkeypatch.setattr(sys, "argv", ["bench", "fetch", DATASET, "--from", str(source)])
    main.main()
    assert f"{FOLDER}: complete" in capsys.readouterr().out
    names = ["d4rl/hopper/medium-v2", DATASET]
    monkeypatch.setattr(sys, "argv", ["bench", "fetch", *names, "--from", str(source)])
    with pytest.raises(SystemExit):
        main.main()
    assert ": hopper_medium-v2.hdf5 not found" in capsys.readouterr().err


def rows_of(**wanted: str) -> list[Task]:
    """Rows of the committed table of tasks."""
    rows = [Task.model_validate(row) for row in read_table(ROOT / "config/tasks.tsv")]
    return [row for row in rows if all(getattr(row, k) == v for k, v in wanted.items())]


# --- what becomes of it ---------------------------------------------------------------


def test_the_fetched_dataset_becomes_transitions(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_minari.fetch(DATASET, local=source)
    [row] = rows_of(task=TASK)
    folder = prepare.prepare(row, Path("data/minari"))
    data = Transitions.load(folder)
    with h5py.File(source / DATASET / fetch_minari.DATA) as file:
        parts = [file[f"episode_{i}"]["observations"][:] for i in range(len(file))]
    np.testing.assert_array_equal(
        data.observations, np.concatenate([p[:-1] for p in parts]).astype(np.float32)
    )
    np.testing.assert_array_equal(
        data.next_observations, np.concatenate([p[1:] for p in parts]).astype(np.float32)
    )
    card = json.loads((folder / "card.json").read_text())
    assert card["rows"] == 300
    assert card["collection"]["source"] == "medium-v0"  # published without the folders above
    assert card["collection"]["source_verified"] is False


def test_the_workflow_fetches_what_is_not_there(source: Path, tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.suite |= {"tasks": [TASK], "methods": ["bc"]}
    planned = project.planned()
    assert planned["fetch_minari"] == planned["transitions"] == 1
    assert not {"collect", "convert", "fetch"} & set(planned)
    fetch_minari.fetch(DATASET, local=source)
    planned = project.planned()
    assert "fetch_minari" not in planned
    assert planned["transitions"] == 1


@pytest.mark.parametrize("robot", ["Hopper", "Walker2d"])
def test_a_score_of_0_is_what_random_actions_get(robot: str) -> None:
    """Mean of 400 episodes, within four of its standard errors; HalfCheetah's take too long."""
    rows = rows_of(env_id=f"{robot}-v5")
    assert len(rows) == 3
    env = gymnasium.make(f"{robot}-v5")
    env.action_space.seed(1)
    returns = []
    for episode in range(400):
        env.reset(seed=10_000 + episode)
        total, ended = 0.0, False
        while not ended:
            _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
            total, ended = total + float(reward), terminated or truncated
        returns.append(total)
    env.close()
    error = np.std(returns, ddof=1) / np.sqrt(len(returns))
    for row in rows:
        assert abs(np.mean(returns) - row.ref_min_score) < 4 * error

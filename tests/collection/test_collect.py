"""Local collection in MuJoCo: which snapshots, how many rows, whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import minari
import numpy as np
import pandas as pd
import pytest
import torch
from minari.data_collector import EpisodeBuffer
from safetensors.torch import load_file, save_file

from bench.collection import collect
from bench.data import minari_store
from bench.data.minari_episodes import flatten
from bench.data.prepare import audit
from bench.data.transitions import Transitions, content_hash
from bench.errors import BenchError

# Four snapshots of a near-deterministic Hopper policy: the first action component tells
# which of them acted, the second answers the torso's angle (observation 1).
LEVELS = (-0.75, -0.25, 0.25, 0.75)
OBS, ACT, GAIN = 11, 3, 5.0
pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning:minari")


# Which of them collect a recipe's data.
USED = {"medium": [2], "medium-replay": [0, 1, 2], "medium-expert": [2, 3]}


def write_ladder(folder: Path, levels: tuple[float, ...], roles: tuple[str, ...]) -> None:
    """Write a ladder of which rung i acts at level i."""
    folder.mkdir(parents=True)
    k = len(levels)
    bias = torch.zeros(k, 1, ACT)
    bias[:, 0, 0] = torch.tensor(levels)
    weights = torch.zeros(k, OBS, ACT)
    weights[:, 1, 1] = GAIN
    tensors = {
        "trunk.weights.0": weights,
        "trunk.biases.0": bias,
        "log_std": torch.full((k, 1, ACT), -4.0),
        "observation.mean": torch.zeros(k, 1, OBS),
        "observation.var": torch.ones(k, 1, OBS),
    }
    save_file(tensors, folder / "ladder.safetensors")
    content = {"rung": range(k), "step": [1000 * i for i in range(k)], "role": roles}
    content["return_mean"] = [10.0 * (i + 1) for i in range(k)]
    pd.DataFrame(content).to_csv(folder / "ladder.csv", index=False)


@pytest.fixture
def ladder(tmp_path: Path) -> Path:
    """The folder of three snapshots up to the medium one; the expert has a ladder of its own."""
    folder = tmp_path / "behaviors/hopper"
    write_ladder(folder, LEVELS[:3], ("replay", "replay", "medium"))
    write_ladder(tmp_path / "behaviors/hopper-expert", (0.0, LEVELS[3]), ("replay", "expert"))
    return folder


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))  # restored afterwards


def hopper(ladder: Path, recipe: str, rows: int, seed: int = 0) -> list[EpisodeBuffer]:
    return collect.locomotion("Hopper-v4", f"hopper/{recipe}", rows, seed, lambda _: None)[0]


def flat(episodes: list[Any]) -> Transitions:
    return flatten(episodes, "collected", OBS, ACT)


def rung_rows(data: Transitions) -> list[int]:
    """How many rows each snapshot collected."""
    nearest = np.abs(data.actions[:, :1] - np.array([LEVELS])).argmin(1)
    return np.bincount(nearest, minlength=len(LEVELS)).tolist()


# --- recipes --------------------------------------------------------------------------


def test_an_unknown_recipe_is_named_with_the_nearest(ladder: Path, tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"recipe 'medium-repaly'; did you mean 'medium-replay'\?"):
        collect.collect("Hopper-v4", "local/x-v0", "hopper/medium-repaly", 10, tmp_path / "minari")


@pytest.mark.parametrize("recipe", ["robot/medium", "none"])
def test_a_recipe_of_an_unknown_robot_is_named(ladder: Path, tmp_path: Path, recipe: str) -> None:
    with pytest.raises(BenchError, match=r"config/tasks\.tsv, recipe: .*use one of hopper, or"):
        collect.collect("Hopper-v4", "local/x-v0", recipe, 10, tmp_path / "minari")
    assert not (tmp_path / "minari").exists()


@pytest.mark.parametrize(
    ("recipe", "env_id"),
    [
        ("hopper/medium", "HalfCheetah-v4"),
        ("hopper/medium", "AntMazeHopper-v0"),
        ("pointmaze/stitch", "Hopper-v4"),
    ],
)
def test_a_recipe_in_another_environment_is_refused(
    ladder: Path, tmp_path: Path, recipe: str, env_id: str
) -> None:
    with pytest.raises(BenchError, match=f"the recipe '{recipe}' collects in .* not in {env_id}"):
        collect.collect(env_id, "local/x-v0", recipe, 10, tmp_path / "minari")
    assert not (tmp_path / "minari").exists()


def test_policies_of_other_observations_are_refused(ladder: Path, tmp_path: Path) -> None:
    content = load_file(ladder / "ladder.safetensors")
    content["trunk.weights.0"] = torch.zeros(3, OBS + 1, ACT)
    for name in ("observation.mean", "observation.var"):
        content[name] = torch.ones(3, 1, OBS + 1)
    save_file(content, ladder / "ladder.safetensors")
    with pytest.raises(BenchError, match=r"observations of 11 numbers, but the policies in .* 12"):
        run(tmp_path / "minari")


# --- locomotion -----------------------------------------------------------------------


@pytest.mark.parametrize("recipe", ["medium", "medium-replay", "medium-expert"])
@pytest.mark.parametrize("rows", [600, 605, 3])  # 3 is fewer than the streams
def test_exact_rows_in_equal_shares(ladder: Path, recipe: str, rows: int) -> None:
    data = flat(hopper(ladder, recipe, rows))
    assert len(data) == rows
    shares = rung_rows(data)
    used = USED[recipe]
    assert sum(shares[r] for r in used) == rows
    assert max(shares[r] for r in used) - min(shares[r] for r in used) <= 1


def test_each_stream_answers_its_own_observation(ladder: Path) -> None:
    data = flat(hopper(ladder, "medium-replay", 600))
    answer = np.clip(GAIN * data.observations[:, 1], -1, 1)
    np.testing.assert_allclose(data.actions[:, 1], answer, atol=0.1)  # five deviations
    assert np.ptp(answer) > 0.5


def test_streams_and_episodes_start_apart(ladder: Path) -> None:
    first = [e.observations[0].tobytes() for e in hopper(ladder, "medium-expert", 600)]
    assert len(set(first)) == len(first) > 8


def test_episodes_are_whole_and_end_for_a_reason(ladder: Path) -> None:
    episodes = hopper(ladder, "medium-replay", 600)
    ended_early = 0
    for e in episodes:
        steps = len(e.rewards)
        assert e.observations.shape == (steps + 1, OBS)
        assert e.actions.shape == (steps, ACT)
        assert e.terminations.shape == e.truncations.shape == (steps,)
        assert not e.terminations[:-1].any()
        assert not e.truncations[:-1].any()
        assert e.terminations[-1] != e.truncations[-1]
        # Hopper-v4 falls, and only then terminates, below 0.7 m or beyond 0.2 rad.
        height, angle = e.observations[-1][:2]
        assert e.terminations[-1] == (height <= 0.7 or abs(angle) >= 0.2)
        ended_early += bool(e.terminations[-1])
    assert ended_early > len(episodes) / 2
    data = flat(episodes)
    findings = {f["rule"]: f["verdict"] for f in audit(data, "x", -np.ones(ACT), np.ones(ACT))}
    assert set(findings.values()) == {"ok"}  # no two episodes begin alike, among others


def test_rows_obey_the_physics(ladder: Path) -> None:
    """Set the simulator to s, apply a: it must answer with the recorded r and s'."""
    data = flat(hopper(ladder, "medium", 400))
    env = gymnasium.make("Hopper-v4").unwrapped
    env.reset(seed=0)
    checked = 0
    for row in range(5, len(data), 20):
        s = data.observations[row].astype(np.float64)
        if np.abs(s[5:]).max() >= 10 or data.masks[row] == 0:  # velocities are clipped there
            continue
        env.set_state(np.concatenate([[0.0], s[:5]]), s[5:])
        following, reward, *_ = env.step(data.actions[row])
        np.testing.assert_allclose(following, data.next_observations[row], atol=0.02)
        assert reward == pytest.approx(data.rewards[row], abs=0.02)
        checked += 1
    env.close()
    assert checked >= 10


def test_the_policies_are_named(ladder: Path) -> None:
    _, said = collect.locomotion("Hopper-v4", "hopper/medium-expert", 8, 0, lambda _: None)
    policies = "hopper: medium at 2,000 steps (return 30)"
    policies += "; hopper-expert: expert at 1,000 steps (return 20)"
    assert said == {"policies": policies}


def test_progress_counts_each_row_once(ladder: Path) -> None:
    counts: list[int] = []
    collect.locomotion("Hopper-v4", "hopper/medium-expert", 605, 0, counts.append)
    assert sum(counts) == 605


# --- seeds ----------------------------------------------------------------------------


def test_the_same_seed_collects_the_same_data(ladder: Path) -> None:
    hashes = [content_hash(flat(hopper(ladder, "medium-expert", 100, s))) for s in (0, 0, 1)]
    assert hashes[0] == hashes[1] != hashes[2]


# --- storing --------------------------------------------------------------------------

ID = "local/hopper/medium-48-v0"


def run(root: Path, seed: int = 0) -> None:
    collect.collect("Hopper-v4", ID, "hopper/medium", 48, root, seed)


def files(root: Path) -> dict[str, bytes]:
    found = sorted(p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): p.read_bytes() for p in found}


def test_what_is_stored_is_what_was_collected(ladder: Path, tmp_path: Path) -> None:
    run(tmp_path / "minari")
    stored = flat(list(minari.MinariDataset(tmp_path / "minari" / ID / "data").iterate_episodes()))
    assert content_hash(stored) == content_hash(flat(hopper(ladder, "medium", 48)))
    names = sorted(files(tmp_path / "minari"))
    assert names == [f"{ID}/data/main_data.hdf5", f"{ID}/data/metadata.json"]


def test_collecting_again_replaces(ladder: Path, tmp_path: Path) -> None:
    run(tmp_path / "minari", seed=0)
    run(tmp_path / "minari", seed=1)
    stored = flat(list(minari.MinariDataset(tmp_path / "minari" / ID / "data").iterate_episodes()))
    assert content_hash(stored) == content_hash(flat(hopper(ladder, "medium", 48, 1)))


@pytest.mark.parametrize("existing", [False, True])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("stage", ["during", "after"])
def test_an_interrupted_store_leaves_things_as_they_were(
    ladder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    error: BaseException,
    existing: bool,
) -> None:
    root = tmp_path / "minari"
    if existing:
        run(root)
    before = files(root)
    create = minari_store.create_dataset_from_buffers

    def fail(dataset: str, *arguments: Any, **options: Any) -> None:
        if stage == "after":
            create(dataset, *arguments, **options)
        raise error

    monkeypatch.setattr(minari_store, "create_dataset_from_buffers", fail)
    with pytest.raises(type(error)):
        run(root, seed=1)
    assert files(root) == before
    assert not list(root.glob(".collecting-*"))
    assert not list(Path("logs/progress").glob("*"))

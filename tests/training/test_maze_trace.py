"""A finished run, traced: the networks that it saved, its episodes again, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.maze_walks import STITCH_ENV, walks
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.config.types import Settings
from bench.data import prepare
from bench.data.transitions import Transitions
from bench.environments import stitch_maze, vector
from bench.errors import BenchError
from bench.maze_plans import STITCH
from bench.paths import TRANSITIONS
from bench.records.sealed_tensors import sealed
from bench.report.sections.mazes import read_trace
from bench.training import maze_trace
from bench.training.evaluate import reset_seeds
from bench.training.maze_probes import rank_correlation
from bench.training.maze_trace import restored
from bench.training.train import train
from iql import iql

DATASET = "local/walks-v0"


def settings(**changes: Any) -> Settings:
    task = {"task": "maze", "family": "pointmaze", "env_id": STITCH_ENV, "dataset": DATASET}
    task |= {"recipe": "none"}
    content = {"suite": "tiny", "method": "iql", "task": task}
    content |= {"seeds": [0, 3], "updates": 20, "batch_size": 16, "log_every": 10}
    content |= {"rewards": "minus_one", "observations": "standardised"}
    content |= {"evaluation": {"every": 20, "episodes": 2}, "config": {"hidden": [8]}}
    content |= {"executor": "eager"}
    return Settings.model_validate(content | changes)


def store(data: Transitions, folder: Path) -> None:
    """Write transitions with the card that a run checks."""
    prepare.write(data, prepare.card(data), folder)


def made(place: Path, cell: Settings) -> Path:
    """A finished run of `cell`; its data are below the current folder."""
    folder = place / cell.method / "maze/0_3"
    train(cell, TRANSITIONS / DATASET, folder, "cpu", 1, 1e9)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    store(walks(), folder / TRANSITIONS / DATASET)
    return folder


@pytest.fixture(scope="module")
def finished(place: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        return made(place / "runs", settings())


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setattr(maze_trace, "SAMPLE", 200)


def steer(state: Any, observations: Tensor, config: Any) -> Tensor:
    """The maze's own controller, from standardised observations."""
    scaled = observations * steer.scale + steer.mean  # type: ignore[attr-defined]
    to_goal = STITCH.distances(STITCH.goal)
    flat = scaled.flatten(0, 1).double().numpy()
    actions = np.array([stitch_maze.controller(o, to_goal, np.zeros(2)) for o in flat], np.float32)
    return torch.from_numpy(actions).unflatten(0, observations.shape[:2])


def test_values_are_those_of_the_saved_networks(finished: Path) -> None:
    maze_trace.trace(finished)
    found, saved = load_file(finished / "trace.safetensors"), load_file(
        finished / "policy.safetensors"
    )  # fmt: skip
    assert {name: tuple(t.shape) for name, t in found.items() if name != "paths"} == {
        "positions": (200, 2),
        "values": (2, 200),
        "value_rank": (2,),
        "arrived": (2, 2),
    }
    rows = np.sort(np.random.default_rng(0).permutation(3000)[:200])
    states = torch.from_numpy(walks().observations[rows])
    assert torch.equal(found["positions"], states[:, :2])
    x = (states - saved["observation.mean"]) / saved["observation.scale"]
    for seed in range(2):
        # V by hand: one hidden layer of ReLU.
        w = [saved[f"value.trunk.weights.{i}"][seed] for i in range(2)]
        b = [saved[f"value.trunk.biases.{i}"][seed] for i in range(2)]
        v = (x @ w[0] + b[0]).relu() @ w[1] + b[1]
        torch.testing.assert_close(found["values"][seed], v[:, 0], rtol=0, atol=1e-5)
        near = -STITCH.path_distance(states[:, :2].numpy())
        expected = rank_correlation(v[:, 0].double().numpy(), near)
        assert found["value_rank"][seed].item() == pytest.approx(expected, abs=1e-6)


def test_the_last_evaluations_episodes_begin_again(finished: Path) -> None:
    maze_trace.trace(finished)
    paths = load_file(finished / "trace.safetensors")["paths"]
    env = vector.make(STITCH_ENV)
    for s, seed in enumerate((0, 3)):
        for e, reset in enumerate(reset_seeds(seed, 20, 2)):
            start = env.reset(seed=reset)[0][:2].astype(np.float32)
            np.testing.assert_array_equal(paths[s, e, 0].numpy(), start)
    env.close()
    lengths = paths.isfinite().all(-1).sum(-1).flatten().tolist()
    table = (finished / "evaluations.csv").read_text().splitlines()[1:]
    assert lengths == [int(row.split(",")[5]) for row in table]


def test_paths_end_where_their_episodes_do(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = restored(finished)
    scaler = run.replay.scaler
    monkeypatch.setattr(steer, "scale", scaler.scale, raising=False)
    monkeypatch.setattr(steer, "mean", scaler.mean, raising=False)
    monkeypatch.setattr(iql, "act", steer)
    maze_trace.trace(finished)
    found = load_file(finished / "trace.safetensors")
    assert found["arrived"].all()
    for path in found["paths"].flatten(0, 1).numpy():
        walked = path[np.isfinite(path).all(1)]
        assert np.isnan(path[len(walked) :]).all()
        assert not STITCH.reached(walked).any()  # each position is before a step
        assert np.linalg.norm(walked[-1] - STITCH.goal_xy) < 0.45 + 0.1
        assert np.abs(np.diff(walked, axis=0)).max() < 0.1
    assert len({int(n) for n in found["paths"].isfinite().all(-1).sum(-1).flatten()}) > 1


def test_a_method_without_a_value_has_paths_alone(place: Path) -> None:
    folder = made(place / "runs", settings(method="bc"))
    maze_trace.trace(folder)
    assert set(load_file(folder / "trace.safetensors")) == {"paths", "arrived"}


def test_a_seed_that_diverged_is_left_out(finished: Path) -> None:
    path = finished / "run.json"
    whole = path.read_text()
    try:
        path.write_text(json.dumps(json.loads(whole) | {"diverged": {"0": 10}}))
        maze_trace.trace(finished)
        found = load_file(finished / "trace.safetensors")
        kept = {name: len(t) for name, t in found.items() if name != "positions"}
        assert set(kept.values()) == {1}
    finally:
        path.write_text(whole)


def test_of_a_run_with_an_online_phase_the_offline_networks_are_traced(finished: Path) -> None:
    path = finished / "policy.safetensors"
    saved = load_file(path)
    try:
        before = {f"offline.{k}": torch.zeros_like(v) for k, v in saved.items()}
        before["offline.value.trunk.biases.1"] += torch.tensor([2.0, 3.0])[:, None, None]
        save_file(saved | before, path)
        maze_trace.trace(finished)
        found = load_file(finished / "trace.safetensors")
        assert found["values"].unique(dim=1).tolist() == [[2.0], [3.0]]
    finally:
        save_file(saved, path)


# --- refused --------------------------------------------------------------------------


def test_other_data_or_other_networks_are_refused(place: Path, finished: Path) -> None:
    data = walks()
    stored = TRANSITIONS / DATASET
    try:
        store(data.select(data.episodes > 0), stored)
        with pytest.raises(BenchError, match=r"run.json, dataset_hash: differs from .*again\.$"):
            maze_trace.trace(finished)
    finally:
        store(data, stored)
    path = finished / "policy.safetensors"
    saved = load_file(path)
    try:
        save_file({k: v for k, v in saved.items() if "value" not in k}, path)
        with pytest.raises(
            BenchError, match=r"policy.safetensors: its networks do not fit the current code"
        ):
            maze_trace.trace(finished)
        save_file(saved | {"value.trunk.weights.0": torch.zeros(2, 4, 9)}, path)
        with pytest.raises(
            BenchError, match=r"policy.safetensors: its networks do not fit the current code"
        ):
            maze_trace.trace(finished)
    finally:
        save_file(saved, path)


def test_a_run_without_a_maze_is_refused(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maze_trace, "maze_of", lambda env_id: None)
    with pytest.raises(BenchError, match=r"maze has no maze; trace a run in one\.$"):
        maze_trace.trace(finished)


# --- read by the report ---------------------------------------------------------------


def test_blocks_are_read_together(tmp_path: Path) -> None:
    from helpers.suite_results import make_suite

    suite = make_suite(seeds=3, seeds_per_job=2)
    assert read_trace(suite, tmp_path, "iql", "maze") is None
    paths = torch.arange(24.0).reshape(2, 2, 3, 2)
    paths[1, 0, 2] = torch.nan
    for name, part in (("0-1", [0, 1]), ("2", [1])):
        tensors = {"paths": paths[part], "arrived": torch.tensor([[True, False]] * len(part))}
        tensors |= {"positions": torch.ones(4, 2), "value_rank": torch.tensor([0.5, 0.8])[part]}
        tensors["values"] = torch.tensor([[1.0, 2, 3, 4], [4.0, 2, 0, 1]])[part]
        (tmp_path / "runs/iql/maze" / name).mkdir(parents=True)
        path = tmp_path / "runs/iql/maze" / name / "trace.safetensors"
        path.write_bytes(sealed({key: value.numpy() for key, value in tensors.items()}))
    found = read_trace(suite, tmp_path, "iql", "maze")
    assert found is not None
    assert found.values is not None
    assert [len(path) for path in found.paths] == [3, 3, 2, 3, 2, 3]
    assert found.arrived.tolist() == [True, False] * 3
    assert found.values.mean.tolist() == [3, 2, 1, 2]
    assert found.values.rank == pytest.approx((0.5 + 0.8 + 0.8) / 3)
    save_file(tensors, path)  # without a seal
    with pytest.raises(BenchError, match=r"2/trace.safetensors: differs from its seal; delete it"):
        read_trace(suite, tmp_path, "iql", "maze")

"""Behaviour policies: which snapshots are kept, and what a ladder of them does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.paths import ROOT
from safetensors.torch import load_file
from torch import Tensor

from bench.collection.ladder import GaussianLadder as Ladder
from bench.collection.ladder import load
from bench.collection.ppo_behavior import EpisodeTracker, choose_rungs
from bench.collection.sac_behavior import NEAR
from bench.config.d4rl_files import source_of
from bench.learning.streams import Streams

LADDERS = sorted(p.parent for p in (ROOT / "behaviors").glob("*/ladder.csv"))


def snapshots(
    k: int = 3, observations: int = 4, hidden: int = 5, actions: int = 2
) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(1)
    shapes = {
        "trunk.weights.0": (k, observations, hidden),
        "trunk.weights.1": (k, hidden, actions),
        "trunk.biases.0": (k, 1, hidden),
        "trunk.biases.1": (k, 1, actions),
        "log_std": (k, 1, actions),
        "observation.mean": (k, 1, observations),
    }
    tensors = {name: torch.randn(shape, generator=g) for name, shape in shapes.items()}
    tensors["observation.var"] = torch.rand(k, 1, observations, generator=g) + 0.5
    return tensors


# --- choice of rungs ------------------------------------------------------------------


def test_rungs_of_a_steady_climb() -> None:
    # Worst 0, expert 300 at 30: medium is the first at 100, at 10. The other goals are
    # 0, 14.3, 28.6, 42.9, 57.1, 71.4, 85.7: nearest are 0, 1, 3, 4, 6, 7, 9.
    returns = np.arange(31) * 10.0
    assert choose_rungs(returns) == ([0, 1, 3, 4, 6, 7, 9, 10], 10, 30)


def test_expert_is_the_best_and_not_the_last() -> None:
    returns = np.array([0.0, 80, 120, 300, 10, -50])
    # The drop to -50 comes after the expert and does not move the scale.
    rungs, medium, expert = choose_rungs(returns)
    assert (medium, expert) == (2, 3)
    assert rungs == [0, 1, 2]


def test_medium_is_the_first_to_reach_a_third_from_the_worst() -> None:
    # The worst is -90, the expert 210: a third of the way is 10.
    returns = np.array([-80.0, -90, 9, 11, 5, 12, 210])
    rungs, medium, expert = choose_rungs(returns)
    assert (medium, expert) == (3, 6)
    assert rungs == [0, 1, 2, 3]


def test_each_snapshot_is_kept_once() -> None:
    rungs, medium, expert = choose_rungs(np.array([0.0, 1000.0]))
    assert (rungs, medium, expert) == ([0, 1], 1, 1)


def test_returns_of_finished_episodes() -> None:
    tracker = EpisodeTracker(2)
    tracker.add(np.array([1.0, 10.0]), np.array([False, False]))
    tracker.add(np.array([2.0, 20.0]), np.array([True, False]))
    tracker.add(np.array([4.0, 40.0]), np.array([False, True]))
    assert tracker.drain() == (3 + 70) / 2
    assert np.isnan(tracker.drain())
    tracker.add(np.array([8.0, 80.0]), np.array([True, True]))
    assert tracker.drain() == (12 + 80) / 2  # 4 was carried over, 70 was not


# --- the ladder -----------------------------------------------------------------------


def test_a_sample_by_hand() -> None:
    tensors = snapshots(k=1)
    tensors["log_std"] = torch.full_like(tensors["log_std"], -1.0)
    observations = torch.tensor([[[0.3, -0.2, 1.0, 0.0], [0.5, 0.5, -0.5, 2.0]]])
    draws = Streams([11], "collection").normal(2, 2)
    actions = Ladder(tensors).sample(observations, Streams([11], "collection"))
    for b in range(2):
        x = (observations[0, b] - tensors["observation.mean"][0, 0]) / (
            tensors["observation.var"][0, 0] + 1e-8
        ).sqrt()
        h = torch.tanh(x @ tensors["trunk.weights.0"][0] + tensors["trunk.biases.0"][0, 0])
        mean = h @ tensors["trunk.weights.1"][0] + tensors["trunk.biases.1"][0, 0]
        expected = (mean + np.exp(-1.0) * draws[0, b]).clamp(-1, 1)
        torch.testing.assert_close(actions[0, b], expected)


def test_shape_and_bounds() -> None:
    tensors = snapshots()
    tensors["log_std"] = torch.full_like(tensors["log_std"], 2.0)  # far beyond the bounds
    actions = Ladder(tensors).sample(torch.zeros(3, 50, 4), Streams([0, 1, 2], "collection"))
    assert actions.shape == (3, 50, 2)
    assert not actions.requires_grad
    assert actions.min() == -1
    assert actions.max() == 1


def test_far_observations_are_clipped_at_ten_deviations() -> None:
    tensors = snapshots()
    ladder = Ladder(tensors)
    scale = (tensors["observation.var"] + 1e-8).sqrt()
    samples = [
        ladder.sample(
            (tensors["observation.mean"] + z * scale).expand(3, 6, 4), Streams([0, 1, 2], "x")
        )
        for z in (9.9, 10.1, 1000.0)
    ]
    torch.testing.assert_close(samples[1], samples[2])
    assert not torch.allclose(samples[0], samples[1], atol=1e-6)


@pytest.mark.parametrize("k", [0, 1, 2])
def test_a_snapshot_alone_acts_as_in_the_stack(k: int) -> None:
    ladder = Ladder(snapshots())
    observations = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(2))
    together = ladder.sample(observations, Streams([5, 6, 7], "collection"))
    alone = ladder.pick([k]).sample(observations[k : k + 1], Streams([5 + k], "collection"))
    torch.testing.assert_close(alone[0], together[k])


def test_pick_keeps_the_order_asked_for() -> None:
    tensors = snapshots()
    picked = Ladder(tensors).pick([2, 0])
    assert len(picked) == 2
    for name, value in tensors.items():
        assert torch.equal(picked.tensors[name], torch.stack([value[2], value[0]]))
    assert np.array_equal(picked.std[0], np.exp(tensors["log_std"][2].numpy().astype(float)))


# --- the committed ones ---------------------------------------------------------------


def test_there_are_committed_policies() -> None:
    assert LADDERS


@pytest.mark.parametrize("folder", LADDERS, ids=lambda p: p.name)
def test_a_committed_ladder_is_consistent(folder: Path) -> None:
    table = pd.read_csv(folder / "ladder.csv")
    tensors = load_file(folder / "ladder.safetensors")
    assert {len(t) for t in tensors.values()} == {len(table)}
    assert all(t.isfinite().all() for t in tensors.values())
    assert table.rung.tolist() == list(range(len(table)))
    assert table.step.is_monotonic_increasing
    roles = table.role.tolist()
    *way, medium = [role for role in roles if role != "expert"]
    assert {*way, medium} == {"replay", "medium"}
    assert medium == "medium"  # the rest lead up to it
    best = int(table.return_mean.argmax())
    settings = json.loads((folder / "settings.json").read_text())
    if "level" in settings:  # SAC's: up to D4RL's mean return, near which only the medium one is
        goal = NEAR * source_of(settings["level"]).return_mean
        assert roles[best] == "medium"
        assert (table.return_mean >= goal).tolist() == [False] * len(way) + [True]
    else:
        assert roles[best] == roles[-1] == "expert"
    assert table.step.max() <= settings["steps"]
    ladder = load(folder)
    assert len(ladder) == len(table)
    observations = torch.zeros(len(ladder), 1, ladder.observation_dim)
    actions = ladder.sample(observations, Streams(range(len(ladder)), "collection"))
    assert actions.shape[:2] == (len(ladder), 1)
    assert actions.abs().max() <= 1

"""SAC's ladders: which snapshots are kept, and that they act as SAC's policy does."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from bench.collection import sac_behavior
from bench.collection.ladder import SquashedLadder, load
from bench.collection.snapshots import EPISODES, Candidates
from bench.config.behaviors import Behavior
from bench.errors import BenchError
from bench.learning.squashed_gaussian import SquashedGaussianPolicy
from bench.learning.streams import Streams


def test_a_ladder_acts_as_the_policy_that_was_trained() -> None:
    seeds = [3, 8]
    policy = SquashedGaussianPolicy([5, 7, 6, 2], Streams(seeds, "initialisation"))
    tensors = {key: value.detach() for key, value in policy.state_dict().items()}
    ladder = SquashedLadder(tensors)
    observations = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    noise = Streams(seeds, "collection").normal(4, 2)
    expected, _ = policy.sample(observations, noise)
    sampled = ladder.sample(observations, Streams(seeds, "collection"))
    torch.testing.assert_close(sampled, expected.detach(), rtol=0, atol=1e-6)
    alone = ladder.pick([1]).mean_action(observations[1].numpy())
    torch.testing.assert_close(
        torch.from_numpy(alone), policy(observations)[1].detach(), rtol=0, atol=1e-6
    )


def entry(level: str, steps: int) -> Behavior:
    config = {"hidden": [16, 16], "warm_up": 20}
    content = {"env_id": "Hopper-v4", "algorithm": "sac", "level": level}
    return Behavior.model_validate(content | {"steps": steps, "seed": 0, "config": config})


def stand_in_scores(monkeypatch: pytest.MonkeyPatch, returns: list[float]) -> None:
    """Let the snapshots, one per 30 steps, return these."""
    monkeypatch.setattr(sac_behavior, "EVERY", 30)
    scored = sac_behavior._scored

    def of(phase: Any, entry: Behavior, number: int) -> Candidates:
        found = scored(phase, entry, number)
        return replace(found, episode_returns=np.full((1, EPISODES), returns[number]))

    monkeypatch.setattr(sac_behavior, "_scored", of)


def test_training_ends_near_the_level_and_writes_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """D4RL's hopper-medium has 1,422, of which 1,351 is 95%."""
    stand_in_scores(monkeypatch, [0.0, 1350.0, 3.0, 1352.0, 1600.0])
    for name in ("a", "b"):
        sac_behavior.train(entry("hopper-medium-v2", 300), tmp_path / name)
    table = pd.read_csv(tmp_path / "a/ladder.csv")
    assert table["role"].tolist() == ["replay", "replay", "replay", "medium"]
    assert table["step"].tolist() == [0, 30, 60, 90]
    assert pd.read_csv(tmp_path / "a/curve.csv")["step"].tolist() == [30, 60, 90]
    ladder = load(tmp_path / "a")
    assert isinstance(ladder, SquashedLadder)
    assert len(ladder) == 4
    assert json.loads((tmp_path / "a/settings.json").read_text())["level"] == "hopper-medium-v2"
    for name in ("ladder.csv", "ladder.safetensors", "curve.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_of_many_snapshots_twenty_at_even_steps_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_scores(monkeypatch, [float(i) for i in range(39)] + [1400.0])
    monkeypatch.setattr(sac_behavior, "EVERY", 1)
    sac_behavior.train(entry("hopper-medium-v2", 300), tmp_path)
    steps = pd.read_csv(tmp_path / "ladder.csv")["step"].tolist()
    assert len(steps) == 20
    assert (steps[0], steps[-1]) == (0, 39)
    assert {b - a for a, b in pairwise(steps)} == {2, 3}


def test_a_level_that_was_not_reached_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_scores(monkeypatch, [0.0, 1350.0, 700.0])
    with pytest.raises(BenchError, match=r"best snapshot returns 1350, below 95% of 1422.* more"):
        sac_behavior.train(entry("hopper-medium-v2", 60), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_snapshot_scores_alone_as_among_others() -> None:
    policy = SquashedGaussianPolicy([11, 8, 3], Streams([0, 1], "initialisation"))
    tensors = {key: value.detach() for key, value in policy.state_dict().items()}
    snapshots = [
        {k: v[i : i + 1] for k, v in tensors.items()} | {"step": torch.tensor([i])} for i in (0, 1)
    ]
    together = Candidates.of(snapshots, "Hopper-v4", SquashedLadder, 3)
    alone = Candidates.of(snapshots[1:], "Hopper-v4", SquashedLadder, 3, first=1)
    assert np.array_equal(together.episode_returns[1:], alone.episode_returns)
    joined = Candidates.of(snapshots[:1], "Hopper-v4", SquashedLadder, 3).joined(alone)
    assert np.array_equal(joined.episode_returns, together.episode_returns)
    assert joined.steps == together.steps == [0, 1]


@pytest.mark.parametrize(
    "changes", [{"algorithm": "sac"}, {"level": "hopper-medium-v2"}], ids=["without", "of PPO"]
)
def test_sac_needs_a_level_and_ppo_has_none(changes: dict[str, str]) -> None:
    content = {"env_id": "Hopper-v4", "steps": 10, "seed": 0}
    with pytest.raises(ValueError, match="level"):
        Behavior.model_validate(content | changes)

"""SAC's ladders: which snapshots are kept, and that they act as SAC's policy does."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from bench.collection import sac_behavior
from bench.collection.ladder import SquashedLadder, load
from bench.config.behaviors import Behavior
from bench.errors import BenchError
from bench.learning.squashed_gaussian import SquashedGaussianPolicy
from bench.learning.streams import Streams


def test_snapshots_lead_at_even_steps_to_the_first_that_reaches_the_level() -> None:
    returns = np.array([0.0, 5, 3, 9, 20, 31, 12, 40])
    assert sac_behavior.choose(returns, 30.0) == [0, 1, 2, 3, 4, 5]
    assert sac_behavior.choose(returns, 5.0) == [0, 1]
    assert sac_behavior.choose(returns, 0.0) == [0]
    assert sac_behavior.choose(returns, 41.0) == []


def test_of_many_candidates_twenty_are_kept() -> None:
    kept = sac_behavior.choose(np.arange(100.0), 76.0)
    assert kept == [4 * i for i in range(20)]


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


def test_training_writes_what_it_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sac_behavior, "EVERY", 30)
    # That of a policy which falls at once.
    monkeypatch.setattr(sac_behavior, "source_of", lambda _: SimpleNamespace(return_mean=1.0))
    for name in ("a", "b"):
        sac_behavior.train(entry("hopper-medium-v2", 60), tmp_path / name)
    table = pd.read_csv(tmp_path / "a/ladder.csv")
    assert table["role"].tolist()[-1] == "medium"
    assert table["return_mean"].iloc[-1] >= 1.0
    assert isinstance(load(tmp_path / "a"), SquashedLadder)
    assert json.loads((tmp_path / "a/settings.json").read_text())["level"] == "hopper-medium-v2"
    for name in ("ladder.csv", "ladder.safetensors", "curve.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_level_that_was_not_reached_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sac_behavior, "EVERY", 30)
    with pytest.raises(BenchError, match=r"best snapshot returns .* train for more steps"):
        sac_behavior.train(entry("hopper-medium-v2", 60), tmp_path)


@pytest.mark.parametrize(
    "changes", [{"algorithm": "sac"}, {"level": "hopper-medium-v2"}], ids=["without", "of PPO"]
)
def test_sac_needs_a_level_and_ppo_has_none(changes: dict[str, str]) -> None:
    content = {"env_id": "Hopper-v4", "steps": 10, "seed": 0}
    with pytest.raises(ValueError, match="level"):
        Behavior.model_validate(content | changes)

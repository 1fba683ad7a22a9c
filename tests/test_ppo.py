"""PPO's pieces by hand, and that it learns to balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from baselines import ppo
from bench.behavior import train


def rollout(rewards: list[float], next_values: list[float], ends: list[float]) -> ppo.Rollout:
    def shaped(values: list[float]) -> torch.Tensor:
        return torch.tensor(values)[None, :, None]

    empty = torch.zeros(1, len(rewards), 1, 1)
    return ppo.Rollout(empty, empty, shaped(rewards), shaped(next_values), shaped(ends))


def test_advantages_by_hand() -> None:
    config = ppo.Config(discount=0.5, gae_lambda=0.5)
    values = torch.tensor([1.0, 2.0, 3.0])[None, :, None]
    # The second step ends an episode by truncation: its next value 4 is still bootstrapped,
    # and nothing flows back over the border.
    data = rollout([1.0, 0.0, 2.0], [2.0, 4.0, 0.0], [0.0, 1.0, 0.0])
    d0, d1, d2 = 1 + 0.5 * 2 - 1, 0 + 0.5 * 4 - 2, 2 + 0.5 * 0 - 3
    expected = torch.tensor([d0 + 0.25 * d1, d1, d2])[None, :, None]
    torch.testing.assert_close(ppo.advantages(data, values, config), expected)


def test_clipped_surrogate_by_hand() -> None:
    new = torch.log(torch.tensor([[1.5, 0.5, 1.5, 0.5]]))
    advantage = torch.tensor([[1.0, 1.0, -1.0, -1.0]])
    # min of unclipped and clipped: 1.2, 0.5, -1.5, -0.8
    loss = ppo.policy_loss(new, torch.zeros(1, 4), advantage, 0.2)
    assert loss.item() == pytest.approx(-(1.2 + 0.5 - 1.5 - 0.8) / 4)


def test_running_moments_equal_the_whole_samples() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(3, 2, (2, n, 4)).astype(np.float32) for n in (5, 1, 40)]
    moments = ppo.Moments.zeros(2, 4)
    for part in parts:
        moments.add(torch.from_numpy(part))
    whole = np.concatenate(parts, axis=1)
    np.testing.assert_allclose(moments.mean[:, 0], whole.mean(1), rtol=1e-4)
    np.testing.assert_allclose(moments.var[:, 0], whole.var(1), rtol=1e-3)


def test_learns_to_balance_the_pendulum(tmp_path: Path) -> None:
    """An untrained policy holds it for about 6 steps; the ladder must climb well above."""
    overrides = {"environments": 4, "horizon": 128, "minibatches": 4}
    train("unit_pendulum:UnitPendulum-v0", tmp_path, 20_000, 0, overrides)
    ladder = pd.read_csv(tmp_path / "ladder.csv")
    assert ladder.return_mean.iloc[0] < 20
    assert ladder.loc[ladder.role == "expert", "return_mean"].item() > 60
    assert {"medium", "expert", "replay"} == set(ladder.role)

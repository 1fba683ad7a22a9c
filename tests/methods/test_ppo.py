"""PPO's pieces by hand, its update against a plain one, and that it learns to balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.plain_torch import ordinary
from torch import Tensor, nn
from torch.distributions import Normal

from baselines import ppo
from bench.collection.ppo_behavior import train
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec


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


def test_updates_equal_a_plain_ppo() -> None:
    """One seed, torch's own optimisers, distribution and clipping, the sums of eq. 11 as they
    stand: two updates of 3 epochs of 4 minibatches, which reach every clip."""
    config = ppo.Config(
        hidden=(16, 16), learning_rate=0.02, epochs=3, minibatches=4, horizon=40,
        entropy_weight=0.01, max_grad_norm=0.3, clip=0.05,
    )  # fmt: skip
    state = ppo.init(Spec(3, 2), config, Streams([0], "initialisation"), 80)
    mean, value = (tanh(ordinary(part.net.trunk)) for part in (state.policy, state.value))
    log_std = nn.Parameter(torch.zeros(2))
    groups = [*mean.parameters(), log_std], list(value.parameters())
    adams = [torch.optim.Adam(group, lr=config.learning_rate) for group in groups]
    ours, theirs = Streams([0], "batches"), Streams([0], "batches")
    g, step, clipped = torch.Generator().manual_seed(0), 0, set()
    for _ in range(2):
        data = random_rollout(g)
        ppo.update(state, data, config, ours)
        s, a, r, next_v, ends = (x[0, :, 0] for x in vars(data).values())
        with torch.no_grad():
            v, old = value(s).squeeze(1), Normal(mean(s), log_std.exp()).log_prob(a).sum(1)
        deltas = r + config.discount * next_v - v
        last = [next((k for k in range(t, 40) if ends[k]), 39) for t in range(40)]
        rate = config.discount * config.gae_lambda
        adv = torch.stack([
            sum(rate ** (k - t) * deltas[k] for k in range(t, last[t] + 1)) for t in range(40)
        ])  # fmt: skip
        goal = adv + v
        for _ in range(config.epochs):
            for rows in theirs.permutation(40)[0].split(10):
                z = (adv[rows] - adv[rows].mean()) / (adv[rows].std() + 1e-8)
                log_prob = Normal(mean(s[rows]), log_std.exp()).log_prob(a[rows]).sum(1)
                ratio = (log_prob - old[rows]).exp()
                low = torch.min(ratio * z, ratio.clamp(0.95, 1.05) * z)
                losses = (
                    -low.mean() - config.entropy_weight * log_std.sum(),
                    (0.5 * (value(s[rows]).squeeze(1) - goal[rows]).square().mean()),
                )
                clipped |= {"ratio"} if (low < ratio * z).any() else set()
                for adam, group, loss in zip(adams, groups, losses, strict=True):
                    for entry in adam.param_groups:
                        entry["lr"] = config.learning_rate * (1 - step / 24)
                    adam.zero_grad()
                    loss.backward()
                    norm = nn.utils.clip_grad_norm_(group, config.max_grad_norm)
                    clipped |= {"norm"} if norm > config.max_grad_norm else {"no norm"}
                    adam.step()
                step += 1
    assert clipped == {"ratio", "norm", "no norm"}
    for plain, part in ((mean, state.policy), (value, state.value)):
        pairs = zip(plain.parameters(), ordinary(part.net.trunk).parameters(), strict=True)
        for x, y in pairs:
            torch.testing.assert_close(y, x, rtol=0, atol=1e-5)
    torch.testing.assert_close(state.policy.net.log_std[0, 0], log_std, rtol=0, atol=1e-5)


def tanh(net: nn.Sequential) -> nn.Sequential:
    return nn.Sequential(*(nn.Tanh() if isinstance(part, nn.ReLU) else part for part in net))


def random_rollout(g: torch.Generator) -> ppo.Rollout:
    """40 steps of one environment, in which two episodes end."""
    ends = torch.zeros(1, 40, 1)
    ends[:, [12, 30]] = 1

    def normal(*shape: int) -> Tensor:
        return torch.randn(1, 40, *shape, generator=g)

    return ppo.Rollout(normal(1, 3), normal(1, 2), normal(1), normal(1), ends)


def test_without_running_scales_nothing_is_scaled() -> None:
    config = ppo.Config(running_scales=False)
    state = ppo.init(Spec(3, 2), config, Streams([0, 1], "initialisation"), 4096)
    far, rewards = torch.full((2, 1, 3), 1e3), torch.full((2, 1), 1e4)
    actions = ppo.explore(state, far, config, Streams([0, 1], "exploration"))
    ones = torch.ones(2, 1)
    step = ppo.collect(state, Batch(far, actions, rewards, ones, far), ones, config)
    assert torch.equal(step.observations, far)
    assert torch.equal(step.rewards, rewards)
    assert torch.equal(ppo.act(state, far, config), state.policy(far))
    assert (state.observations.count == 1e-4).all()
    assert (state.discounted == 0).all()


def test_learns_to_balance_the_pendulum(tmp_path: Path) -> None:
    """An untrained policy holds it for about 6 steps; the ladder must climb well above."""
    overrides = {"environments": 4, "horizon": 128, "minibatches": 4}
    train("unit_pendulum:UnitPendulum-v0", tmp_path, 10_000, 0, overrides)
    ladder = pd.read_csv(tmp_path / "ladder.csv")
    assert ladder.return_mean.iloc[0] < 20
    assert ladder.loc[ladder.role == "expert", "return_mean"].item() > 60
    assert {"medium", "expert", "replay"} == set(ladder.role)

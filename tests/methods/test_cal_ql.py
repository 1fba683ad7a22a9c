"""Cal-QL: what it adds to CQL, by hand and against CQL itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.cql_problem import batches
from helpers.plain_torch import ACT, OBS
from torch import Tensor

from baselines import cal_ql, cql
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec

CONFIG = cal_ql.Config(hidden=(16, 16), policy_hidden=(16, 16), samples=3)


def episodes(rewards: list[list[float]], ends: list[bool]) -> Transitions:
    """Episodes of these rewards; those that `ends` says terminated."""
    lengths = [len(part) for part in rewards]
    masks = np.ones(sum(lengths), np.float32)
    masks[np.cumsum(lengths) - 1] = 1 - np.array(ends, np.float32)
    flat = np.concatenate(rewards).astype(np.float32)
    pair = np.zeros((len(flat), OBS), np.float32)
    numbers = np.repeat(np.arange(len(rewards)), lengths).astype(np.int32)
    return Transitions(pair, pair[:, :ACT], flat, pair, masks, numbers)


def test_returns_to_go_by_hand() -> None:
    data = episodes([[1, 2, 4], [3], [8, -2]], [True, False, False])
    expected = [1 + 0.5 * (2 + 0.5 * 4), 2 + 0.5 * 4, 4, 3, 8 - 0.5 * 2, -2]
    np.testing.assert_allclose(cal_ql.returns_to_go(data, 0.5, False), expected)


def test_an_episode_without_success_goes_on_for_ever() -> None:
    data = episodes([[-5, -5], [-5, -5, 5], [5]], [False, True, True])
    expected = [-10, -10, -5 + 0.5 * (-5 + 2.5), -5 + 2.5, 5, 5]
    np.testing.assert_allclose(cal_ql.returns_to_go(data, 0.5, True), expected)
    assert cal_ql.returns_to_go(data, 0.5, False)[0] == -7.5


def test_successes_that_a_time_limit_cut_are_summed() -> None:
    """As by the authors, who know which reward is failure; r / (1 - discount) would be 10."""
    data = episodes([[5, 5], [0, 0]], [False, False])
    floor = cal_ql.returns_to_go(data, 0.5, True)
    np.testing.assert_allclose(floor, [5 + 0.5 * 5, 5, 0, 0])


def run(floor: float | None, steps: int = 20) -> tuple[cql.State, dict[str, Tensor]]:
    """Some updates with the same floor everywhere, or CQL's own with None."""
    state = cal_ql.init(Spec(OBS, ACT), CONFIG, Streams([0], "initialisation"), steps)
    noise = Streams([0], "noise")
    metrics: dict[str, Tensor] = {}
    for batch in batches(steps):
        if floor is None:
            metrics = cql.update(state, batch, CONFIG, noise)
        else:
            values = torch.full_like(batch.rewards, floor)
            with_returns = replace(batch, columns={"returns": values})
            metrics = cal_ql.update(state, with_returns, CONFIG, noise)
    return state, metrics


def test_a_floor_below_every_q_leaves_cql() -> None:
    (ours, metrics), (theirs, plain) = run(-1e6), run(None)
    assert torch.equal(ours.critic.flat, theirs.critic.flat)
    assert torch.equal(ours.multiplier.flat, theirs.multiplier.flat)
    assert metrics.pop("below_floor").item() == 0
    assert metrics.keys() == plain.keys()


def test_a_floor_above_every_q_counts_for_the_policys_actions_alone() -> None:
    _, metrics = run(1e3, 1)
    assert metrics["below_floor"].item() == 1
    assert metrics["gap"].item() > 900
    assert metrics["sampled_q"].item() == pytest.approx(2 / 3 * 1e3, abs=10)


@pytest.mark.parametrize("floor", [-0.05, 0.0, 0.02])
def test_the_gap_equals_the_equation_with_a_floor_in_force(floor: float) -> None:
    """Eq. 5.1 written out for one batch: log sum exp over max(Q, return) / density - Q."""
    state = cal_ql.init(Spec(OBS, ACT), CONFIG, Streams([0], "initialisation"), 1)
    batch: Batch = batches(1)[0]
    returns = floor + 0.05 * batch.rewards
    n, size = CONFIG.samples, batch.rewards.shape[1]
    drawn = Streams([0], "noise")
    noise = drawn.normal(1 + 2 * n + n, size, ACT)[0]
    spread = 2 * drawn.uniform(n, size, ACT)[0] - 1
    s, s2 = batch.observations, batch.next_observations

    def q(action: Tensor) -> Tensor:
        return state.critic(s, action[None])[:, 0]

    with torch.no_grad():
        columns = [q(x) - ACT * np.log(0.5) for x in spread]
        for at, first in ((s, 1), (s2, 1 + n)):
            for k in range(n):
                action, density = state.policy.net.sample(at, noise[first + k][None])
                columns.append(q(action[0]).maximum(returns[0]) - density[0])
        data = batch.actions[0].clamp(-CONFIG.action_limit, CONFIG.action_limit)
        expected = (torch.stack(columns).logsumexp(0) - q(data)).mean()
    metrics = cal_ql.update(
        state, replace(batch, columns={"returns": returns}), CONFIG, Streams([0], "noise")
    )
    torch.testing.assert_close(metrics["gap"][0], expected, rtol=1e-5, atol=1e-5)
    assert 0.05 < metrics["below_floor"].item() < 0.95


def test_half_of_an_online_batch_is_data() -> None:
    assert cal_ql.mixing(CONFIG) == 0.5

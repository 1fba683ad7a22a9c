"""IQL against closed forms, and MDPs solved by hand; test_golden_iql.py has the authors' run."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, stats
from torch import Tensor

from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from iql import iql

ARRAYS = ("observations", "actions", "rewards", "masks", "next_observations")


def test_expectile_loss_by_hand() -> None:
    difference = torch.tensor([[2.0, -1.0, 0.0, -3.0]])
    # 0.9 * 4 + 0.1 * 1 + 0 + 0.1 * 9, divided by 4
    assert iql.expectile_loss(difference, 0.9).item() == pytest.approx(4.6 / 4)


def test_policy_loss_by_hand_and_clipped() -> None:
    advantage = torch.tensor([[0.0, 1.0, 10.0]])
    log_prob = torch.tensor([[-1.0, -2.0, -0.5]])
    # exp(3 * 10) is clipped to 100
    expected = (1 * 1 + np.exp(3) * 2 + 100 * 0.5) / 3
    assert iql.policy_loss(advantage, log_prob, 3.0).item() == pytest.approx(expected, rel=1e-6)


def test_critic_loss_sums_both_critics() -> None:
    q = torch.tensor([[[1.0, 2.0]], [[0.0, 4.0]]])
    target = torch.tensor([[0.0, 1.0]])
    assert iql.critic_loss(q, target).item() == pytest.approx((1 + 1 + 0 + 9) / 2)


@pytest.mark.parametrize("expectile", [0.5, 0.7, 0.9, 0.99])
def test_minimiser_is_the_expectile_of_the_normal(expectile: float) -> None:
    """The e-expectile m of N(0, 1) solves e E[(x - m)+] = (1 - e) E[(m - x)+]."""

    def balance(m: float) -> float:
        above = stats.norm.pdf(m) - m * (1 - stats.norm.cdf(m))
        return expectile * above - (1 - expectile) * (above + m)

    expected = optimize.brentq(balance, -5, 5)
    sample = torch.from_numpy(stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000))[None]
    m = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([m], max_iter=100, tolerance_grad=1e-12)

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = iql.expectile_loss(sample - m, expectile).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    assert m.item() == pytest.approx(expected, abs=1e-3)


def test_gradient_of_the_policy_loss_by_finite_differences() -> None:
    advantage = torch.randn(1, 8, dtype=torch.float64)
    log_prob = torch.randn(1, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: iql.policy_loss(advantage, x, 3.0), log_prob)


class Chain:
    """Four states in a row; action +1 moves on, -1 stays; leaving the last one pays 1 and ends.

    The data take both actions equally often everywhere, from short trajectories.
    """

    states, discount = 4, 0.9

    def batch(self, seeds: int = 1) -> Batch:
        rows = [(s, a) for s in range(self.states) for a in (-1.0, 1.0)] * 16
        eye = torch.eye(self.states)
        state = torch.tensor([s for s, _ in rows])
        action = torch.tensor([a for _, a in rows])
        moved = (state + (action > 0)).clamp(max=self.states - 1)
        ends = (state == self.states - 1) & (action > 0)
        batch = Batch(eye[state], action[:, None], ends.float(), 1 - ends.float(), eye[moved])
        return Batch(*(getattr(batch, f).expand(seeds, *getattr(batch, f).shape) for f in ARRAYS))

    def learn(self, expectile: float) -> tuple[Tensor, Tensor]:
        """V of each state and the policy's mean action there."""
        config = iql.Config(
            expectile=expectile, temperature=10.0, discount=self.discount, polyak=0.05,
            learning_rate=1e-3, hidden=(32, 32),
        )  # fmt: skip
        state = iql.init(Spec(self.states, 1), config, Streams([0], "initialisation"), 1500)
        batch, noise = self.batch(), Streams([0], "noise")
        for _ in range(1500):
            iql.update(state, batch, config, noise)
        eye = torch.eye(self.states)[None]
        with torch.no_grad():
            return state.value(eye)[0], iql.act(state, eye, config)[0, :, 0]


def test_upper_expectile_finds_the_optimal_values_of_a_chain() -> None:
    values, actions = Chain().learn(0.99)
    optimal = torch.tensor([0.9**3, 0.9**2, 0.9, 1.0])
    torch.testing.assert_close(values, optimal, rtol=0, atol=0.02)
    # Moving on has advantage 0, staying (0.9 - 1) V: with weights 1 and exp(-V) at temperature
    # 10 the mean action is (1 - exp(-V)) / (1 + exp(-V)).
    torch.testing.assert_close(actions, torch.tanh(optimal / 2), rtol=0, atol=0.03)


def test_middle_expectile_values_the_behaviour_instead() -> None:
    """At 0.5, v_k = (g v_k + g v_{k+1}) / 2 and v_last = (g v_last + 1) / 2."""
    g = Chain.discount
    expected = [1 / (2 - g)]
    for _ in range(3):
        expected.insert(0, g * expected[0] / (2 - g))
    values, _ = Chain().learn(0.5)
    torch.testing.assert_close(values, torch.tensor(expected), rtol=0, atol=0.03)


def test_no_unseen_action_is_ever_valued() -> None:
    """Both critics see the data's actions only, in every call of an update."""
    config = iql.Config(hidden=(8, 8))
    state = iql.init(Spec(4, 1), config, Streams([0], "initialisation"), 10)
    batch, seen = Chain().batch(), []
    for net in (state.critic.net, state.target_critic.net):
        net.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    iql.update(state, batch, config, Streams([0], "noise"))
    assert len(seen) == 2
    assert all(actions is batch.actions for actions in seen)

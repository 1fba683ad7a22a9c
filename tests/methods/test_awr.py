"""AWR against a plain single-seed reference, its returns against a loop and closed forms."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.plain_torch import ACT, OBS, SIZE, ordinary
from torch import Tensor, nn
from torch.distributions import Normal

from baselines import awr
from bench.data.transitions import Transitions
from bench.learning.replay import Replay
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.engine import Engine
from bench.training.method_contract import make_replay

LENGTHS = (1, 7, 2, 30, 1, 1, 12, 5)
CPU = torch.device("cpu")


def episodes(lengths: tuple[int, ...] = LENGTHS, seed: int = 0) -> Transitions:
    """Episodes of random numbers; every second one terminates, the others are truncated."""
    rng, n = np.random.default_rng(seed), sum(lengths)
    states = [rng.normal(size=(length + 1, OBS)).astype(np.float32) for length in lengths]
    masks = np.ones(n, np.float32)
    masks[np.cumsum(lengths)[::2] - 1] = 0
    return Transitions(
        observations=np.concatenate([s[:-1] for s in states]),
        actions=np.tanh(rng.normal(size=(n, ACT))).astype(np.float32),
        rewards=rng.normal(1, 2, n).astype(np.float32),
        next_observations=np.concatenate([s[1:] for s in states]),
        masks=masks,
        episodes=np.repeat(np.arange(len(lengths)), lengths).astype(np.int32),
    )


def loop(rewards: Tensor, next_values: Tensor, data: Transitions, config: awr.Config) -> Tensor:
    """The returns of one seed as the recursion says, row by row from the back."""
    result = torch.zeros_like(next_values)
    for start, length in zip(data.starts(), data.lengths(), strict=True):
        following = next_values[start + length - 1]
        for t in range(start + length - 1, start - 1, -1):
            bootstrap = (1 - config.td_lambda) * next_values[t] + config.td_lambda * following
            following = result[t] = rewards[t] + config.discount * bootstrap
    return result


# --- returns --------------------------------------------------------------------------


@pytest.mark.parametrize("td_lambda", [0.0, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("lengths", [(1,), (5,), (1, 1, 1), (3, 1500, 1, 1024, 1023), LENGTHS])
def test_returns_equal_a_plain_loop(lengths: tuple[int, ...], td_lambda: float) -> None:
    data, config = episodes(lengths), awr.Config(td_lambda=td_lambda)
    ends = torch.from_numpy(awr.columns(data, config)["ends"]).double()
    rewards, masks = torch.from_numpy(data.rewards).double(), torch.from_numpy(data.masks)
    next_values = masks * torch.randn(3, len(data), dtype=torch.float64)
    before = [x.clone() for x in (rewards, next_values, ends)]
    found = awr.td_lambda_returns(rewards, next_values, ends, config.discount, td_lambda)
    for seed in range(3):
        expected = loop(rewards, next_values[seed], data, config)
        torch.testing.assert_close(found[seed], expected, rtol=1e-12, atol=1e-12)
    assert all(torch.equal(a, b) for a, b in zip(before, (rewards, next_values, ends), strict=True))


def test_returns_in_closed_form() -> None:
    discount, td_lambda, n = 0.99, 0.95, 1000
    rewards, ends = torch.ones(2 * n), torch.zeros(2 * n)
    ends[[n - 1, 2 * n - 1]] = 1
    left = torch.arange(n, 0, -1).repeat(2).double()  # rewards from here to the end

    def of(next_values: Tensor, td_lambda: float) -> Tensor:
        return awr.td_lambda_returns(rewards, next_values, ends, discount, td_lambda)[0].double()

    def close(found: Tensor, expected: Tensor) -> None:
        torch.testing.assert_close(found, expected.expand(2 * n), rtol=1e-5, atol=0)

    nothing, true = torch.zeros(1, 2 * n), torch.full((1, 2 * n), 1 / (1 - discount))
    carry = discount * td_lambda
    close(of(nothing, td_lambda), (1 - carry**left) / (1 - carry))
    close(of(nothing, 1.0), (1 - discount**left) / (1 - discount))  # Monte Carlo
    close(of(true, td_lambda), true[0, 0].double())  # the fixed point
    close(of(true, 0.0), true[0, 0].double())
    close(of(2 * true, 0.0), 1 + 2 * discount * true[0, 0].double())  # one step


def test_ends_are_the_last_rows_of_episodes() -> None:
    ends = awr.columns(episodes((2, 1, 3)), awr.Config())["ends"]
    assert ends.tolist() == [0, 1, 1, 0, 0, 1]


# --- losses ---------------------------------------------------------------------------


def test_losses_by_hand() -> None:
    v, returns = torch.tensor([[1.0, 2.0]]), torch.tensor([[30.0, 10.0]])
    # (0.1 * 30 - 1)^2 = 4 and (0.1 * 10 - 2)^2 = 1
    assert awr.critic_loss(v, returns, 0.9).item() == pytest.approx(0.5 * (4 + 1) / 2)
    log_prob, weight = torch.tensor([[-1.0, -3.0]]), torch.tensor([[2.0, 0.5]])
    assert awr.policy_loss(log_prob, weight).item() == pytest.approx((2 + 1.5) / 2)
    mean = torch.tensor([[[1.5, -3.0], [0.0, 0.9], [1.0, -1.0]]])
    assert awr.bound_loss(mean).item() == pytest.approx(0.5 * (0.25 + 4) / 3)


def test_log_density_is_a_normal_one() -> None:
    mean, actions = torch.randn(2, 5, ACT), torch.randn(2, 5, ACT)
    expected = Normal(mean, 0.4).log_prob(actions).sum(-1)
    torch.testing.assert_close(awr.log_density(mean, actions, 0.4), expected)


def test_advantages_are_normalised_per_seed() -> None:
    found = awr.normalise(torch.tensor([[1.0, 3.0], [-20.0, 20.0], [5.0, 5.0]]))
    torch.testing.assert_close(found, torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]))


# --- phases ---------------------------------------------------------------------------


def make(config: awr.Config, data: Transitions, seeds: tuple[int, ...]) -> tuple[awr.State, Replay]:
    replay = make_replay(awr, data, config, "raw", "standardised", CPU)
    spec = Spec(OBS, ACT, len(replay))
    return awr.init(spec, config, Streams(seeds, "initialisation"), 50), replay


def values(state: awr.State, replay: Replay, observations: Tensor, config: awr.Config) -> Tensor:
    scaled = replay.scaler(observations).expand(len(state.returns), -1, -1)
    return state.value(scaled).detach() / (1 - config.discount)


def test_a_phase_opens_with_the_present_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Returns and advantages of all rows, in chunks; between openings they stay."""
    monkeypatch.setattr(awr, "CHUNK", 7)
    config = awr.Config(hidden=(8,), critic_updates=2, policy_updates=3, learning_rate=0.1)
    data = episodes()
    state, replay = make(config, data, (3, 4))
    engine = Engine(awr, state, config, replay, Streams((3, 4), "noise"), "recorded")
    kept: list[Tensor] = []
    for t, rows in enumerate(replay.draw(Streams((3, 4), "batches"), 10, SIZE)):
        v = values(state, replay, replay.observations, config)
        next_v = values(state, replay, replay.next_observations, config) * replay.masks
        opens, critic = t % 5 in (0, 2), t % 5 < 2
        assert awr.branch(state, config) == critic
        engine(rows)
        if opens:
            returns = torch.stack([loop(replay.rewards, x, data, config) for x in next_v])
            torch.testing.assert_close(state.returns, returns, rtol=1e-5, atol=1e-4)
            if not critic:
                adv = returns - v
                adv = (adv - adv.mean(1, True)) / adv.std(1, correction=0, keepdim=True)
                torch.testing.assert_close(state.advantages, adv, rtol=1e-4, atol=1e-4)
        else:
            assert torch.equal(state.returns, kept[0])
        if critic or not opens:
            assert t == 0 or torch.equal(state.advantages, kept[1])
        kept = [state.returns.clone(), state.advantages.clone()]
    assert (state.value.updates, state.policy.updates) == (4, 6)


def test_metrics_of_a_phase() -> None:
    config = awr.Config(hidden=(8,), critic_updates=1, policy_updates=1, max_weight=1.5)
    state, replay = make(config, episodes(), (0,))
    engine = Engine(awr, state, config, replay, Streams((0,), "noise"), "eager")
    rows = torch.arange(len(replay)).unsqueeze(0)
    found = engine(rows)
    assert found.keys() == {"critic_loss", "v", "return"}
    assert found["return"].item() == pytest.approx(state.returns.mean().item(), rel=1e-5)
    found = engine(rows)
    assert found.keys() == {"actor_loss", "bound_loss", "log_prob", "weight"}
    expected = np.minimum(np.exp(state.advantages.numpy()), 1.5).mean()
    assert found["weight"].item() == pytest.approx(expected, rel=1e-5)


# --- the whole ------------------------------------------------------------------------


BASE = awr.Config(
    hidden=(16, 8),
    critic_updates=4,
    policy_updates=6,
    learning_rate=0.02,
    policy_learning_rate=1e-3,
)


@pytest.mark.parametrize(
    "config",
    [
        BASE,
        replace(BASE, temperature=0.2, max_weight=2.0),
        replace(BASE, discount=0.9, td_lambda=0.5, action_std=0.7, bound_weight=0.3),
    ],
    ids=["defaults", "clipped", "others"],
)
def test_fifty_updates_equal_a_plain_awr(config: awr.Config) -> None:
    data = episodes()
    state, replay = make(config, data, (0,))
    state.policy.net.trunk.biases[-1].data.copy_(torch.tensor([1.2, -0.9]))  # one beyond the bounds
    actor, critic = ordinary(state.policy.net.trunk), ordinary(state.value.net.trunk)
    actor_sgd = torch.optim.SGD(actor.parameters(), lr=config.policy_learning_rate, momentum=0.9)
    critic_sgd = torch.optim.SGD(critic.parameters(), lr=config.learning_rate, momentum=0.9)
    engine = Engine(awr, state, config, replay, Streams((0,), "noise"), "recorded")

    obs = torch.from_numpy(data.observations)
    spread = obs.std(0, correction=0) + 1e-3
    s = (obs - obs.mean(0)) / spread
    s2 = (torch.from_numpy(data.next_observations) - obs.mean(0)) / spread
    a = torch.from_numpy(data.actions).clamp(-1 + 1e-5, 1 - 1e-5)
    r, masks = torch.from_numpy(data.rewards), torch.from_numpy(data.masks)
    reach, clipped, outside = 1 / (1 - config.discount), 0, 0
    for t, rows in enumerate(replay.draw(Streams((0,), "batches"), 50, SIZE)):
        engine(rows)

        if t % 10 in (0, 4):
            with torch.no_grad():
                v, next_v = reach * critic(s).squeeze(1), reach * critic(s2).squeeze(1)
            returns = loop(r, masks * next_v, data, config)
            advantage = returns - v
            advantage = (advantage - advantage.mean()) / (advantage.std(correction=0) + 1e-5)
            weight = torch.exp(advantage / config.temperature)
        row = rows[0]
        if t % 10 < 4:
            loss = 0.5 * nn.functional.mse_loss(critic(s[row]).squeeze(1), returns[row] / reach)
            critic_sgd.zero_grad()
            loss.backward()
            critic_sgd.step()
        else:
            mean = actor(s[row])
            log_prob = Normal(mean, config.action_std).log_prob(a[row]).sum(1)
            low, high = (-1 - mean).clamp(min=0), (mean - 1).clamp(min=0)
            beyond = 0.5 * (low.square() + high.square()).sum(1)
            w = weight[row].clamp(max=config.max_weight)
            actor_sgd.zero_grad()
            (config.bound_weight * beyond - w * log_prob).mean().backward()
            actor_sgd.step()
            clipped += int((weight[row] > config.max_weight).sum())
            outside += int((beyond > 0).sum())
    assert outside
    assert (clipped > 0) == (config.max_weight == 2.0)
    for ours, theirs in ((state.policy, actor), (state.value, critic)):
        found = ordinary(ours.net.trunk)
        for x, y in zip(found.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(x, y, rtol=0, atol=1e-5)


def test_initialisation() -> None:
    config = awr.Config(hidden=(400, 300))
    state = awr.init(Spec(100, 50, 7), config, Streams((0, 1), "initialisation"), 1)
    assert state.returns.shape == state.advantages.shape == (2, 7)
    sizes = {"value": (100, 400, 300, 1), "policy": (100, 400, 300, 50)}
    for name, widths in sizes.items():
        trunk = getattr(state, name).net.trunk
        for layer, (fan_in, fan_out) in enumerate(itertools.pairwise(widths)):
            bound = math.sqrt(6 / (fan_in + fan_out))
            if name == "policy" and layer == 2:
                bound = 0.01
            weight = trunk.weights[layer].detach()
            assert 0.97 * bound < weight.abs().max() <= bound
            assert weight.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)
            assert (trunk.biases[layer] == 0).all()


def test_actions_are_the_mean_within_the_bounds() -> None:
    config = awr.Config(hidden=(4,))
    state, _ = make(config, episodes(), (0,))
    state.policy.net.trunk.biases[-1].data.copy_(torch.tensor([3.0, -0.5]))
    found = awr.act(state, torch.zeros(1, 1, OBS), config)
    torch.testing.assert_close(found, torch.tensor([[[1.0, -0.5]]]))

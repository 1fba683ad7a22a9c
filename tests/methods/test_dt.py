"""Decision Transformer: its updates and its acting against a plain one that pads on the left."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
import pytest
import torch
from helpers.decision_transformer import (
    ACT,
    OBS,
    SMALL,
    drops_of,
    make_data,
    ordinary,
    padded_windows,
)
from torch import nn

from baselines import dt
from bench.config.catalogue import Catalogue
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.engine import Engine
from bench.training.method_contract import make_actor, make_replay

SIZE = 16
METHOD: ModuleType = dt
CPU = torch.device("cpu")


def fresh(config: dt.Config, seeds: tuple[int, ...] = (0,), updates: int = 50) -> dt.State:
    return dt.init(Spec(OBS, ACT), config, Streams(seeds, "initialisation"), updates)


# --- training -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"heads": 2, "layers": 2},
        {"layers": 2, "dropout": 0.0, "warmup": 0.0, "max_norm": 100.0, "weight_decay": 0.0},
    ],
    ids=lambda change: " ".join(change) or "small",
)
def test_fifty_updates_equal_a_plain_left_padded_one(change: dict[str, float]) -> None:
    config = dt.Config(**{**vars(SMALL), **change})
    data, state = make_data(), fresh(config)
    replay = make_replay(METHOD, data, config, "raw", "raw", CPU)
    plain = ordinary(state.policy.net, config)
    rate, decay = config.learning_rate, config.weight_decay
    adam = torch.optim.AdamW(plain.parameters(), lr=rate, weight_decay=decay)
    warmup = max(50 * config.warmup, 1)
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda t: min((t + 1) / warmup, 1))
    ours, theirs = Streams([0], "noise"), Streams([0], "noise")
    norms = []
    for rows in replay.draw(Streams([0], "batches"), 50, SIZE):
        metrics = dt.update(state, replay.batch(rows), config, ours)

        padded = padded_windows(data, rows[0].tolist(), config)
        drops = drops_of(theirs, padded[-1], config) if config.dropout else None
        mask = padded[-1] > 0
        loss = torch.mean((plain(padded, drops)[mask] - padded[1][mask]) ** 2)
        adam.zero_grad()
        loss.backward()
        norms.append(float(nn.utils.clip_grad_norm_(plain.parameters(), config.max_norm)))
        adam.step()
        schedule.step()
        torch.testing.assert_close(metrics["actor_loss"], loss.detach()[None], rtol=0, atol=1e-5)
    assert torch.equal(ours.state(), theirs.state())
    assert (max(norms) > config.max_norm) == (config.max_norm < 1)
    for block in plain.blocks:
        block[1].bias.data[config.width : 2 * config.width] = 0  # type: ignore[index]
    expected = dict(ordinary(state.policy.net, config).named_parameters())
    for name, value in plain.named_parameters():
        torch.testing.assert_close(expected[name], value, rtol=0, atol=1e-5, msg=name)


def test_the_authors_weight_decay_is_lost_in_float32() -> None:
    """1 - rate * decay is 1 there, in torch's AdamW as in ours: the setting changes nothing."""
    config = dt.Config()
    parameter = nn.Parameter(torch.randn(1000))
    before = parameter.detach().clone()
    rate, decay = config.learning_rate, config.weight_decay
    adam = torch.optim.AdamW([parameter], lr=rate, weight_decay=decay)
    parameter.grad = torch.zeros_like(parameter)
    adam.step()
    assert torch.equal(parameter, before)
    learner = fresh(dt.Config(**{**vars(config), "layers": 1, "width": 8})).policy
    learner.updates = 1000
    learner.advance()
    assert learner.shrinkage == 1


def test_a_recorded_update_equals_an_eager_one_bit_for_bit() -> None:
    """With several blocks and heads, which the contract's settings do not have."""
    config = dt.Config(**{**vars(SMALL), "heads": 2, "layers": 2})
    flats = []
    for executor in ("eager", "recorded"):
        state = fresh(config, (0, 1))
        replay = make_replay(METHOD, make_data(), config, "raw", "standardised", CPU)
        engine = Engine(METHOD, state, config, replay, Streams([0, 1], "noise"), executor)
        for rows in replay.draw(Streams([0, 1], "batches"), 10, SIZE):
            engine(rows)
        flats.append(state.policy.flat)
    assert torch.equal(*flats)


def test_loss_by_hand_leaves_out_what_is_past_the_end() -> None:
    predicted = torch.tensor([[[[0.5, 0.0], [1.0, 1.0]], [[0.0, 0.0], [9.0, 9.0]]]])
    actions = torch.tensor([[[[0.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]]])
    valid = torch.tensor([[[1.0, 1.0], [1.0, 0.0]]])
    # (0.25 + 0) / 2, (0 + 1) / 2, (1 + 1) / 2, over three steps
    expected = (0.125 + 0.5 + 1.0) / 3
    assert dt.cloning_loss(predicted, actions, valid).item() == pytest.approx(expected)


def test_returns_to_go_are_sums_to_the_end_of_the_episode() -> None:
    data = make_data()
    found = dt.columns(data, SMALL)["returns_to_go"]
    assert found.dtype == np.float32
    for row in range(len(data)):
        later = (data.episodes == data.episodes[row]) & (np.arange(len(data)) >= row)
        assert found[row] == pytest.approx(data.rewards[later].sum() / 2.0, abs=1e-6)


def test_an_action_depends_on_nothing_that_follows_its_state() -> None:
    net = fresh(SMALL).policy.net
    g = torch.Generator().manual_seed(0)
    observations, actions = torch.randn(1, 1, 4, OBS, generator=g), torch.rand(1, 1, 4, ACT)
    returns, steps = torch.randn(1, 1, 4, generator=g), torch.arange(4).view(1, 1, 4)
    before = net(observations, actions, returns, steps, dt.STATES)
    for t in range(4):
        changed = [observations.clone(), actions.clone(), returns.clone()]
        for part, first in zip(changed, (t + 1, t, t + 1), strict=True):
            part[:, :, first:] += 1.0
        after = net(*changed, steps, dt.STATES)
        torch.testing.assert_close(after[:, :, : t + 1], before[:, :, : t + 1])
        assert t == 3 or not torch.allclose(after[:, :, t + 1 :], before[:, :, t + 1 :])


def test_initial_parameters_are_drawn_as_the_authors() -> None:
    config = dt.Config(width=64, layers=2)
    named = dict(fresh(config, (3, 4)).policy.net.named_parameters())
    for name, value in named.items():
        assert value.shape[0] == 2
        if name == "embed_step":
            assert value.std().item() == pytest.approx(1, rel=0.02)
        elif name.startswith("blocks") and ("weights" in name or name.endswith("key")):
            assert value.std().item() == pytest.approx(0.02, rel=0.05)
        elif name.endswith("norm.weight"):
            assert (value == 1).all()
        elif "norm" in name or name.startswith("blocks"):
            assert (value == 0).all()
        else:  # PyTorch's own for a linear layer: within 1 / sqrt(inputs)
            inputs = named[name.replace("biases", "weights")].shape[1]
            assert 0.5 < value.abs().max().item() * math.sqrt(inputs) <= 1


# --- acting ---------------------------------------------------------------------------


@torch.no_grad()
def test_acting_equals_a_plain_loop_over_left_padded_histories() -> None:
    config, seeds, episodes, k = SMALL, (0, 7), 2, SMALL.context
    state = fresh(config, seeds)
    actor = make_actor(METHOD, state, config, Streams(seeds, "actions"), episodes)
    g = torch.Generator().manual_seed(1)
    observations = torch.randn(9, 2, episodes, OBS, generator=g)
    rewards = torch.randn(9, 2, episodes, generator=g)
    rewards[0] = 0
    acted = [actor(o, r) for o, r in zip(observations, rewards, strict=True)]
    for s in range(2):
        plain = ordinary(state.policy.net, config, s)
        for e in range(episodes):
            target, left, done = config.target_return / config.return_scale, [], []
            for t in range(9):
                target -= float(rewards[t, s, e]) / config.return_scale
                left.append(target)
                done.append(torch.zeros(ACT))
                n = min(t + 1, k)
                pad = (0, 0, k - n, 0)
                padded = (
                    nn.functional.pad(observations[t + 1 - n : t + 1, s, e], pad)[None],
                    nn.functional.pad(torch.stack(done)[-n:], pad)[None],
                    nn.functional.pad(torch.tensor(left[-n:]), (k - n, 0))[None],
                    nn.functional.pad(torch.arange(t + 1)[-n:].clamp(max=6), (k - n, 0))[None],
                    nn.functional.pad(torch.ones(n), (k - n, 0))[None],
                )
                done[-1] = plain(padded)[0, -1]
                torch.testing.assert_close(acted[t][s, e], done[-1], rtol=0, atol=1e-5)


def test_each_evaluation_begins_anew() -> None:
    state, streams = fresh(SMALL), Streams([0], "actions")
    observations, rewards = torch.randn(1, 2, OBS), torch.ones(1, 2)
    first = make_actor(METHOD, state, SMALL, streams, 2)
    once, again = first(observations, 0 * rewards), first(observations, rewards)
    assert not torch.allclose(once, again)
    second = make_actor(METHOD, state, SMALL, streams, 2)
    assert torch.equal(second(observations, 0 * rewards), once)


def test_the_return_that_is_asked_for_decides() -> None:
    """Half of the data act with 0.5 and get 1, half with -0.5 and get 0."""
    n = 200
    good = np.arange(n) % 2 == 0
    actions = np.where(good, 0.5, -0.5).astype(np.float32)[:, None]
    zeros = np.zeros((n, 1), np.float32)
    episodes = np.arange(n, dtype=np.int32)
    data = Transitions(zeros, actions, good.astype(np.float32), zeros, zeros[:, 0], episodes)
    config = dt.Config(context=2, layers=1, width=16, return_scale=1.0, learning_rate=3e-3)
    state = dt.init(Spec(1, 1), config, Streams([0], "initialisation"), 200)
    replay = make_replay(METHOD, data, config, "raw", "raw", CPU)
    engine = Engine(METHOD, state, config, replay, Streams([0], "noise"), "recorded")
    for rows in replay.draw(Streams([0], "batches"), 200, SIZE):
        engine(rows)
    for target in (0.0, 1.0):
        asked = dt.Config(**{**vars(config), "target_return": target})
        actor = make_actor(METHOD, state, asked, Streams([0], "actions"), 1)
        with torch.no_grad():
            action = actor(torch.zeros(1, 1, 1), torch.zeros(1, 1)).item()
        assert action == pytest.approx(target - 0.5, abs=0.1)


def test_targets_follow_the_robot() -> None:
    catalogue = Catalogue()
    expected = {"hopper": 3600.0, "halfcheetah": 12000.0, "walker2d": 5000.0, "pointmaze": 1.0}
    for task in catalogue.tasks.values():
        name = task.task.partition("-")[0]
        if name in expected:
            layers = catalogue.method_layers("dt", task)
            config = {
                key.removeprefix("config."): value
                for _, layer in layers
                for key, value in layer.items()
                if key.startswith("config.")
            }
            assert dt.Config(**config).target_return == expected[name]
            scale = 1.0 if name == "pointmaze" else 1000.0
            assert dt.Config(**config).return_scale == scale

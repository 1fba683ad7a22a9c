"""What stands between a method and the loop: data as it sees them, actors, phases, refreshing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.learning.learner import Learner, constant
from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.training.engine import Engine
from bench.training.method_contract import make_actor, make_replay

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Config:
    keep: float = 0.5


def data() -> Transitions:
    """Two episodes, of 3 and 2 rows; row t has observation t and reward t."""
    t = np.arange(5, dtype=np.float32)
    return Transitions(
        observations=t[:, None],
        actions=np.zeros((5, 1), np.float32),
        rewards=t,
        next_observations=t[:, None] + 1,
        masks=np.ones(5, np.float32),
        episodes=np.array([0, 0, 0, 1, 1], np.int32),
    )


def replay_of(method: Any, rewards: str = "raw") -> Any:
    return make_replay(method, data(), Config(), rewards, "raw", CPU)


def test_columns_see_the_selected_rows_and_the_transformed_rewards() -> None:
    def select(full: Transitions, config: Config) -> Transitions:
        return full.select(full.episodes == 1)

    def columns(seen: Transitions, config: Config) -> dict[str, np.ndarray]:
        return {"double": 2 * seen.rewards}

    replay = replay_of(SimpleNamespace(select=select, columns=columns), "minus_one")
    batch = replay.batch(torch.tensor([[0, 1], [1, 1]]))
    assert batch.rewards.tolist() == [[2, 3], [3, 3]]  # rewards 3 and 4, less one
    assert batch.columns["double"].tolist() == [[4, 6], [6, 6]]
    assert batch.columns["rows"].tolist() == [[0, 1], [1, 1]]


def test_without_additions_a_batch_has_its_rows_only() -> None:
    batch = replay_of(SimpleNamespace()).batch(torch.tensor([[4, 0]]))
    assert batch.observations.tolist() == [[[4.0], [0.0]]]
    assert set(batch.columns) == {"rows"}


def test_the_usual_actor_is_act_and_begin_takes_its_place() -> None:
    streams = Streams([0, 1], "actions")

    def act(state: Any, observations: Tensor, config: Config) -> Tensor:
        return observations * state

    plain = make_actor(SimpleNamespace(act=act), 3.0, Config(), streams, 4)
    assert plain(torch.ones(2, 4, 1), torch.zeros(2, 4)).tolist() == [[[3.0]] * 4] * 2

    def begin(state: Any, config: Config, streams: Streams, episodes: int) -> Any:
        noise, seen = streams.normal(episodes), []

        def actor(observations: Tensor, rewards: Tensor) -> Tensor:
            seen.append(rewards)
            return (noise + sum(seen)).unsqueeze(-1)

        return actor

    actor = make_actor(SimpleNamespace(begin=begin), None, Config(), streams, 4)
    first = actor(torch.ones(2, 4, 1), torch.zeros(2, 4))
    second = actor(torch.ones(2, 4, 1), torch.full((2, 4), 5.0))
    torch.testing.assert_close(second, first + 5)
    alone = make_actor(SimpleNamespace(begin=begin), None, Config(), Streams([1], "actions"), 4)
    assert torch.equal(alone(torch.ones(1, 4, 1), torch.zeros(1, 4))[0], first[1])


@dataclass
class State:
    value: Learner[ValueNet]
    table: Tensor  # (S, N), written by refresh


def refresh(state: State, replay: Any, config: Config) -> None:
    if state.value.updates % 3 == 0:
        state.table.copy_(replay.rewards.expand_as(state.table) + state.value.updates)


def update(state: State, batch: Any, config: Config, streams: Streams) -> dict[str, Tensor]:
    target = state.table.gather(1, batch.columns["rows"])
    loss = (state.value(batch.observations) - target).square().mean(-1)
    state.value.descend(loss)
    return {"loss": loss.detach(), "target": target.mean(-1)}


@pytest.mark.parametrize("executor", ["eager", "recorded"])
def test_refresh_runs_before_each_update_and_its_tensors_are_read(executor: str) -> None:
    streams = Streams([0, 1], "initialisation")
    state = State(Learner(ValueNet([1, 4], streams), constant(1e-3)), torch.zeros(2, 5))
    method = SimpleNamespace(update=update, refresh=refresh)
    replay = make_replay(method, data(), Config(), "raw", "raw", CPU)
    engine = Engine(method, state, Config(), replay, Streams([0, 1], "noise"), executor)
    rows = torch.tensor([[0, 4], [2, 2]])
    targets = [engine(rows)["target"].tolist() for _ in range(7)]
    refreshed = [0, 0, 0, 3, 3, 3, 6]  # the count of updates at the last refresh
    assert targets == [[2.0 + n, 2.0 + n] for n in refreshed]


def test_uniform_draws_are_a_seeds_own() -> None:
    block = Streams([4, 9], "noise").uniform(3, 1000)
    assert block.shape == (2, 3, 1000)
    assert 0 <= block.min() < 0.01
    assert 0.99 < block.max() < 1
    assert abs(block.mean().item() - 0.5) < 0.02
    assert torch.equal(block[1:], Streams([9], "noise").uniform(3, 1000))


def test_a_changed_reward_does_not_reach_the_data() -> None:
    source = data()
    make_replay(SimpleNamespace(), source, Config(), "centred_times_10", "raw", CPU)
    assert replace(source).rewards.tolist() == [0, 1, 2, 3, 4]

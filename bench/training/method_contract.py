"""What a method's file defines, and the defaults for what it leaves out.

Always:
    Config: a frozen dataclass, each default with its source.
    init(spec, config, streams, updates) -> State: its fields are tensors, or have `tensors`
        and `restore`.
    update(state, batch, config, streams) -> metrics, (S,) each: every network descends at most
        once, randomness comes from `streams`, and state changes in place.
    act(state, observations, config) -> actions, or else
    begin(state, config, streams, episodes) -> Actor: for acting with randomness or memory;
        called before each evaluation.

Where needed:
    select(data, config) -> Transitions: the part of the data to train on.
    columns(data, config) -> arrays by name, one row per transition; `data` holds the rewards
        that the method sees.
    window(config) -> number of consecutive rows in each draw of a batch.
    branch(state, config) -> a hashable that names the operations of the next `update`, where they
        depend on counters.
    refresh(state, replay, config): called before each update, for computations over all data.

For probes (bench.training.maze_probes, bench.training.maze_trace):
    value(state, observations, config) -> (S, N): the value of each of N states.
    advantage(state, batch, config) -> (S, B): the advantage of the data's actions; for a method
        without `select` and `window`.

For an online phase (bench.training.online.phase):
    explore(state, observations, config, streams) -> exploratory actions (S, E, act), clipped
        afterwards, for observations (S, E, obs); evaluation does not use them.
    adopt(state, networks, config): start from another method's run, whose networks have the names
        of its policy.safetensors (`starts_from` in bench.config.registry).
Off-policy (training.online.off_policy); rows with `columns` join the batches when their episode
ends, others at once. If needed:
    mixing(config) -> share of each batch drawn from the data; without it, all rows count alike.
    warm_up(config) -> number of initial environment steps without an update.
On-policy (training.online.on_policy), for a method that never sees data (`online_only` in the
registry):
    Rollout: a dataclass of tensors, of one step (S, E, ...), or `of` several (S, T, E, ...).
    collect(state, step, ends, config) -> Rollout of one step that `explore` chose; `step` is a
        Batch with the actions before clipping, `ends` (S, E) is 1 where its episode ended.
    update(state, rollout, config, streams) -> metrics of one rollout of `horizon` steps, a field of
        Config beside `environments` and `minibatches`. It is not recorded, so each network may
        descend many times; `updates` of init then counts environment steps.
"""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.learning.replay import Replay
from bench.learning.scalers import ObservationScaler, RewardScaler
from bench.learning.streams import Streams
from bench.learning.types import Actor


def is_on_policy(method: ModuleType) -> bool:
    """Return whether the method learns from whole rollouts of its own policy."""
    return hasattr(method, "collect")


def make_replay(
    method: ModuleType,
    data: Transitions,
    config: Any,
    rewards: str,
    observations: str,
    device: torch.device,
) -> Replay:
    """Return the data as the method sees it; `rewards` and `observations` name the transforms."""
    if hasattr(method, "select"):
        data = method.select(data, config)
    scaler = ObservationScaler.fit(observations, data)
    reward_scaler = RewardScaler.fit(rewards, data)
    data = replace(data, rewards=reward_scaler(data.rewards))
    columns = method.columns(data, config) if hasattr(method, "columns") else {}
    window = method.window(config) if hasattr(method, "window") else None
    return Replay(data, scaler, device, columns, window, reward_scaler)


def make_actor(
    method: ModuleType, state: Any, config: Any, streams: Streams, episodes: int
) -> Actor:
    """Return the actor of one evaluation of S seeds with `episodes` environments each."""
    if hasattr(method, "begin"):
        actor: Actor = method.begin(state, config, streams, episodes)
        return actor

    def act(observations: Tensor, rewards: Tensor) -> Tensor:
        actions: Tensor = method.act(state, observations, config)
        return actions

    return act

"""The few types that every method shares."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Spec:
    """The sizes of a task: observations (obs,), actions (act,) in [-1, 1]."""

    observation_dim: int
    action_dim: int


@dataclass(frozen=True)
class Batch:
    """Transitions of S seeds; `masks` is 1 where the target bootstraps, 0 where it must not."""

    observations: Tensor  # (S, B, obs)
    actions: Tensor  # (S, B, act)
    rewards: Tensor  # (S, B)
    masks: Tensor  # (S, B)
    next_observations: Tensor  # (S, B, obs)

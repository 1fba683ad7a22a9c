"""Types that all methods share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Spec:
    """Sizes of a task: observations (obs,), actions (act,) in [-1, 1], rows of data."""

    observation_dim: int
    action_dim: int
    rows: int = 0


# (S, E, obs) observations and (S, E) raw rewards of the last step -> (S, E, act) actions
Actor = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Batch:
    """Transitions of S seeds; `masks` is 1 where the target bootstraps, 0 where it must not.

    `columns` holds the arrays that the method's own `columns` added, and "rows", the row
    numbers (S, B). For a method with `window`, every array has an axis of K consecutive rows
    of one episode after B; "steps" (S, B, K) counts them from the episode's start and "valid"
    (S, B, K) is 0 past its end.
    """

    observations: Tensor  # (S, B, obs)
    actions: Tensor  # (S, B, act)
    rewards: Tensor  # (S, B)
    masks: Tensor  # (S, B)
    next_observations: Tensor  # (S, B, obs)
    columns: Mapping[str, Tensor] = field(default_factory=dict)

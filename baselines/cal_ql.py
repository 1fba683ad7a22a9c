"""Cal-QL: CQL that never pushes the Q of a policy action below the data's return.

Nakamoto, Zhai, Singh, Mark, Ma, Finn, Kumar, Levine, "Cal-QL: Calibrated Offline RL Pre-Training
for Efficient Online Fine-Tuning", arXiv:2303.05479. In CQL's conservative term, the Q of a policy
action becomes max(Q, return-to-go) (eq. 5.1). Online, half of each batch comes from the data.

Defaults: github.com/nakamotoo/Cal-QL, scripts/run_antmaze.sh and JaxCQL/.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from baselines import cql
from baselines.cql import State, act, branch, explore, init
from bench.data.transitions import Transitions
from bench.learning.ranges import (
    CountFromZero,
    Finite,
    Fraction,
    LogStd,
    Positive,
    Share,
    Weight,
    Widths,
)
from bench.learning.streams import Streams
from bench.learning.types import Batch

__all__ = ["Config", "State", "act", "branch", "columns", "explore", "init", "mixing", "update"]


@dataclass(frozen=True)
class Config(cql.Config):
    """CQL's settings with the values of run_antmaze.sh, and Cal-QL's own."""

    min_q_weight: Weight = 5.0
    target_gap: Positive | None = 4.0  # of weight * gap: 0.8 of the gap alone
    initial_log_multiplier: Finite = 1.0
    max_target_backup: bool = True
    warm_start: CountFromZero = 0
    hidden: Widths = (256, 256, 256, 256)
    policy_hidden: Widths | None = (256, 256)
    orthogonal: bool = True
    log_std_min: LogStd = -20.0
    log_std_scaling: tuple[Finite, Finite] | None = (1.0, -1.0)
    action_limit: Fraction = 0.99999
    mixing: Share = 0.5  # share of the data in a batch of the online phase
    sparse: bool = True  # an episode without success continues forever with its reward


def returns_to_go(data: Transitions, discount: float, sparse: bool) -> np.ndarray:
    """Return the discounted sum of rewards from each row to its episode's end: (N,), float32.

    With `sparse`, an episode with the same negative reward throughout that did not terminate was
    unsuccessful; its return is that reward / (1 - discount), as in calc_return_to_go of
    replay_buffer.py. For rewards that are all 0 the sum is the same; positive ones are successes.
    """
    result = np.empty(len(data), np.float32)
    for first, length in zip(data.starts(), data.lengths(), strict=True):
        rows = slice(first, first + length)
        rewards = np.asarray(data.rewards[rows], np.float64)
        failed = rewards[0] < 0 and np.all(rewards == rewards[0])
        if sparse and failed and np.all(data.masks[rows] == 1):
            result[rows] = rewards[0] / (1 - discount)
            continue
        total, sums = 0.0, []
        for reward in reversed(rewards.tolist()):
            total = reward + discount * total
            sums.append(total)
        result[rows] = sums[::-1]
    return result


def columns(data: Transitions, config: Config) -> dict[str, np.ndarray]:
    """Return `returns` (N,), the floor of Q at each row."""
    return {"returns": returns_to_go(data, config.discount, config.sparse)}


def mixing(config: Config) -> float:
    """Return the data's share of an online batch."""
    return config.mixing


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """Take CQL's step with the floor; return the metrics, (S,) each."""
    return cql.update(state, batch, config, streams, batch.columns["returns"])

"""Cal-QL: CQL that pushes no action of the policy below the return that the data reached.

Nakamoto, Zhai, Singh, Mark, Ma, Finn, Kumar, Levine, "Cal-QL: Calibrated Offline RL Pre-Training
for Efficient Online Fine-Tuning", arXiv:2303.05479. In CQL's conservative term the Q of an action
of the policy is max(Q, return from here on) (its eq. 5.1). Online, half of each batch stays data.

Defaults: github.com/nakamotoo/Cal-QL, scripts/run_antmaze.sh and JaxCQL/.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from baselines import cql
from baselines.cql import State, act, branch, explore, init
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Batch

__all__ = ["Config", "State", "act", "branch", "columns", "explore", "init", "mixing", "update"]


@dataclass(frozen=True)
class Config(cql.Config):
    """CQL's with the values of run_antmaze.sh, and what Cal-QL adds."""

    min_q_weight: float = 5.0
    target_gap: float | None = 4.0  # of weight * gap: 0.8 of the gap alone
    initial_log_multiplier: float = 1.0
    max_target_backup: bool = True
    warm_start: int = 0
    hidden: tuple[int, ...] = (256, 256, 256, 256)
    policy_hidden: tuple[int, ...] | None = (256, 256)
    orthogonal: bool = True
    log_std_min: float = -20.0
    log_std_scaling: tuple[float, float] | None = (1.0, -1.0)
    action_limit: float = 0.99999
    mixing: float = 0.5  # share of the data in a batch of the online phase
    sparse: bool = True  # an episode without success goes on as it was, for ever


def returns_to_go(data: Transitions, discount: float, sparse: bool) -> np.ndarray:
    """Discounted sum of rewards from each row to the end of its episode, (N,) of float32.

    With `sparse`, an episode of one negative reward throughout that did not terminate had no
    success: its return is that reward / (1 - discount), as in calc_return_to_go of
    replay_buffer.py. Of rewards that are all 0 the sum is the same; positive ones are successes.
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
    """The floor of Q at each row."""
    return {"returns": returns_to_go(data, config.discount, config.sparse)}


def mixing(config: Config) -> float:
    """The data's share of an online batch."""
    return config.mixing


def update(state: State, batch: Batch, config: Config, streams: Streams) -> dict[str, Tensor]:
    """CQL's step with the floor; metrics are (S,)."""
    return cql.update(state, batch, config, streams, batch.columns["returns"])

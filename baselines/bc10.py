"""10%BC: behavioural cloning of the best tenth of the trajectories by return.

The filter is that of Chen et al. 2021 (Decision Transformer, arXiv:2106.01345, section 5.1). It
keeps a tenth of the number of trajectories, rounded down, as in CORL. Trajectories end where the
data ends an episode, not at a fixed length.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines import bc
from baselines.bc import State, act, init, update
from bench.data.transitions import Transitions
from bench.learning.ranges import Fraction

__all__ = ["Config", "State", "act", "init", "select", "update"]


@dataclass(frozen=True)
class Config(bc.Config):
    """BC's settings, and the share of trajectories to keep (CORL: frac 0.1)."""

    fraction: Fraction = 0.1


def select(data: Transitions, config: Config) -> Transitions:
    """Return the transitions of the best trajectories, at least one; ties go to the earlier."""
    returns = data.returns()
    count = max(int(config.fraction * len(returns)), 1)
    best = np.argsort(-returns, kind="stable")[:count]
    return data.select(np.isin(data.episodes, data.episodes[data.starts()[best]]))

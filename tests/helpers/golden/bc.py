"""How CORL's recorded BC updates are replayed, and which rows its filter and ours keep."""

from __future__ import annotations

from typing import Any

import numpy as np

from baselines import bc, bc10
from bench.data.transitions import Transitions
from helpers.golden.case import Case
from helpers.golden.record import Record, laid_out


def config(s: dict[str, Any]) -> bc.Config:
    return bc.Config(learning_rate=s["learning_rate"], hidden=tuple(s["hidden"]))


CASES = [
    Case(
        "bc",
        bc,
        config,
        laid_out({"policy.trunk": "policy"}),
        reported=lambda record, t: {"actor_loss": record("loss/actor_loss")[t]},
    )
]


def kept_rows() -> tuple[list[int], list[int]]:
    """The rows that our filter keeps of the recorded rewards, and those that CORL's keeps."""
    record = Record("bc")
    terminals = record.arrays["select/terminals"].astype(np.float32)
    count = np.arange(len(terminals), dtype=np.float32)
    data = Transitions(
        observations=count[:, None],  # so that a row can be told
        actions=count[:, None],
        rewards=record.arrays["select/rewards"].astype(np.float32),
        next_observations=count[:, None],
        masks=1 - terminals,
        episodes=np.cumsum(np.append(0, terminals[:-1])).astype(np.int32),
    )
    kept = bc10.select(data, bc10.Config(fraction=record.settings["fraction"]))
    ours = kept.observations[:, 0].astype(int).tolist()
    return ours, record.arrays["select/rows"].tolist()

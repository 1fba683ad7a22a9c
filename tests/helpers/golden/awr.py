"""AWR's returns, advantages and weights, measured against those of its authors' functions."""

from __future__ import annotations

import numpy as np
import torch

from baselines import awr
from helpers.golden.record import Record, distance, precision

FILE = "awr"
TOLERANCE = 1e-10


def differences(dtype: torch.dtype = torch.float64) -> dict[str, float]:
    """The largest differences of returns, normalised advantages and clipped weights."""
    with precision(dtype):
        record = Record(FILE)
        s, lengths = record.settings, record.arrays["lengths"]
        ends = np.zeros(lengths.sum())
        ends[np.cumsum(lengths) - 1] = 1
        values = record("values")[None]
        returns = awr.td_lambda_returns(
            record("rewards"),
            record("next_values")[None],
            torch.from_numpy(ends).to(dtype),
            s["discount"],
            s["td_lambda"],
        )
        assert s["ADV_EPS"] == awr.ADVANTAGE_FLOOR
        advantages = awr.normalise(returns - values)
        config = awr.Config(temperature=s["temp"], max_weight=s["weight_clip"])
        found = {
            "returns": returns,
            "advantages": advantages,
            "weights": awr.weigh(advantages, config),
        }
        return {name: distance(value[0], record(name)) for name, value in found.items()}

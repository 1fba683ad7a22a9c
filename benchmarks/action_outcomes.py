"""Find which deviations from the behaviour policy's actions paid off, and over what horizon.

For a local `medium` dataset, regresses the return after each row, minus what its state explains,
on the action's deviation from the behaviour policy's expected action (least squares). Prints the
coefficient and its t value (treating rows as independent) per discount and action component.

    python benchmarks/action_outcomes.py walker2d local/walker2d/medium-100k-v0
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.distributions import Normal

from bench.collection.ladder import Ladder, load
from bench.data.transitions import Transitions
from bench.paths import TRANSITIONS

DISCOUNTS = (0.9, 0.95, 0.99, 1.0)
FEATURES = 300  # random features of the state, to model its value
RIDGE = 0.1


def expected_actions(ladder: Ladder, observations: Tensor) -> Tensor:
    """Return the mean of the snapshot's Gaussian clipped to [-1, 1]: (N, obs) -> (N, act)."""
    mean = torch.from_numpy(ladder.mean(observations.numpy()[None])[0])
    std = torch.from_numpy(ladder.std[0]).expand_as(mean)
    unit = Normal(0.0, 1.0)
    low, high = (-1 - mean) / std, (1 - mean) / std
    inside = mean * (unit.cdf(high) - unit.cdf(low))
    inside -= std * (unit.log_prob(high).exp() - unit.log_prob(low).exp())
    return inside - unit.cdf(low) + 1 - unit.cdf(high)


def returns(data: Transitions, discount: float) -> np.ndarray:
    """Return the discounted return from each row to its episode's end: (N,)."""
    result = np.array(data.rewards, dtype=np.float64)
    last = np.zeros(len(result), dtype=bool)
    last[data.starts() + data.lengths() - 1] = True
    for i in range(len(result) - 2, -1, -1):
        if not last[i]:
            result[i] += discount * result[i + 1]
    return result


def main() -> None:
    """Fit and print the coefficients of one dataset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("robot")
    parser.add_argument("dataset")
    arguments = parser.parse_args()
    folder = Path("behaviors") / arguments.robot
    roles = pd.read_csv(folder / "ladder.csv").role.tolist()
    ladder = load(folder).pick([roles.index("medium")])
    data = Transitions.load(TRANSITIONS / arguments.dataset)
    observations = np.array(data.observations)
    expected = expected_actions(ladder, torch.from_numpy(observations)).numpy()
    deviation = np.array(data.actions, dtype=np.float64) - expected
    states = (observations - observations.mean(0)) / observations.std(0)
    rng = np.random.default_rng(0)
    random = states @ rng.normal(size=(states.shape[1], FEATURES)) / 2 + rng.normal(size=FEATURES)
    features = np.c_[np.maximum(random, 0), states, np.ones(len(states))]
    gram = features.T @ features + RIDGE * np.eye(features.shape[1])
    inverse = np.linalg.inv(deviation.T @ deviation)
    for discount in DISCOUNTS:
        outcome = returns(data, discount)
        outcome -= features @ np.linalg.solve(gram, features.T @ outcome)
        slope = inverse @ deviation.T @ outcome
        error = np.sqrt(np.diag(inverse) * (outcome - deviation @ slope).var())
        print(f"discount {discount}: coefficients {slope.round(2)}, t {(slope / error).round(1)}")


if __name__ == "__main__":
    main()

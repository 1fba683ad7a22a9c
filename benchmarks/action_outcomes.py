"""Find which deviations from the behaviour policy's actions paid off, and over what horizon.

For a local `medium` dataset, regresses the return after each row, minus what its state explains,
on the action's deviation from the behaviour policy's expected action (least squares). Prints the
coefficient and its t value (treating rows as independent) per discount and action component.

    python benchmarks/action_outcomes.py walker2d local/walker2d/medium-100k-v1
"""

from __future__ import annotations

import argparse

import numpy as np

from bench.collection.collect import BEHAVIORS, chosen
from bench.collection.ladder import SquashedLadder
from bench.data.transitions import Transitions
from bench.paths import TRANSITIONS

DISCOUNTS = (0.9, 0.95, 0.99, 1.0)
FEATURES = 300  # random features of the state, to model its value
RIDGE = 0.1
POINTS = 32  # of the quadrature


def expected_actions(ladder: SquashedLadder, observations: np.ndarray) -> np.ndarray:
    """Return the mean of tanh of the snapshot's Gaussian: (N, obs) -> (N, act).

    By Gauss-Hermite quadrature, whose points are deviations of a unit Gaussian.
    """
    mean, std = ladder.distribution(observations[None])
    points, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    at_points = np.tanh(mean[0, ..., None] + std[0, ..., None] * points)
    expected: np.ndarray = at_points @ weights / weights.sum()
    return expected


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
    ladder, _ = chosen(BEHAVIORS / arguments.robot, ("medium",))
    assert isinstance(ladder, SquashedLadder)
    data = Transitions.load(TRANSITIONS / arguments.dataset)
    observations = np.array(data.observations)
    deviation = np.array(data.actions, dtype=np.float64) - expected_actions(ladder, observations)
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

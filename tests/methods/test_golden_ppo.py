"""PPO against cleanrl's recorded minibatch steps on given rollouts."""

from __future__ import annotations

import torch
from helpers.golden.ppo import FLOAT32, TOLERANCE, Outcome


def test_minibatch_steps_equal_the_program() -> None:
    outcome = Outcome()
    assert outcome.parameters.keys() == set(outcome.record.snapshots())
    assert max(outcome.parameters.values()) < TOLERANCE
    assert max(outcome.reported.values()) < TOLERANCE


def test_values_advantages_and_densities_of_a_rollout_equal_the_program() -> None:
    assert max(Outcome().computed.values()) < TOLERANCE


def test_the_rate_falls_at_each_minibatch() -> None:
    outcome = Outcome()
    theirs = outcome.record.arrays["learning_rates"].tolist()
    assert max(abs(a - b) for a, b in zip(outcome.rates, theirs, strict=True)) < 1e-15


def test_float32_stays_near() -> None:
    assert max(Outcome(torch.float32).parameters.values()) < FLOAT32

"""How the author's recorded BCQ updates are replayed, and the actions chosen after the last."""

from __future__ import annotations

from typing import Any

import torch

from baselines import bcq
from helpers.golden.case import Case, replay
from helpers.golden.record import (
    WITH_VAE,
    Draw,
    Record,
    RecordedStreams,
    distance,
    flat_by_sample,
    laid_out,
    precision,
)


def config(s: dict[str, Any]) -> bcq.Config:
    return bcq.Config(
        perturbation=s["phi"],
        minimum_weight=s["lmbda"],
        target_samples=s["target_samples"],
        test_samples=s["test_samples"],
        kl_weight=s["kl_weight"],
        discount=s["discount"],
        polyak=s["tau"],
        learning_rate=s["learning_rate"],
        hidden=tuple(s["hidden"]),
        vae_hidden=tuple(s["vae_hidden"]),
    )


def draws(record: Record, t: int) -> list[Draw]:
    return [
        ("normal", record("draw/vae_noise")[t]),
        ("normal", flat_by_sample(record("draw/target_latents")[t])),
        ("normal", record("draw/policy_latents")[t]),
    ]


CASES = [Case("bcq", bcq, config, laid_out(WITH_VAE), draws)]


def acting_difference() -> float:
    """The largest difference of an action that `select_action` chose from the same latents."""
    result = replay(CASES[0])
    with precision(torch.float64):
        record = Record(CASES[0].file)
        latents = RecordedStreams([("normal", flat_by_sample(record("acting/latents")))])
        observations = record("acting/observations")[None]
        act = bcq.begin(result.state, result.config, latents, observations.shape[1])
        with torch.no_grad():
            actions = act(observations, torch.zeros(observations.shape[:2]))
        return distance(actions[0], record("acting/actions"))

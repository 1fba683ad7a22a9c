"""How recorded SAC updates of stable-baselines3 are replayed."""

from __future__ import annotations

from typing import Any

import torch

from baselines import sac
from helpers.golden.case import Case
from helpers.golden.record import TWINS, Draw, Named, Record, laid_out


def config(s: dict[str, Any]) -> sac.Config:
    return sac.Config(
        discount=s["gamma"],
        polyak=s["tau"],
        learning_rate=s["learning_rate"],
        log_std_range=tuple(s["log_std_range"]),
        hidden=tuple(s["hidden"]),
    )


def draws(record: Record, t: int) -> list[Draw]:
    return [("normal", torch.stack([record("draw/policy")[t], record("draw/next")[t]]))]


def reported(record: Record, t: int) -> Named:
    return {
        "critic_loss": record("loss/critic_loss")[t],
        "actor_loss": record("loss/actor_loss")[t],
        "temperature": record("loss/ent_coef")[t],  # of before its step
        "temperature.descend": record("loss/ent_coef_loss")[t],
    }


CASES = [
    Case(
        "sac",
        sac,
        config,
        laid_out({"policy.trunk": "policy", "temperature.value": "log_alpha", **TWINS}),
        draws,
        reported,
        changed="no 1e-6 added in log(1 - a^2)",
        tolerance=1e-9,
        reported_tolerance=1e-9,
    )
]

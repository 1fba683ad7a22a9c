"""How the author's recorded TD3+BC updates are replayed."""

from __future__ import annotations

from typing import Any

from baselines import td3_bc
from helpers.golden.case import Case
from helpers.golden.record import TWINS, laid_out


def config(s: dict[str, Any]) -> td3_bc.Config:
    return td3_bc.Config(
        alpha=s["alpha"],
        discount=s["discount"],
        polyak=s["tau"],
        policy_noise=s["policy_noise"],
        noise_clip=s["noise_clip"],
        policy_every=s["policy_freq"],
        learning_rate=s["learning_rate"],
        hidden=tuple(s["hidden"]),
    )


CASES = [
    Case(
        "td3_bc",
        td3_bc,
        config,
        laid_out({"policy.trunk": "policy", "target_policy.trunk": "target_policy", **TWINS}),
        draws=lambda record, t: [("normal", record("draw/target_noise")[t])],
    )
]

"""TD3+BC against its author's recorded updates."""

from __future__ import annotations

from typing import Any

import pytest
from helpers.golden import TWINS, laid_out
from helpers.golden_case import FORMS, Case, Form, check

from baselines import td3_bc


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


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)

"""When a policy is scored, and the online phase that may follow the offline one."""

from __future__ import annotations

from pydantic import Field

from bench.config.validation import Strict

MOST = 10**9  # updates, steps, rows or episodes that one run can have


class Evaluation(Strict):
    """When and how a policy is scored."""

    every: int = Field(gt=0, le=MOST, description="updates between evaluations")
    episodes: int = Field(gt=0, le=MOST, description="episodes per seed and evaluation")


class Online(Strict):
    """The online phase after the offline one: the policy acts, learns and is evaluated."""

    steps: int = Field(
        gt=0, le=MOST, description="environment steps per seed: an update per step or rollout"
    )
    every: int = Field(gt=0, le=MOST, description="environment steps between evaluations")
    episodes: int = Field(gt=0, le=MOST, description="episodes per seed and evaluation")
    buffer: int = Field(
        default=2_000_000,
        gt=0,
        le=MOST,
        description="capacity of the replay buffer: transitions per seed",
    )

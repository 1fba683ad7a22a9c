"""Evaluate a policy: every seed has its own episodes, and every return is kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.learning.scalers import ObservationScaler
from bench.learning.types import Actor
from bench.seeds import derive
from bench.training.job_process import NEVER, StopRequest
from bench.training.rollout import Evaluator


@dataclass(frozen=True)
class EpisodeRow:
    """One evaluation episode; the return is undiscounted and raw."""

    phase: str
    step: int
    seed: int
    episode: int
    return_: float
    length: int


HEADER = ("phase", "step", "seed", "episode", "return", "length")


def purpose(phase: str, step: int) -> str:
    """Return the purpose that names the random draws of one evaluation."""
    return f"evaluation {step}" if phase == "offline" else f"{phase} evaluation {step}"


def reset_seeds(seed: int, step: int, episodes: int, phase: str = "offline") -> list[int]:
    """Return the reset seeds (episodes,) of one evaluation of one training seed."""
    rng = np.random.default_rng(derive(seed, purpose(phase, step)))
    return [int(s) for s in rng.integers(2**31, size=episodes)]


class Stopped(Exception):
    """Raised when the job is asked to stop during an evaluation."""


@torch.no_grad()
def evaluate(
    evaluator: Evaluator,
    actor: Actor,
    scaler: ObservationScaler,
    seeds: tuple[int, ...],
    step: int,
    episodes: int,
    device: torch.device,
    phase: str = "offline",
    stop: StopRequest = NEVER,
) -> list[EpisodeRow]:
    """Evaluate all seeds; `actor` receives scaled observations and raw rewards.

    Returns one row per episode. Raises Stopped at the next step once `stop` is set.
    """

    def policy(observations: Tensor, rewards: Tensor) -> Tensor:
        if stop.is_set:
            raise Stopped
        # A diverged seed must not stop the others of its block; its rows are dropped later.
        return torch.nan_to_num(actor(scaler(observations.to(device)), rewards.to(device)))

    resets = [reset_seeds(seed, step, episodes, phase) for seed in seeds]
    result = evaluator(policy, resets, seeds)  # goals, if any, are fixed per run
    return [
        EpisodeRow(phase, step, seed, e, float(result.returns[s, e]), int(result.lengths[s, e]))
        for s, seed in enumerate(seeds)
        for e in range(episodes)
    ]

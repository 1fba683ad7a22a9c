"""Behaviour policies trained with SAC, as D4RL's were: a medium one, and the way to it.

D4RL's medium policies are SAC's, stopped early, and its medium-replay data are the buffer up to
there (Fu et al. 2020, arXiv:2004.07219, section 5). Here snapshots at even steps stand for the
buffer, and the medium one is the first with 95% of the mean return of D4RL's medium data.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.collection.ladder import SquashedLadder
from bench.collection.snapshots import Candidates
from bench.config import registry
from bench.config.behaviors import BEHAVIORS, Behavior
from bench.config.d4rl_files import source_of
from bench.config.types import Settings
from bench.config.validation import configure
from bench.data.transitions import Transitions
from bench.environments.vector import action_space, make, observation_dim
from bench.errors import BenchError
from bench.learning.replay import Replay
from bench.learning.scalers import ObservationScaler
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.progress import Progress
from bench.training.engine import Engine, choose_executor, prepare_process
from bench.training.online.off_policy import OffPolicyPhase, begin

EVERY = 5_000  # steps between candidates
RUNGS = 20  # chosen snapshots up to the medium one, evenly spaced in steps
NEAR = 0.95  # of the level's mean return; the error of ten episodes is of that order
BATCH_SIZE = 256


def train(entry: Behavior, folder: Path) -> None:
    """Train SAC until a snapshot reaches the level, and write those that lead to it to `folder`.

    Raises BenchError where none does within the entry's steps.
    """
    assert entry.level is not None
    goal = source_of(entry.level).return_mean
    if goal is None:
        raise BenchError(f"{BEHAVIORS}, level: D4RL's mean return of {entry.level} is not known.")
    prepare_process(1)
    phase = _phase(entry)
    found = _scored(phase, entry, 0)
    curve = []
    with Progress(f"behavior {entry.env_id}", entry.steps, "steps") as progress:
        while found.returns[-1] < NEAR * goal:
            if phase.steps >= entry.steps:
                raise BenchError(
                    f"{BEHAVIORS}, {entry.env_id}: the best snapshot returns "
                    f"{found.returns.max():.0f}, below {NEAR:.0%} of {goal:.0f}, the mean of "
                    f"{entry.level}; train for more steps."
                )
            seen = len(phase.episodes)
            done, metrics = phase.advance(min(EVERY, entry.steps - phase.steps))
            progress(done)
            found = found.joined(_scored(phase, entry, len(found.steps)))
            returns = [row.return_ for row in phase.episodes[seen:]]
            row = {"step": phase.steps, "return_mean": float(np.mean(returns or [np.nan]))}
            curve.append(row | {key: value.item() for key, value in metrics.items()})
    medium = len(found.returns) - 1
    kept = sorted(set(np.linspace(0, medium, RUNGS).round().astype(int).tolist()))
    settings = {"env_id": entry.env_id, "seed": entry.seed, "steps": entry.steps}
    settings |= {"level": entry.level, "config": asdict(phase.engine.config)}
    found.write(folder, kept, {medium: "medium"}, curve, settings)


def _scored(phase: OffPolicyPhase, entry: Behavior, number: int) -> Candidates:
    """Score the policy as it is now, the candidate of this number."""
    return Candidates.of([_snapshot(phase)], entry.env_id, SquashedLadder, entry.seed, number)


def _phase(entry: Behavior) -> OffPolicyPhase:
    """Return SAC's training before its first step."""
    sac = registry.load("sac")
    config = configure(sac.Config, entry.config, f"{BEHAVIORS}, {entry.env_id}")
    env = make(entry.env_id)
    spec = Spec(observation_dim(env), action_space(env).shape[0])
    env.close()
    device = torch.device("cpu")
    streams = {p: Streams([entry.seed], p) for p in ("initialisation", "noise", "batches")}
    state = sac.init(spec, config, streams["initialisation"], entry.steps)
    nothing = _nothing(spec)
    replay = Replay(nothing, ObservationScaler.fit("raw", nothing), device)
    executor = choose_executor(entry.steps, device)
    engine = Engine(sac, state, config, replay, streams["noise"], executor, seed=entry.seed)
    return begin(_settings(entry), engine, streams["batches"])


def _settings(entry: Behavior) -> Settings:
    """Return what the online phase asks of a run's settings."""
    task = {"task": "behavior", "family": "locomotion", "env_id": entry.env_id}
    task |= {"dataset": "behavior/none-v0", "recipe": "none"}
    return Settings.model_validate(
        {
            **{"suite": "behavior", "method": "sac", "task": task, "seeds": [entry.seed]},
            **{"updates": 1, "batch_size": BATCH_SIZE, "log_every": 1},
            **{"rewards": "raw", "observations": "raw", "config": entry.config},
            "evaluation": {"every": 1, "episodes": 1},
            "online": {"steps": entry.steps, "every": entry.steps, "episodes": 1},
        }
    )


def _nothing(spec: Spec) -> Transitions:
    """Return one row of zeros, because a replay has at least one; the phase keeps none."""
    observations = np.zeros((1, spec.observation_dim), np.float32)
    return Transitions(
        observations=observations,
        actions=np.zeros((1, spec.action_dim), np.float32),
        rewards=np.zeros(1, np.float32),
        next_observations=observations,
        masks=np.ones(1, np.float32),
        episodes=np.zeros(1, np.int32),
    )


def _snapshot(phase: OffPolicyPhase) -> dict[str, Tensor]:
    state: Any = phase.engine.state
    tensors = {k: v.detach().clone() for k, v in state.policy.net.state_dict().items()}
    return tensors | {"step": torch.tensor([phase.steps])}

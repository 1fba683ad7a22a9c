"""The on-policy online phase: an update after each rollout of `horizon` steps.

A checkpoint holds the rollout so far, and the actions of each seed's current episode, which may
have started before the rollout.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.config.types import Settings
from bench.errors import BenchError
from bench.learning.streams import Streams
from bench.learning.types import Batch
from bench.training.engine import Engine
from bench.training.evaluate import EpisodeRow
from bench.training.online.phase import Phase, Step, Worlds
from bench.training.recording.tracer import learners

ROLLOUT, METRICS, ACTIONS = "rollout.", "online.metrics.", "online.actions."


@dataclass(kw_only=True)
class OnPolicyPhase(Phase):
    """A phase that updates after every `interval` steps, from those steps only."""

    rollout: list[Any] = field(
        default_factory=list
    )  # steps so far, as one-step Rollouts of the method
    actions: list[list[np.ndarray]]  # (act,) each, of each seed's current episode

    @property
    def due(self) -> bool:
        return len(self.rollout) == self.interval

    @property
    def updates(self) -> int:
        return max(learner.updates for learner in learners(self.engine.state))

    def learn(self) -> dict[str, Tensor]:
        method, state, config = self.engine.method, self.engine.state, self.engine.config
        metrics: dict[str, Tensor] = method.update(
            state, method.Rollout.of(self.rollout), config, self.batches
        )
        return metrics

    def _keep(self, before: np.ndarray, actions: Tensor, chosen: np.ndarray, step: Step) -> None:
        if self.due:  # the last rollout has been used
            self.rollout = []
        engine = self.engine
        parts = (engine.replay.reward_scaler(step.rewards), step.masks, step.ended)
        rewards, masks, ends = (
            torch.from_numpy(part).float().unsqueeze(1).to(actions.device) for part in parts
        )
        ahead = self._seen(step.next_observations)
        batch = Batch(self._seen(before), actions, rewards, masks, ahead)
        self.rollout.append(engine.method.collect(engine.state, batch, ends, engine.config))
        for taken, action in zip(self.actions, chosen, strict=True):
            taken.append(action)

    def _ended(self, i: int, row: EpisodeRow) -> None:
        self.actions[i] = []

    def save(self, path: Path) -> dict[str, Any]:
        return {"steps": self.steps} | super().save(path)

    def tensors(self) -> dict[str, Tensor]:
        found = {f"{METRICS}{name}": value for name, value in self.metrics.items()}
        for i, taken in enumerate(self.actions):
            if taken:
                found[f"{ACTIONS}{i}"] = torch.from_numpy(np.stack(taken))
        if self.rollout and not self.due:
            whole = vars(self.engine.method.Rollout.of(self.rollout))
            found |= {f"{ROLLOUT}{name}": value for name, value in whole.items()}
        return found | super().tensors()

    def restore(self, path: Path, record: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        device = self.exploration.device

        def part(prefix: str) -> dict[str, Tensor]:
            """Return an aligned copy of the tensors with a prefix; those from a file may not be."""
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            return {name: value.clone().to(device) for name, value in own.items()}

        self.metrics = part(METRICS)
        if not self._restore(record["steps"], record, tensors):
            return True
        rollout, taken = part(ROLLOUT), part(ACTIONS)
        if rollout:
            steps = zip(*(value.unbind(dim=1) for value in rollout.values()), strict=True)
            names = list(rollout)
            self.rollout = [
                self.engine.method.Rollout(**dict(zip(names, step, strict=True))) for step in steps
            ]
        for i, episode in enumerate(record["episode"]):
            if str(i) in taken:
                self.actions[i] = list(taken[str(i)].cpu().numpy())
            self.worlds.restore(i, episode, np.array(self.actions[i]))
        return True


def begin(settings: Settings, engine: Engine, batches: Streams) -> OnPolicyPhase:
    """Return the phase before its first step; only the scales of `engine`'s data are used.

    Raises BenchError where the method's settings do not fit the phase.
    """
    online, config, noise = settings.online, engine.config, engine.streams
    assert online is not None
    if config.environments != 1:
        raise BenchError(
            f"{settings.method}, environments: {config.environments}, but an online phase has one "
            "per seed; leave the setting out."
        )
    if config.horizon > online.steps:
        raise BenchError(
            f"online, steps: {online.steps:,} steps are fewer than one rollout of "
            f"{settings.method}, whose horizon is {config.horizon:,}; ask for more steps or a "
            "shorter horizon."
        )
    if config.horizon < config.minibatches:
        raise BenchError(
            f"{settings.method}, minibatches: {config.minibatches:,} exceed the rollout's "
            f"{config.horizon:,} steps; ask for fewer or for a longer horizon."
        )
    return OnPolicyPhase(
        settings=settings,
        engine=engine,
        worlds=Worlds(settings.task.env_id, settings.seeds),
        exploration=Streams(settings.seeds, "exploration", noise.device),
        batches=batches,
        warm_up=config.horizon - 1,
        interval=config.horizon,
        actions=[[] for _ in settings.seeds],
    )

"""The off-policy online phase: an update after each step, from the data and all online steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from bench.config import registry
from bench.config.types import Settings
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.learning.streams import Streams
from bench.training.engine import Engine
from bench.training.evaluate import EpisodeRow
from bench.training.online.phase import Phase, Step, Worlds
from bench.training.online.replay_buffer import Buffer


@dataclass(kw_only=True)
class OffPolicyPhase(Phase):
    """A phase that updates from a buffer; `columns` is the method's, bound to its config."""

    buffer: Buffer
    columns: Callable[[Transitions], dict[str, np.ndarray]] | None

    @property
    def due(self) -> bool:
        return self.steps > self.warm_up

    @property
    def updates(self) -> int:
        return self.steps - self.warm_up

    def learn(self) -> dict[str, Tensor]:
        return self.engine(self.buffer.sample(self.batches, self.settings.batch_size))

    def _keep(self, before: np.ndarray, actions: Tensor, chosen: np.ndarray, step: Step) -> None:
        rewards = self.buffer.reward_scaler(step.rewards)
        self.buffer.append(before, chosen, rewards, step.masks, step.next_observations)

    def _ended(self, i: int, row: EpisodeRow) -> None:
        """Make a complete episode available to batches, if the method adds columns to it."""
        if self.columns is not None:
            first = row.step - row.length
            self.buffer.complete(i, first, self.columns(self.buffer.episode(i, first, row.step)))

    def save(self, path: Path) -> dict[str, Any]:
        return {"buffer": self.buffer.save(path)} | super().save(path)

    def restore(self, path: Path, record: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        online, steps = self.settings.online, record["buffer"]["steps"]
        assert online is not None
        if steps < online.steps and not self.buffer.load(path, **record["buffer"]):
            return False
        if not self._restore(steps, record, tensors):
            return True
        for row in self.episodes:
            self._ended(self.settings.seeds.index(row.seed), row)
        for i, (episode, length) in enumerate(
            zip(record["episode"], record["length"], strict=True)
        ):
            rows = self.buffer.rows(i, steps - length, steps)
            self.worlds.restore(i, episode, self.buffer.actions[rows].cpu().numpy())
        return True


def begin(settings: Settings, engine: Engine, batches: Streams) -> OffPolicyPhase:
    """Return the phase before its first step.

    `engine` is that of the offline updates. Its data is kept, except for methods that learn from
    their own steps only. Raises BenchError where no update would follow the warm-up.
    """
    method, config, replay = engine.method, engine.config, engine.replay
    online = settings.online
    assert online is not None
    kept = 0 if registry.entry_of(settings.method).online_only else len(replay)
    warm_up = method.warm_up(config) if hasattr(method, "warm_up") else 0
    if warm_up >= online.steps:
        raise BenchError(
            f"online, steps: {online.steps:,} steps leave no update after {settings.method}'s "
            f"warm_up of {warm_up:,}; ask for more steps or a shorter warm_up."
        )
    mixing = method.mixing(config) if hasattr(method, "mixing") else None
    buffer = Buffer(replay, kept, len(settings.seeds), online.steps, online.buffer, mixing)
    noise = engine.streams

    def columns(episode: Transitions) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = method.columns(episode, config)
        return found

    return OffPolicyPhase(
        settings=settings,
        engine=engine.on(buffer),
        worlds=Worlds(settings.task.env_id, settings.seeds),
        exploration=Streams(settings.seeds, "exploration", noise.device),
        batches=batches,
        warm_up=warm_up,
        buffer=buffer,
        columns=columns if buffer.columns else None,
    )

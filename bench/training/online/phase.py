"""The online phase: one environment per seed, all stepped together, with updates in between.

Its kinds are in the modules off_policy and on_policy. Every episode of a seed has its own reset
seed, so repeating an interrupted episode's actions restores it, and no simulator state has to be
saved.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.config.types import Settings
from bench.environments.vector import make
from bench.learning.streams import Streams
from bench.seeds import derive
from bench.training.engine import Engine
from bench.training.evaluate import EpisodeRow
from bench.training.job_process import NEVER, StopRequest


@dataclass(frozen=True)
class Step:
    """Outcome of one step of S environments; observations are those before a reset."""

    rewards: np.ndarray  # (S,), raw
    next_observations: np.ndarray  # (S, obs)
    terminated: np.ndarray  # (S,) of bool
    ended: np.ndarray  # (S,) of bool: terminated, or cut by the time limit

    @property
    def masks(self) -> np.ndarray:
        """Bootstrap masks (S,), float32: 0 where terminated; a time limit still bootstraps."""
        return 1 - self.terminated.astype(np.float32)


class Worlds:
    """One environment per seed, each reset when its episode has ended."""

    def __init__(self, env_id: str, seeds: Sequence[int]):
        self.seeds = seeds
        self.envs = [make(env_id) for _ in seeds]
        self.episodes = [0] * len(seeds)  # the number of each seed's current episode
        self.lengths = [0] * len(seeds)  # its steps so far
        self.returns = [0.0] * len(seeds)
        self.observations = np.stack([self._reset(i) for i in range(len(seeds))])

    def _reset(self, i: int) -> np.ndarray:
        """Start the episode numbered in `episodes`; a task's goal, if any, stays fixed per seed."""
        seed = derive(self.seeds[i], f"online episode {self.episodes[i]}") % 2**31
        observation, _ = self.envs[i].reset(seed=seed, options={"goal_seed": self.seeds[i]})
        self.lengths[i], self.returns[i] = 0, 0.0
        return observation.astype(np.float32)

    def _step(self, i: int, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool]:
        observation, reward, terminated, truncated, _ = self.envs[i].step(action)
        self.lengths[i] += 1
        self.returns[i] += float(reward)
        return observation.astype(np.float32), float(reward), terminated, terminated or truncated

    def step(self, actions: np.ndarray) -> Step:
        """Step all environments with bounded `actions` (S, act); `begin` restarts ended ones."""
        parts = zip(*(self._step(i, action) for i, action in enumerate(actions)), strict=True)
        following, rewards, terminated, ended = (np.stack(part) for part in parts)
        self.observations = following.copy()
        return Step(rewards.astype(np.float32), following, terminated, ended)

    def begin(self, i: int) -> None:
        """Start the next episode of the seed at position `i`."""
        self.episodes[i] += 1
        self.observations[i] = self._reset(i)

    def restore(self, i: int, episode: int, actions: np.ndarray) -> None:
        """Restore an episode by repeating its actions (T, act)."""
        self.episodes[i] = episode
        self.observations[i] = self._reset(i)
        for action in actions:
            self.observations[i] = self._step(i, action)[0]

    def close(self) -> None:
        for env in self.envs:
            env.close()


@dataclass
class Seconds:
    """Time spent in the phase, in seconds."""

    total: float = 0.0
    updates: float = 0.0
    environments: float = 0.0

    def __str__(self) -> str:
        parts = self.updates + self.environments
        return (
            f"online phase: {self.total:.1f} s, of which updates {self.updates:.1f} s and "
            f"environments {self.environments:.1f} s: {self.total / parts:.2f} times their sum"
        )


@dataclass(kw_only=True)
class Phase(ABC):
    """The state of a run's online phase; subclasses decide how it learns."""

    settings: Settings
    engine: Engine
    worlds: Worlds
    exploration: Streams
    batches: Streams
    warm_up: int  # initial steps without an update
    interval: int = 1  # steps per update
    steps: int = 0
    metrics: dict[str, Tensor] = field(default_factory=dict)  # of the last update, (S,) each
    episodes: list[EpisodeRow] = field(default_factory=list)  # finished episodes
    seconds: Seconds = field(default_factory=Seconds)

    @property
    @abstractmethod
    def due(self) -> bool:
        """Whether an update follows the last step."""

    @property
    @abstractmethod
    def updates(self) -> int:
        """Gradient updates of each network so far."""

    @abstractmethod
    def learn(self) -> dict[str, Tensor]:
        """Apply an update from the last steps; return the metrics, (S,) each."""

    @abstractmethod
    def _keep(self, before: np.ndarray, actions: Tensor, chosen: np.ndarray, step: Step) -> None:
        """Store a step from observations `before` (S, obs).

        `actions` (S, 1, act) are unclipped, `chosen` (S, act) clipped.
        """

    @abstractmethod
    def _ended(self, i: int, row: EpisodeRow) -> None:
        """Handle the end of an episode of the seed at position `i`."""

    def advance(self, steps: int, stop: StopRequest = NEVER) -> tuple[int, dict[str, Tensor]]:
        """Take `steps` steps with their updates; end after the current one once `stop` is set.

        Returns the number of steps and the last update's metrics, (S,) each, if there was one.
        """
        began = time.perf_counter()
        done = 0
        while done < steps:
            self._act()
            done += 1
            if self.due:
                started = time.perf_counter()
                self.metrics = self.learn()
                self.seconds.updates += time.perf_counter() - started
            if stop.is_set:
                break
        self.seconds.total += time.perf_counter() - began
        return done, self.metrics

    @torch.no_grad()
    def _act(self) -> None:
        """Step every environment and store the outcome."""
        engine, worlds, before = self.engine, self.worlds, self.worlds.observations
        actions: Tensor = engine.method.explore(
            engine.state, self._seen(before), engine.config, self.exploration
        )
        # A diverged seed must not stop the others of its block.
        chosen = torch.nan_to_num(actions.squeeze(1)).clamp(-1, 1).cpu().numpy()
        started = time.perf_counter()
        step = worlds.step(chosen)
        self.seconds.environments += time.perf_counter() - started
        self.steps += 1
        self._keep(before, actions, chosen, step)
        for i in np.flatnonzero(step.ended):
            self._finish(int(i))

    def _seen(self, observations: np.ndarray) -> Tensor:
        """Scale observations for the method: (S, obs) -> (S, 1, obs)."""
        rows = torch.from_numpy(observations).unsqueeze(1).to(self.exploration.device)
        return self.engine.replay.scaler(rows)

    def _finish(self, i: int) -> None:
        worlds, seed = self.worlds, self.settings.seeds[i]
        values = worlds.episodes[i], worlds.returns[i], worlds.lengths[i]
        row = EpisodeRow("online", self.steps, seed, *values)
        self.episodes.append(row)
        self._ended(i, row)
        worlds.begin(i)

    def save(self, path: Path) -> dict[str, Any]:
        """Write what is too long for a checkpoint to `path`; return the rest as a record.

        `tensors` returns the state that is neither.
        """
        return {
            "episode": self.worlds.episodes,
            "length": self.worlds.lengths,
            "episodes": [astuple(row) for row in self.episodes],
            "seconds": asdict(self.seconds),
        }

    def tensors(self) -> dict[str, Tensor]:
        """Return the state of the exploration's generators, for a checkpoint."""
        return {"streams.exploration": self.exploration.state()}

    @abstractmethod
    def restore(self, path: Path, record: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        """Continue from what `save` and `tensors` returned.

        Returns False, with nothing changed, where `path` does not hold what was written. A phase
        that has ended does not need it.
        """

    def _restore(self, steps: int, record: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        """Restore what all kinds share; return whether the phase continues."""
        assert self.settings.online is not None
        self.steps = steps
        self.episodes = [EpisodeRow(*row) for row in record["episodes"]]
        self.seconds = Seconds(**record["seconds"])
        self.exploration.restore(tensors["streams.exploration"])
        return steps < self.settings.online.steps

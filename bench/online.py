"""The online phase: one environment a seed, all stepped together, and an update after each step.

A seed's episodes have reset seeds of their own, so that an interrupted episode is met again by
repeating its actions, and no simulator's state needs saving.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench import methods
from bench.buffer import Buffer
from bench.engine import Engine
from bench.envs import make
from bench.errors import BenchError
from bench.evaluate import EpisodeRow
from bench.replay import Replay
from bench.rng import Streams, derive
from bench.suite import Settings
from bench.transitions import Transitions


@dataclass(frozen=True)
class Step:
    """What one step of S environments gave; observations are those before a reset."""

    rewards: np.ndarray  # (S,), raw
    next_observations: np.ndarray  # (S, obs)
    terminated: np.ndarray  # (S,) of bool
    ended: np.ndarray  # (S,) of bool: terminated, or cut by the time limit


class Worlds:
    """One environment a seed, reset by itself when its episode has ended."""

    def __init__(self, env_id: str, seeds: Sequence[int]):
        self.seeds = seeds
        self.envs = [make(env_id) for _ in seeds]
        self.episodes = [0] * len(seeds)  # the number of each seed's current episode
        self.lengths = [0] * len(seeds)  # steps of it
        self.returns = [0.0] * len(seeds)
        self.observations = np.stack([self._reset(i) for i in range(len(seeds))])

    def _reset(self, i: int) -> np.ndarray:
        """Begin the episode that `episodes` says; a run keeps its goal, where its task has one."""
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
        """`actions` (S, act) within the bounds; ended episodes stay until `begin`."""
        parts = zip(*(self._step(i, action) for i, action in enumerate(actions)), strict=True)
        following, rewards, terminated, ended = (np.stack(part) for part in parts)
        self.observations = following.copy()
        return Step(rewards.astype(np.float32), following, terminated, ended)

    def begin(self, i: int) -> None:
        """The next episode of the seed at position `i`."""
        self.episodes[i] += 1
        self.observations[i] = self._reset(i)

    def restore(self, i: int, episode: int, actions: np.ndarray) -> None:
        """Be in an episode after these actions (T, act)."""
        self.episodes[i] = episode
        self.observations[i] = self._reset(i)
        for action in actions:
            self.observations[i] = self._step(i, action)[0]

    def close(self) -> None:
        for env in self.envs:
            env.close()


@dataclass
class Seconds:
    """Where the time of the phase went."""

    total: float = 0.0
    updates: float = 0.0
    environments: float = 0.0

    def __str__(self) -> str:
        parts = self.updates + self.environments
        return (
            f"online phase: {self.total:.1f} s, of which updates {self.updates:.1f} s and "
            f"environments {self.environments:.1f} s: {self.total / parts:.2f} times their sum"
        )


@dataclass
class OnlinePhase:
    """The state of a run's online phase; `columns` is the method's, bound to its config."""

    settings: Settings
    buffer: Buffer
    engine: Engine
    worlds: Worlds
    exploration: Streams
    batches: Streams
    columns: Callable[[Transitions], dict[str, np.ndarray]] | None
    warm_up: int
    episodes: list[EpisodeRow] = field(default_factory=list)  # each that has ended
    seconds: Seconds = field(default_factory=Seconds)

    def advance(self, steps: int, stop: Sequence[int] = ()) -> tuple[int, dict[str, Tensor]]:
        """Some steps with their updates; how many, and the last update's metrics, (S,) each, if
        there was one. An entry in `stop` ends them after the current one."""
        began = time.perf_counter()
        done, metrics = 0, {}
        while done < steps:
            self._act()
            done += 1
            if self.buffer.steps > self.warm_up:
                started = time.perf_counter()
                rows = self.buffer.sample(self.batches, self.settings.batch_size)
                metrics = self.engine(rows)
                self.seconds.updates += time.perf_counter() - started
            if stop:
                break
        self.seconds.total += time.perf_counter() - began
        return done, metrics

    @torch.no_grad()
    def _act(self) -> None:
        """One step of every environment, and its row in the buffer."""
        engine, buffer, worlds = self.engine, self.buffer, self.worlds
        seen = torch.from_numpy(worlds.observations).unsqueeze(1).to(self.exploration.device)
        actions: Tensor = engine.method.explore(
            engine.state, buffer.scaler(seen), engine.config, self.exploration
        )
        # A diverged seed must not stop the others of its block.
        chosen = torch.nan_to_num(actions.squeeze(1)).clamp(-1, 1).cpu().numpy()
        before, started = worlds.observations, time.perf_counter()
        step = worlds.step(chosen)
        self.seconds.environments += time.perf_counter() - started
        rewards = buffer.reward_scaler(step.rewards)
        masks = 1 - step.terminated.astype(np.float32)  # a time limit ends nothing
        buffer.append(before, chosen, rewards, masks, step.next_observations)
        for i in np.flatnonzero(step.ended):
            self._finish(int(i))

    def _finish(self, i: int) -> None:
        worlds, end = self.worlds, self.buffer.steps
        seed, episode = self.settings.seeds[i], worlds.episodes[i]
        row = EpisodeRow("online", end, seed, episode, worlds.returns[i], worlds.lengths[i])
        self.episodes.append(row)
        self._show(i, row)
        worlds.begin(i)

    def _show(self, i: int, row: EpisodeRow) -> None:
        """Hand a whole episode to the batches, where the method adds columns to it."""
        if self.columns is not None:
            first = row.step - row.length
            self.buffer.complete(i, first, self.columns(self.buffer.episode(i, first, row.step)))

    def save(self, path: Path) -> dict[str, Any]:
        """Write what was added to `path`; returns the rest as a record, but for `tensors`."""
        return {
            "buffer": self.buffer.save(path),
            "episode": self.worlds.episodes,
            "length": self.worlds.lengths,
            "episodes": [astuple(row) for row in self.episodes],
            "seconds": asdict(self.seconds),
        }

    def tensors(self) -> dict[str, Tensor]:
        """The generators of the exploration, for a checkpoint."""
        return {"streams.exploration": self.exploration.state()}

    def restore(self, path: Path, record: dict[str, Any], tensors: dict[str, Tensor]) -> bool:
        """Continue from what `save` and `tensors` gave; False, and nothing changed, where `path`
        does not hold the rows. A phase that has ended needs none."""
        online, steps = self.settings.online, record["buffer"]["steps"]
        assert online is not None
        if steps < online.steps and not self.buffer.load(path, **record["buffer"]):
            return False
        self.episodes = [EpisodeRow(*row) for row in record["episodes"]]
        self.seconds = Seconds(**record["seconds"])
        self.exploration.restore(tensors["streams.exploration"])
        if steps == online.steps:
            return True
        for row in self.episodes:
            self._show(self.settings.seeds.index(row.seed), row)
        for i, (episode, length) in enumerate(
            zip(record["episode"], record["length"], strict=True)
        ):
            rows = self.buffer.rows(i, self.buffer.steps - length, self.buffer.steps)
            self.worlds.restore(i, episode, self.buffer.actions[rows].cpu().numpy())
        return True


def begin(
    settings: Settings,
    method: ModuleType,
    state: Any,
    config: Any,
    replay: Replay,
    streams: dict[str, Streams],
    executor: str,
) -> OnlinePhase:
    """The phase before its first step; `replay` holds the data, which methods that learn from
    their own steps alone do not keep."""
    online = settings.online
    assert online is not None
    kept = 0 if settings.method in methods.ONLINE else len(replay)
    warm_up = method.warm_up(config) if hasattr(method, "warm_up") else 0
    if warm_up >= online.steps:
        raise BenchError(
            f"online, steps: {online.steps:,} steps are over before the {warm_up:,} of "
            f"{settings.method}'s warm_up, without an update; ask for more, or for a shorter one."
        )
    mixing = method.mixing(config) if hasattr(method, "mixing") else None
    buffer = Buffer(replay, kept, len(settings.seeds), online.steps, online.buffer, mixing)
    device = streams["noise"].device

    def columns(episode: Transitions) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = method.columns(episode, config)
        return found

    return OnlinePhase(
        settings,
        buffer,
        Engine(method, state, config, buffer, streams["noise"], executor),
        Worlds(settings.task.env_id, settings.seeds),
        Streams(settings.seeds, "exploration", device),
        streams["batches"],
        columns if buffer.columns else None,
        warm_up,
    )

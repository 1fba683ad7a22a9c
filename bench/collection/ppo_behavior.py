"""Behaviour policies trained with PPO: the experts of locomotion, and the ant of the mazes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from torch import Tensor

from bench.collection.ladder import GaussianLadder
from bench.collection.snapshots import Candidates
from bench.config import registry
from bench.config.behaviors import BEHAVIORS
from bench.config.validation import configure
from bench.environments.vector import action_space, observation_dim
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from bench.progress import Progress
from bench.seeds import derive

CANDIDATES = 120  # snapshots kept during training
RUNGS = 8  # chosen snapshots up to the medium one, evenly spaced in return
MEDIUM_FRACTION = 1 / 3  # D4RL: medium is "approximately 1/3 the performance of the expert"


def train(env_id: str, folder: Path, steps: int, seed: int, overrides: dict[str, Any]) -> None:
    """Train PPO for `steps` environment steps and write the ladder of snapshots to `folder`.

    `overrides` are fields of PPO's Config.
    """
    ppo = registry.load("ppo")
    config = configure(ppo.Config, overrides, f"{BEHAVIORS}, {env_id}")
    per_rollout = config.environments * config.horizon
    rollouts = max(steps // per_rollout, 1)
    streams = {p: Streams([seed], p) for p in ("initialisation", "exploration", "batches")}
    envs = _training_envs(env_id, config.environments)
    spec = Spec(observation_dim(envs.envs[0]), action_space(envs.envs[0]).shape[0])
    state = ppo.init(spec, config, streams["initialisation"], rollouts * config.horizon)
    observations, _ = envs.reset(seed=derive(seed, "environments") % 2**31)
    candidates: list[dict[str, Tensor]] = []
    curve: list[dict[str, float]] = []
    tracker = EpisodeTracker(config.environments)
    with Progress(f"behavior {env_id}", rollouts * per_rollout, "steps") as progress:
        for iteration in range(rollouts):
            if iteration * CANDIDATES // rollouts > (iteration - 1) * CANDIDATES // rollouts:
                candidates.append(_snapshot(state, iteration * per_rollout))
            rollout, observations = _collect(
                ppo, state, envs, observations, config, streams["exploration"], tracker
            )
            metrics = ppo.update(state, rollout, config, streams["batches"])
            if (iteration + 1) % 10 == 0 or iteration + 1 == rollouts:
                row = {"step": (iteration + 1) * per_rollout, "return_mean": tracker.drain()}
                curve.append(row | {k: v.item() for k, v in metrics.items()})
            progress(per_rollout)
    candidates.append(_snapshot(state, rollouts * per_rollout))
    envs.close()
    found = Candidates.of(candidates, env_id, GaussianLadder, seed)
    rungs, medium, expert = choose_rungs(found.returns)
    settings = {"env_id": env_id, "seed": seed, "steps": rollouts * per_rollout}
    roles = {medium: "medium", expert: "expert"}
    found.write(
        folder, sorted({*rungs, expert}), roles, curve, settings | {"config": asdict(config)}
    )


class EpisodeTracker:
    """Returns of the episodes that ended since the last `drain`."""

    def __init__(self, environments: int):
        self.running = np.zeros(environments)
        self.finished: list[float] = []

    def add(self, rewards: np.ndarray, ends: np.ndarray) -> None:
        self.running += rewards
        self.finished += self.running[ends].tolist()
        self.running[ends] = 0

    def drain(self) -> float:
        mean = float(np.mean(self.finished)) if self.finished else float("nan")
        self.finished = []
        return mean


def _training_envs(env_id: str, count: int) -> SyncVectorEnv:
    makers = [lambda: gymnasium.make(env_id) for _ in range(count)]
    return SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP)


@torch.no_grad()
def _collect(
    ppo: Any,
    state: Any,
    envs: SyncVectorEnv,
    observations: np.ndarray,
    config: Any,
    streams: Streams,
    tracker: EpisodeTracker,
) -> tuple[Any, np.ndarray]:
    """Collect a rollout of `config.horizon` steps; return it and the observations after it."""
    steps = []
    for _ in range(config.horizon):
        raw = torch.from_numpy(observations.astype(np.float32)).unsqueeze(0)
        actions = ppo.explore(state, raw, config, streams)
        following, rewards, terminated, truncated, infos = envs.step(
            actions[0].clamp(-1, 1).numpy()
        )
        ends = terminated | truncated
        tracker.add(rewards, ends)
        true_next = following.copy()
        for i in np.flatnonzero(ends):
            true_next[i] = infos["final_obs"][i]
        parts = (rewards, ~terminated, true_next, ends)
        seen, alive, ahead, ended = (torch.from_numpy(p.astype(np.float32))[None] for p in parts)
        steps.append(ppo.collect(state, Batch(raw, actions, seen, alive, ahead), ended, config))
        observations = following
    return ppo.Rollout.of(steps), observations


def _snapshot(state: Any, step: int) -> dict[str, Tensor]:
    tensors = {k: v.detach().clone() for k, v in state.policy.net.state_dict().items()}
    tensors["observation.mean"] = state.observations.mean.clone()
    tensors["observation.var"] = state.observations.var.clone()
    tensors["step"] = torch.tensor([step])
    return tensors


def choose_rungs(returns: np.ndarray) -> tuple[list[int], int, int]:
    """Return the candidates to keep: (rungs up to and including medium, medium, expert).

    `returns` (K,) is in training order. The expert is the best candidate. Medium is the first
    to reach a third of the way from the worst to the expert; the other rungs are the earlier
    candidates nearest to evenly spaced returns.
    """
    expert = int(returns.argmax())
    low = float(returns[: expert + 1].min())
    goal = low + MEDIUM_FRACTION * (float(returns[expert]) - low)
    medium = int(np.flatnonzero(returns[: expert + 1] >= goal)[0])
    goals = np.linspace(low, float(returns[medium]), RUNGS)[:-1]
    earlier = {int(np.abs(returns[: medium + 1] - g).argmin()) for g in goals}
    return sorted(earlier | {medium}), medium, expert

"""Behaviour policies: snapshots of PPO during training, which collect the local data.

One folder per robot: `ladder.safetensors` holds the chosen snapshots stacked on the
leading axis, `ladder.csv` their scores, `curve.csv` the training curve and
`settings.json` the settings that produced them.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from safetensors.torch import load_file, save_file
from torch import Tensor

from bench.config import registry
from bench.config.behaviors import BEHAVIORS
from bench.config.validation import configure
from bench.environments.vector import action_space, observation_dim
from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from bench.progress import Progress
from bench.seeds import derive
from bench.training.rollout import Evaluator

CANDIDATES = 120  # snapshots kept during training
RUNGS = 8  # chosen snapshots up to the medium one, evenly spaced in return
MEDIUM_FRACTION = 1 / 3  # D4RL: medium is "approximately 1/3 the performance of the expert"
OBSERVATION_CLIP = 10.0
LOG_STD_RANGE = (-5.0, 2.0)  # of the policies that PPO trains
EVALUATION_EPISODES = 10


class Ladder:
    """K snapshots of a Gaussian policy, stacked: (K, B, obs) -> (K, B, act).

    The mean is computed in float64 by NumPy, each sum in the order of its terms. A library of
    matrix products sums in an order of its own on each kind of processor; the last bit of an action
    is another then, and a few hundred steps later so is the trajectory.
    """

    def __init__(self, tensors: dict[str, Tensor]):
        self.tensors = tensors
        exact = {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}
        count = sum(name.startswith("trunk.weights.") for name in tensors)
        self.layers = [
            (exact[f"trunk.weights.{i}"], exact[f"trunk.biases.{i}"]) for i in range(count)
        ]
        self.center = exact["observation.mean"]
        self.scale = np.sqrt(exact["observation.var"] + 1e-8)
        self.std = np.exp(exact["log_std"].clip(*LOG_STD_RANGE))  # (K, 1, act)

    @classmethod
    def load(cls, folder: Path) -> Ladder:
        return cls(load_file(folder / "ladder.safetensors"))

    def __len__(self) -> int:
        return len(self.std)

    @property
    def observation_dim(self) -> int:
        return int(self.center.shape[-1])

    def pick(self, rungs: list[int]) -> Ladder:
        """Return a ladder of these snapshots, in this order."""
        return Ladder({k: v[rungs].contiguous() for k, v in self.tensors.items()})

    def mean(self, observations: np.ndarray) -> np.ndarray:
        """Return the means of the Gaussians, unclipped: (K, B, obs) -> (K, B, act), float64."""
        scaled = (observations.astype(np.float64) - self.center) / self.scale
        x = scaled.clip(-OBSERVATION_CLIP, OBSERVATION_CLIP)
        for i, (weight, bias) in enumerate(self.layers):
            x = ordered_product(np.tanh(x) if i else x, weight) + bias
        return x

    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        """Draw actions from each snapshot's Gaussian, clipped to the bounds."""
        mean = self.mean(observations.numpy())
        drawn = mean + self.std * streams.normal(*mean.shape[1:]).numpy()
        return torch.from_numpy(drawn.clip(-1, 1).astype(np.float32))

    def mean_action(self, observations: np.ndarray) -> np.ndarray:
        """Return a single snapshot's mean actions, clipped to the bounds: (B, obs) -> (B, act)."""
        assert len(self) == 1
        return self.mean(observations[None])[0].clip(-1, 1).astype(np.float32)


def ordered_product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return x @ weight, summed in the order of the terms: (K, B, in), (K, in, out).

    Without `optimize`, einsum uses loops of its own, compiled for every x86-64 alike.
    """
    product: np.ndarray = np.einsum("kbi,kio->kbo", x, weight, optimize=False)
    return product


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
    _write(env_id, folder, candidates, curve, seed, asdict(config), rollouts * per_rollout)


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


def _write(
    env_id: str,
    folder: Path,
    candidates: list[dict[str, Tensor]],
    curve: list[dict[str, float]],
    seed: int,
    config: dict[str, Any],
    steps: int,
) -> None:
    stacked = {k: torch.cat([c[k] for c in candidates]) for k in candidates[0]}
    trained_steps = stacked.pop("step").tolist()
    ladder = Ladder(stacked)
    noise = Streams([derive(seed, f"candidate {k}") for k in range(len(ladder))], "evaluation")
    evaluator = Evaluator(env_id, len(ladder), EVALUATION_EPISODES)
    resets = [list(range(1000, 1000 + EVALUATION_EPISODES))] * len(ladder)
    episodes = evaluator(lambda obs, _: ladder.sample(obs, noise), resets)
    evaluator.close()
    returns = episodes.returns.mean(1)
    rungs, medium, expert = choose_rungs(returns)
    kept = sorted({*rungs, expert})
    folder.mkdir(parents=True, exist_ok=True)
    save_file(ladder.pick(kept).tensors, folder / "ladder.safetensors")
    pd.DataFrame(
        {
            "rung": range(len(kept)),
            "step": [trained_steps[k] for k in kept],
            "return_mean": returns[kept].round(2),
            "return_std": episodes.returns.std(1, ddof=1)[kept].round(2),
            "length_mean": episodes.lengths.mean(1)[kept].round(1),
            "role": [
                "expert" if k == expert else "medium" if k == medium else "replay" for k in kept
            ],
        }
    ).to_csv(folder / "ladder.csv", index=False)
    pd.DataFrame(curve).round(4).to_csv(folder / "curve.csv", index=False)
    settings = {"env_id": env_id, "seed": seed, "steps": steps, "config": config}
    settings["versions"] = {m.__name__: m.__version__ for m in (gymnasium, torch)}
    (folder / "settings.json").write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")

"""The snapshots of a policy's training: their scores, and the files of those that are kept.

One folder per robot: `ladder.safetensors` holds the chosen snapshots stacked on the leading
axis, `ladder.csv` their scores, `curve.csv` the training curve and `settings.json` the settings
that produced them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor

from bench.collection.ladder import FILE, Ladder
from bench.learning.streams import Streams
from bench.seeds import derive
from bench.training.rollout import Evaluator

EPISODES = 10  # of each snapshot, actions sampled


@dataclass(frozen=True)
class Candidates:
    """The snapshots of one training run, in order, and the episodes of each."""

    ladder: Ladder
    steps: Sequence[int]  # of training before each
    episode_returns: np.ndarray  # (K, EPISODES)
    episode_lengths: np.ndarray  # (K, EPISODES)

    @classmethod
    def of(
        cls,
        snapshots: Sequence[Mapping[str, Tensor]],
        env_id: str,
        kind: type[Ladder],
        seed: int,
        first: int = 0,
    ) -> Candidates:
        """Score snapshots: tensors (1, ...) each, and `step`, how long it was trained."""
        stacked = {k: torch.cat([s[k] for s in snapshots]) for k in snapshots[0]}
        steps = stacked.pop("step").tolist()
        ladder = kind(stacked)
        names = [f"candidate {first + k}" for k in range(len(ladder))]
        noise = Streams([derive(seed, name) for name in names], "evaluation")
        evaluator = Evaluator(env_id, len(ladder), EPISODES)
        resets = [list(range(1000, 1000 + EPISODES))] * len(ladder)
        episodes = evaluator(lambda obs, _: ladder.sample(obs, noise), resets)
        evaluator.close()
        return cls(ladder, steps, episodes.returns, episodes.lengths)

    def joined(self, other: Candidates) -> Candidates:
        """Return these and, after them, the others."""
        tensors = {
            k: torch.cat([v, other.ladder.tensors[k]]) for k, v in self.ladder.tensors.items()
        }
        return Candidates(
            type(self.ladder)(tensors),
            [*self.steps, *other.steps],
            np.concatenate([self.episode_returns, other.episode_returns]),
            np.concatenate([self.episode_lengths, other.episode_lengths]),
        )

    @property
    def returns(self) -> np.ndarray:
        """The mean return of each snapshot (K,)."""
        mean: np.ndarray = self.episode_returns.mean(1)
        return mean

    def write(
        self,
        folder: Path,
        kept: list[int],
        roles: Mapping[int, str],
        curve: list[dict[str, float]],
        settings: dict[str, Any],
    ) -> None:
        """Write the kept snapshots and what produced them; those without a role are `replay`."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(self.ladder.pick(kept).tensors, folder / FILE)
        pd.DataFrame(
            {
                "rung": range(len(kept)),
                "step": [self.steps[k] for k in kept],
                "return_mean": self.returns[kept].round(2),
                "return_std": self.episode_returns.std(1, ddof=1)[kept].round(2),
                "length_mean": self.episode_lengths.mean(1)[kept].round(1),
                "role": [roles.get(k, "replay") for k in kept],
            }
        ).to_csv(folder / "ladder.csv", index=False)
        pd.DataFrame(curve).round(4).to_csv(folder / "curve.csv", index=False)
        settings = settings | {"versions": {m.__name__: m.__version__ for m in (gymnasium, torch)}}
        text = json.dumps(settings, indent=2) + "\n"
        (folder / "settings.json").write_text(text, encoding="utf-8")

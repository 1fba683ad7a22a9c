"""Transforms of rewards and observations, named per task family and applied here only.

Evaluation never sees a transformed reward: scores come from the raw ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.errors import BenchError

MOMENT_ROWS = 50_000  # rows per chunk
STD_FLOOR = 1e-3  # added to the standard deviation, as in TD3+BC's utils.py and CORL

# name -> (a, b) of a r + b
SHIFTS = {
    "minus_one": (1.0, -1.0),
    "centred_times_4": (4.0, -2.0),
    "centred_times_10": (10.0, -5.0),
}


@dataclass(frozen=True)
class RewardScaler:
    """The map scale * r + shift, for the rewards of the data and of the environment.

    raw: unchanged. return_range: times 1000 / (best - worst trajectory return of the data), as in
    the IQL authors' train_offline.py for locomotion. The others shift a reward of 0 or 1 so that
    every step has a cost: minus_one is r - 1, as in the same file for AntMaze; centred_times_4 is
    4 (r - 0.5), as in CQL's d4rl examples; centred_times_10 is 10 (r - 0.5), the AntMaze settings
    of young-geng/CQL issue 2.
    """

    scale: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(cls, name: str, data: Transitions) -> RewardScaler:
        """Return the transform `name`, fitted to `data`.

        Raises BenchError where `return_range` finds equal returns only.
        """
        if name != "return_range":
            return cls(*SHIFTS.get(name, (1.0, 0.0)))
        returns = data.returns()
        spread = returns.max() - returns.min()
        if spread <= 0:
            raise BenchError(
                "config/methods.yaml, rewards: 'return_range' needs trajectories with different "
                "returns, but all are equal; use 'raw' for this family."
            )
        return cls(1000.0 / float(spread))

    def __call__(self, rewards: np.ndarray) -> np.ndarray:
        """Return the rewards that a method sees: float32, same shape."""
        scaled = np.asarray(rewards, np.float64) * self.scale + self.shift
        return scaled.astype(np.float32)


def moments(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation over the rows, each (columns,), summed in float64.

    Works in chunks: a float64 copy of 2,000,000 mapped rows would cost every job that memory.
    """
    chunks = np.array_split(rows, max(len(rows) // MOMENT_ROWS, 1))
    mean = sum(chunk.sum(0, dtype=np.float64) for chunk in chunks) / len(rows)
    squares = sum(((chunk - mean) ** 2).sum(0) for chunk in chunks)
    return mean, np.sqrt(squares / len(rows))


@dataclass(frozen=True)
class ObservationScaler:
    """The map (o - mean) / scale, for data and environment alike; the identity for `raw`."""

    mean: Tensor  # (obs,)
    scale: Tensor  # (obs,)

    @classmethod
    def fit(cls, name: str, data: Transitions) -> ObservationScaler:
        """Return the transform `name`; `standardised` takes mean and deviation from `data`."""
        if name == "raw":
            size = data.observations.shape[1]
            mean, scale = np.zeros(size), np.ones(size)
        else:
            mean, deviation = moments(data.observations)
            scale = deviation + STD_FLOOR
        return cls(torch.from_numpy(mean).float(), torch.from_numpy(scale).float())

    def __call__(self, observations: Tensor) -> Tensor:
        """Scale observations: (..., obs) -> (..., obs)."""
        return (observations - self.mean) / self.scale

    def to(self, device: torch.device) -> ObservationScaler:
        """Return a copy on `device`."""
        return ObservationScaler(self.mean.to(device), self.scale.to(device))


@dataclass
class Moments:
    """Running mean and variance per seed, (S, 1, d), by the parallel update of Chan et al."""

    mean: Tensor
    var: Tensor
    count: Tensor  # (S, 1, 1)

    @classmethod
    def zeros(cls, seeds: int, size: int, device: str | torch.device = "cpu") -> Moments:
        """Return the moments before the first sample: mean 0, variance 1."""
        mean = torch.zeros(seeds, 1, size, device=device)
        count = torch.full((seeds, 1, 1), 1e-4, device=device)
        return cls(mean, torch.ones_like(mean), count)

    def add(self, batch: Tensor) -> None:
        """Add a batch of samples: (S, B, d)."""
        size = batch.shape[1]
        total = self.count + size
        gap = batch.mean(1, keepdim=True) - self.mean
        within = self.var * self.count + batch.var(1, unbiased=False, keepdim=True) * size
        self.var = (within + gap.square() * self.count * size / total) / total
        self.mean = self.mean + gap * size / total
        self.count = total

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint needs, by name."""
        return {"mean": self.mean, "var": self.var, "count": self.count}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        for name, held in self.tensors().items():
            held.copy_(tensors[name])

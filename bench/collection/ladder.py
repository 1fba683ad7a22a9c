"""Ladders: snapshots of one policy during training, stacked on the leading axis.

Their arithmetic is the same on every x86-64 processor. A library of matrix products sums in an
order of its own on each kind; the last bit of an action is another then, and a few hundred steps
later so is the trajectory. So layers are computed in float64 by NumPy, each sum in the order of its
terms.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from bench.learning.streams import Streams

FILE = "ladder.safetensors"
OBSERVATION_CLIP = 10.0
LOG_STD_RANGE = (-5.0, 2.0)  # of the policies that PPO trains
SQUASHED_LOG_STD_RANGE = (-20.0, 2.0)  # of SAC's


class Ladder(ABC):
    """K snapshots of a policy, stacked: (K, B, obs) -> (K, B, act)."""

    def __init__(self, tensors: dict[str, Tensor]):
        self.tensors = tensors
        exact = {name: tensor.numpy().astype(np.float64) for name, tensor in tensors.items()}
        count = sum(name.startswith("trunk.weights.") for name in tensors)
        self.layers = [
            (exact[f"trunk.weights.{i}"], exact[f"trunk.biases.{i}"]) for i in range(count)
        ]

    def __len__(self) -> int:
        return len(self.layers[0][0])

    @property
    def observation_dim(self) -> int:
        return int(self.layers[0][0].shape[1])

    def pick(self, rungs: list[int]) -> Ladder:
        """Return a ladder of these snapshots, in this order."""
        return type(self)({k: v[rungs].contiguous() for k, v in self.tensors.items()})

    @abstractmethod
    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        """Draw actions from each snapshot's distribution, within the bounds."""

    def mean_action(self, observations: np.ndarray) -> np.ndarray:
        """Return a single snapshot's actions without noise: (B, obs) -> (B, act)."""
        assert len(self) == 1
        return self.without_noise(observations[None])[0].astype(np.float32)

    @abstractmethod
    def without_noise(self, observations: np.ndarray) -> np.ndarray:
        """Return actions within the bounds: (K, B, obs) -> (K, B, act), float64."""


class GaussianLadder(Ladder):
    """PPO's: a Gaussian of constant deviation around a network of tanh units, clipped."""

    def __init__(self, tensors: dict[str, Tensor]):
        super().__init__(tensors)
        center, variance, log_std = (
            tensors[name].numpy().astype(np.float64)
            for name in ("observation.mean", "observation.var", "log_std")
        )
        self.center, self.scale = center, np.sqrt(variance + 1e-8)
        self.std = np.exp(log_std.clip(*LOG_STD_RANGE))  # (K, 1, act)

    def mean(self, observations: np.ndarray) -> np.ndarray:
        """Return the means of the Gaussians, unclipped: (K, B, obs) -> (K, B, act), float64."""
        scaled = (observations.astype(np.float64) - self.center) / self.scale
        x = scaled.clip(-OBSERVATION_CLIP, OBSERVATION_CLIP)
        for i, (weight, bias) in enumerate(self.layers):
            x = ordered_product(np.tanh(x) if i else x, weight) + bias
        return x

    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        mean = self.mean(observations.numpy())
        drawn = mean + self.std * streams.normal(*mean.shape[1:]).numpy()
        return torch.from_numpy(drawn.clip(-1, 1).astype(np.float32))

    def without_noise(self, observations: np.ndarray) -> np.ndarray:
        return self.mean(observations).clip(-1, 1)


class SquashedLadder(Ladder):
    """SAC's: tanh of a Gaussian; a network of ReLU units gives its mean and its deviation."""

    def distribution(self, observations: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and deviation before tanh: (K, B, obs) -> (K, B, act) twice, float64."""
        x = observations.astype(np.float64)
        for i, (weight, bias) in enumerate(self.layers):
            x = ordered_product(x.clip(0) if i else x, weight) + bias
        mean, log_std = np.split(x, 2, axis=-1)
        return mean, _exp(log_std.clip(*SQUASHED_LOG_STD_RANGE))

    def sample(self, observations: Tensor, streams: Streams) -> Tensor:
        mean, std = self.distribution(observations.numpy())
        drawn = np.tanh(mean + std * streams.normal(*mean.shape[1:]).numpy())
        return torch.from_numpy(drawn.astype(np.float32))

    def without_noise(self, observations: np.ndarray) -> np.ndarray:
        return np.tanh(self.distribution(observations)[0])


def load(folder: Path) -> Ladder:
    """Return the ladder in a folder: SAC's if it holds no deviation of its own, else PPO's."""
    tensors = load_file(folder / FILE)
    return GaussianLadder(tensors) if "log_std" in tensors else SquashedLadder(tensors)


def ordered_product(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Return x @ weight, summed in the order of the terms: (K, B, in), (K, in, out).

    Without `optimize`, einsum uses loops of its own, compiled for every x86-64 alike.
    """
    product: np.ndarray = np.einsum("kbi,kio->kbo", x, weight, optimize=False)
    return product


def _exp(values: np.ndarray) -> np.ndarray:
    """Return e to each value by the C library: NumPy's own loop differs with AVX-512."""
    flat = [math.exp(value) for value in values.ravel().tolist()]
    return np.array(flat).reshape(values.shape)

"""The data of one run, and batches drawn from it per seed."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from bench.rng import Streams
from bench.transforms import ObservationScaler, transform_rewards
from bench.transitions import Transitions
from bench.types import Batch

# The authors' code keeps the data's actions this far inside the bounds (dataset_utils.py).
ACTION_LIMIT = 1 - 1e-5


class Replay:
    """Uniform draws with replacement.

    On a CPU the arrays stay mapped files, which all jobs share, and what a method sees
    of them (scaled observations, clipped actions) is computed per batch.
    """

    def __init__(
        self, data: Transitions, rewards: str, scaler: ObservationScaler, device: torch.device
    ):
        self.observations = _tensor(data.observations, device)
        self.next_observations = _tensor(data.next_observations, device)
        self.actions = _tensor(data.actions, device)
        self.rewards = _tensor(transform_rewards(rewards, data), device)
        self.masks = _tensor(data.masks, device)
        self.scaler = scaler.to(device)

    def __len__(self) -> int:
        return len(self.rewards)

    def draw(self, streams: Streams, batches: int, batch_size: int) -> Tensor:
        """Row numbers of the next `batches` batches: (batches, S, B)."""
        return streams.integers(len(self), batches, batch_size).transpose(0, 1).contiguous()

    def batch(self, rows: Tensor) -> Batch:
        """The transitions at `rows` (S, B)."""
        flat = rows.flatten()

        def take(array: Tensor) -> Tensor:
            return array.index_select(0, flat).unflatten(0, rows.shape)

        return Batch(
            self.scaler(take(self.observations)),
            take(self.actions).clamp(-ACTION_LIMIT, ACTION_LIMIT),
            take(self.rewards),
            take(self.masks),
            self.scaler(take(self.next_observations)),
        )


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    with warnings.catch_warnings():
        # The files are mapped read-only, and nothing here writes.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)

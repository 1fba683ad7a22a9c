"""The dataset of one run, and batches drawn from it per seed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.learning.scalers import ObservationScaler, RewardScaler
from bench.learning.streams import Streams
from bench.learning.types import Batch

# The authors' code keeps the data's actions this far inside the bounds (dataset_utils.py).
ACTION_LIMIT = 1 - 1e-5


class Replay:
    """A replay of transitions, drawn uniformly with replacement.

    On a CPU the arrays stay memory-mapped files, which all jobs share, and a method's view
    of them (scaled observations, clipped actions) is computed per batch. `columns` adds
    arrays with one row per transition; with `window`, each drawn row starts a window of that
    many consecutive rows (see bench.learning.types.Batch).
    """

    def __init__(
        self,
        data: Transitions,
        scaler: ObservationScaler,
        device: torch.device,
        columns: Mapping[str, np.ndarray] | None = None,
        window: int | None = None,
        reward_scaler: RewardScaler | None = None,
    ):
        self.observations = _tensor(data.observations, device)
        self.next_observations = _tensor(data.next_observations, device)
        self.actions = _tensor(data.actions, device)
        self.rewards = _tensor(data.rewards, device)
        self.masks = _tensor(data.masks, device)
        self.columns = {k: _tensor(v, device) for k, v in (columns or {}).items()}
        self.scaler = scaler.to(device)
        self.reward_scaler = reward_scaler or RewardScaler()  # already applied to `data`
        self.window = window
        if window is not None:
            starts, lengths = data.starts(), data.lengths()
            first = torch.from_numpy(np.repeat(starts, lengths)).to(device)
            last = torch.from_numpy(np.repeat(starts + lengths - 1, lengths)).to(device)
            self.first, self.last = first, last
            self.offsets = torch.arange(window, device=device)

    def __len__(self) -> int:
        return len(self.rewards)

    def draw(self, streams: Streams, batches: int, batch_size: int) -> Tensor:
        """Draw the row numbers of the next `batches` batches: (batches, S, B)."""
        return streams.integers(len(self), batches, batch_size).transpose(0, 1).contiguous()

    def batch(self, rows: Tensor) -> Batch:
        """Return the transitions at `rows` (S, B), or the windows that start there."""
        extra = {}
        if self.window is not None:
            wanted = rows.unsqueeze(-1) + self.offsets  # (S, B, K)
            last = self.last[rows].unsqueeze(-1)
            extra["valid"] = (wanted <= last).float()
            extra["steps"] = wanted - self.first[rows].unsqueeze(-1)
            rows = wanted.minimum(last)
        flat = rows.flatten()

        def take(array: Tensor) -> Tensor:
            return array.index_select(0, flat).unflatten(0, rows.shape)

        return Batch(
            self.scaler(take(self.observations)),
            take(self.actions).clamp(-ACTION_LIMIT, ACTION_LIMIT),
            take(self.rewards),
            take(self.masks),
            self.scaler(take(self.next_observations)),
            {k: take(v) for k, v in self.columns.items()} | extra | {"rows": rows},
        )


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    with warnings.catch_warnings():
        # The files are mapped read-only, and nothing here writes to them.
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)

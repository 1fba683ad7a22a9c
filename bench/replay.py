"""The data of one run as one table on the device, and batches drawn from it per seed."""

from __future__ import annotations

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
    """Uniform draws with replacement; a row is (s, s', a, r, mask), so a batch is one gather."""

    def __init__(
        self, data: Transitions, rewards: str, scaler: ObservationScaler, device: torch.device
    ):
        def tensor(array: np.ndarray) -> Tensor:
            return torch.from_numpy(np.array(array))

        columns = [
            scaler(tensor(data.observations)),
            scaler(tensor(data.next_observations)),
            tensor(data.actions).clamp(-ACTION_LIMIT, ACTION_LIMIT),
            tensor(transform_rewards(rewards, data))[:, None],
            tensor(data.masks)[:, None],
        ]
        self.widths = [c.shape[1] for c in columns]
        self.table = torch.cat(columns, dim=1).to(device)

    def __len__(self) -> int:
        return len(self.table)

    def draw(self, streams: Streams, batches: int, batch_size: int) -> Tensor:
        """Row numbers of the next `batches` batches: (batches, S, B)."""
        return streams.integers(len(self), batches, batch_size).transpose(0, 1).contiguous()

    def batch(self, rows: Tensor) -> Batch:
        """The transitions at `rows` (S, B)."""
        gathered = self.table.index_select(0, rows.flatten()).unflatten(0, rows.shape)
        observations, following, actions, rewards, masks = gathered.split(self.widths, dim=-1)
        return Batch(observations, actions, rewards.squeeze(-1), masks.squeeze(-1), following)

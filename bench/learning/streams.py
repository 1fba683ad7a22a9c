"""Random streams: every seed owns one generator per purpose.

A seed's draws therefore depend neither on the other seeds of its block nor on how often
another purpose draws.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.errors import BenchError
from bench.seeds import derive


class Streams:
    """One CPU generator per seed; each draw stacks the seeds on a leading axis (S, ...).

    Drawing on the CPU makes the numbers the same on every device.
    """

    def __init__(self, seeds: Sequence[int], purpose: str, device: str | torch.device = "cpu"):
        self.generators = [torch.Generator().manual_seed(derive(s, purpose)) for s in seeds]
        self.device = torch.device(device)

    def __len__(self) -> int:
        return len(self.generators)

    def normal(self, *shape: int) -> Tensor:
        """Draw from the standard normal distribution: (S, *shape)."""
        return self._stack([torch.randn(shape, generator=g) for g in self.generators])

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniformly from [0, 1): (S, *shape)."""
        return self._stack([torch.rand(shape, generator=g) for g in self.generators])

    def integers(self, high: int, *shape: int) -> Tensor:
        """Draw from {0, ..., high - 1} with replacement: (S, *shape), int64."""
        return self._stack([torch.randint(high, shape, generator=g) for g in self.generators])

    def permutation(self, size: int) -> Tensor:
        """Draw one permutation of {0, ..., size - 1} per seed: (S, size), int64."""
        return self._stack([torch.randperm(size, generator=g) for g in self.generators])

    def state(self) -> Tensor:
        """Return the generators' states for a checkpoint: (S, bytes), uint8."""
        return torch.stack([g.get_state() for g in self.generators])

    def restore(self, state: Tensor) -> None:
        """Continue from what `state` returned; raise BenchError if it was another device's."""
        if state.dim() != 2:
            raise BenchError(
                "--device: the checkpoint's numbers were drawn on a GPU; continue there, or delete "
                "the checkpoint to begin again."
            )
        for generator, row in zip(self.generators, state, strict=True):
            # A row read from a file may be unaligned, which crashes set_state.
            generator.set_state(row.clone())

    def _stack(self, draws: list[Tensor]) -> Tensor:
        return torch.stack(draws).to(self.device)

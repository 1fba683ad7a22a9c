"""The replay of an online phase: the rows of the data, and those that each seed adds.

All rows are in one table of fixed size, because a recorded update holds its tensors
(training.engine). The seeds share the rows of the data; after them, each step adds one row per
seed, side by side.
"""

from __future__ import annotations

import math
import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.learning.replay import Replay
from bench.learning.streams import Streams

FIELDS = ("observations", "actions", "rewards", "masks", "next_observations")


class Buffer(Replay):
    """The first `kept` rows of `replay`, then room for `steps` rows of each of `seeds` seeds.

    A batch comes from the newest `limit` rows of its seed, data included, as in a circular buffer
    of that size. With `mixing`, that share of it comes from the data only, and the rest from the
    newest `limit` rows added.
    """

    def __init__(
        self,
        replay: Replay,
        kept: int,
        seeds: int,
        steps: int,
        limit: int,
        mixing: float | None = None,
    ):
        def room(array: Tensor) -> Tensor:
            table = torch.zeros((kept + seeds * steps, *array.shape[1:]), device=array.device)
            table[:kept] = array[:kept]
            return table

        for name in FIELDS:
            setattr(self, name, room(getattr(replay, name)))
        self.columns = {name: room(array) for name, array in replay.columns.items()}
        self.scaler, self.reward_scaler, self.window = replay.scaler, replay.reward_scaler, None
        self.kept, self.seeds, self.limit, self.mixing = kept, seeds, limit, mixing
        self.steps = 0  # rows that each seed has added
        self.visible = [0] * seeds  # those of them that batches may come from
        self._written, self._checksum = 0, 0

    def __len__(self) -> int:
        return self.kept + self.steps

    def append(
        self,
        observations: np.ndarray,
        actions: np.ndarray,
        rewards: np.ndarray,
        masks: np.ndarray,
        next_observations: np.ndarray,
    ) -> None:
        """Add one step of every seed, (S, ...) in float32 each; `rewards` as a method sees them.

        Batches may include it at once, except for a method with columns (see `complete`).
        """
        begin = self.kept + self.steps * self.seeds
        for name, rows in zip(
            FIELDS, (observations, actions, rewards, masks, next_observations), strict=True
        ):
            getattr(self, name)[begin : begin + self.seeds] = torch.from_numpy(rows)
        self.steps += 1
        if not self.columns:
            self.visible = [self.steps] * self.seeds

    def complete(self, seed: int, first: int, columns: Mapping[str, np.ndarray]) -> None:
        """Make an episode available to batches: that of the seed at position `seed`.

        It began at step `first`; `columns` are its own, one row per step.
        """
        end = first + len(next(iter(columns.values())))
        for name, values in columns.items():
            self.columns[name][self.rows(seed, first, end)] = torch.from_numpy(values).to(
                self.rewards.device
            )
        self.visible[seed] = end

    def episode(self, seed: int, first: int, end: int) -> Transitions:
        """Return the steps [first, end) of a seed, one whole episode, on the CPU."""
        rows = self.rows(seed, first, end)
        arrays = {name: getattr(self, name)[rows].cpu().numpy() for name in FIELDS}
        return Transitions(**arrays, episodes=np.zeros(end - first, np.int32))

    def rows(self, seed: int, first: int, end: int) -> Tensor:
        """Return the row numbers of the steps [first, end) of a seed."""
        steps = torch.arange(first, end, device=self.rewards.device)
        return self.kept + steps * self.seeds + seed

    def sample(self, streams: Streams, batch_size: int) -> Tensor:
        """Draw the row numbers of the next batch: (S, B)."""
        drawn = torch.stack(
            [
                self._draw(seed, generator, batch_size)
                for seed, generator in enumerate(streams.generators)
            ]
        )
        own = self.kept + (drawn - self.kept) * self.seeds + torch.arange(self.seeds).unsqueeze(1)
        return torch.where(drawn < self.kept, drawn, own).to(self.rewards.device)

    def _draw(self, seed: int, generator: torch.Generator, batch_size: int) -> Tensor:
        """Draw (B,) numbers in the seed's own count: the data's rows, then those it added."""
        end = self.kept + self.visible[seed]

        def between(low: int, high: int, count: int) -> Tensor:
            return torch.randint(low, high, (count,), generator=generator)

        if self.mixing is None:
            return between(max(0, end - self.limit), end, batch_size)
        if not self.visible[seed]:
            return between(0, self.kept, batch_size)
        share = round(self.mixing * batch_size)
        low = max(self.kept, end - self.limit)
        return torch.cat([between(0, self.kept, share), between(low, end, batch_size - share)])

    # --- checkpoints: what was added goes to a file that only ever grows ------------------

    def _tables(self) -> list[Tensor]:
        return [getattr(self, name) for name in FIELDS]

    def _widths(self) -> list[int]:
        """Return the number of values per row of each table."""
        return [math.prod(table.shape[1:]) for table in self._tables()]

    def _added(self, first: int, end: int) -> slice:
        """Return the slice of rows of the steps [first, end) of all seeds."""
        return slice(self.kept + first * self.seeds, self.kept + end * self.seeds)

    def save(self, path: Path) -> dict[str, int]:
        """Append the steps since the last save to `path`; return the arguments of `load`.

        Anything after the last save, left by a killed job, is overwritten. Raises BenchError when
        the disk is full.
        """
        rows, size = self._added(self._written, self.steps), self.seeds * sum(self._widths())
        parts = [
            table[rows].reshape((self.steps - self._written) * self.seeds, width)
            for table, width in zip(self._tables(), self._widths(), strict=True)
        ]
        block = torch.cat(parts, dim=1).cpu().numpy().tobytes()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "r+b" if self._written else "wb") as file:
                file.seek(4 * size * self._written)
                file.truncate()
                file.write(block)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise BenchError(
                f"{path}: cannot be written ({error}); free some space and run again: the previous "
                "checkpoint is kept."
            ) from None
        self._written, self._checksum = self.steps, zlib.crc32(block, self._checksum)
        return {"steps": self._written, "checksum": self._checksum}

    def load(self, path: Path, steps: int, checksum: int) -> bool:
        """Read back `steps` steps; return False, with nothing changed, if `path` lacks them."""
        try:
            with open(path, "rb") as file:
                content = file.read(4 * steps * self.seeds * sum(self._widths()))
        except OSError:
            return False
        if zlib.crc32(content) != checksum:
            return False
        if steps:
            block = torch.frombuffer(bytearray(content), dtype=torch.float32)
            parts = block.view(steps * self.seeds, -1).split(self._widths(), dim=1)
            for table, part in zip(self._tables(), parts, strict=True):
                rows = table[self._added(0, steps)]
                rows.copy_(part.reshape(rows.shape))
        self.steps = self._written = steps
        self._checksum = checksum
        if not self.columns:
            self.visible = [steps] * self.seeds
        return True

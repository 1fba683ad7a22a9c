"""Flat, memory-mapped transitions, audited and stored with a dataset card.

One folder per dataset: one .npy per array and card.json. Row t of an episode holds
(s_t, a_t, r_t, s_{t+1}); its mask is 0 where the episode terminated and 1 elsewhere, so a
truncated episode still bootstraps from its last observation. That is the reading `full`; the
reading `d4rl` has the rows that D4RL's qlearning_dataset would produce from the same file.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from pathlib import Path

import numpy as np

from bench.errors import BenchError
from bench.files import read_sealed
from bench.paths import CARD

HASHED_AT_ONCE = 1 << 24  # bytes


@dataclass(frozen=True)
class Transitions:
    """N transitions in float32; `episodes` holds each row's episode number, int32.

    `next_actions`, the action that followed each row, is present where a reading dropped rows.
    """

    observations: np.ndarray  # (N, obs)
    actions: np.ndarray  # (N, act)
    rewards: np.ndarray  # (N,)
    next_observations: np.ndarray  # (N, obs)
    masks: np.ndarray  # (N,), 1 = bootstrap
    episodes: np.ndarray  # (N,), increasing
    next_actions: np.ndarray | None = None  # (N, act)

    def __len__(self) -> int:
        return len(self.rewards)

    @classmethod
    def load(cls, folder: Path) -> Transitions:
        """Memory-map the arrays, whose pages all jobs share.

        Raises BenchError where one is missing or damaged.
        """
        arrays = {}
        for field in fields(cls):
            path = folder / f"{field.name}.npy"
            if not path.exists():
                if field.default is not MISSING:
                    continue
                raise BenchError(f"{path}: file not found; run `python -m bench transitions`.")
            arrays[field.name] = _mapped(path)
        return cls(**arrays)

    def starts(self) -> np.ndarray:
        """Return the first row of each episode."""
        return np.flatnonzero(np.diff(self.episodes, prepend=self.episodes[0] - 1))

    def returns(self) -> np.ndarray:
        """Return the undiscounted raw return of each episode, float64."""
        return np.add.reduceat(self.rewards.astype(np.float64), self.starts())

    def lengths(self) -> np.ndarray:
        """Return the number of rows of each episode."""
        return np.diff(self.starts(), append=len(self))

    def select(self, rows: np.ndarray) -> Transitions:
        """Return the rows selected by the boolean mask `rows` (N,)."""
        return Transitions(**{name: array[rows] for name, array in self.arrays().items()})

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays that are present, by name."""
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in named.items() if array is not None}


def _mapped(path: Path) -> np.ndarray:
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if not isinstance(found, np.ndarray):
            raise ValueError("an archive of arrays")
        return found
    except Exception as error:  # numpy meets a damaged header with errors of many kinds
        raise BenchError(
            f"{path}: not an array ({error}); delete {path.parent} and run again."
        ) from None


def joined(parts: Sequence[Transitions]) -> Transitions:
    """Return the rows of all parts, in order; episodes are numbered on."""
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0, *(part.episodes[-1] + 1 for part in parts[:-1])])
    numbered = [
        replace(part, episodes=(part.episodes + offset).astype(np.int32))
        for part, offset in zip(parts, offsets, strict=True)
    ]
    names = numbered[0].arrays()
    return Transitions(**{n: np.concatenate([p.arrays()[n] for p in numbered]) for n in names})


def finding(rule: str, found: str, ok: bool) -> dict[str, str]:
    """Return one line of a card's audit."""
    return {"rule": rule, "finding": found, "verdict": "ok" if ok else "reported"}


def content_hash(data: Transitions) -> str:
    """Return the sha256 over names, types, shapes and bytes of the arrays.

    The pages of a mapped file are released as they are read: a file that is mapped twice counts
    twice in the memory of a process.
    """
    digest = hashlib.sha256()
    for name, values in data.arrays().items():
        array = np.ascontiguousarray(values)
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        content = array.reshape(-1).view(np.uint8)
        for start in range(0, len(content), HASHED_AT_ONCE):
            digest.update(content[start : start + HASHED_AT_ONCE].data)
            _release(values)
    return digest.hexdigest()


def _release(array: np.ndarray) -> None:
    """Return the pages of a file mapped read-only to the system, which reads them when needed."""
    if isinstance(array, np.memmap) and array.mode == "r":  # others could lose changes
        with suppress(OSError):  # refused for pages that are locked
            array._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]


def check_card(folder: Path, found: str) -> None:
    """Raise BenchError unless the card's hash is `found`, the hash of the arrays."""
    if read_sealed(folder / CARD).get("hash") != found:
        raise BenchError(
            f"{folder}: the arrays do not match {CARD}; delete the folder and run again."
        )

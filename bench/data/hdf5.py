"""Read and check HDF5 files in D4RL's layout.

A row is (s_t, a_t, r_t, terminal_t, timeout_t), and an episode ends at either flag or at the end
of the file. The observation after an episode's last row is that row's `next_observations`, if the
file has that key; AntMaze's files do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from bench.config.task import STAND_IN
from bench.data.hdf5_gate import dataset, names, opened
from bench.errors import BenchError

KEYS = ("observations", "actions", "rewards", "terminals", "timeouts")
ORIGIN = "origin"  # attribute of a file that is a stand-in
BOUNDS = ("action_low", "action_high")
BLOCK = 2**16  # rows read at once
SAME = 1e-6  # observations closer than this are equal, as in the IQL authors' code
LARGEST = 1e9  # no robot's position, speed or reward is beyond
LEAP = 5.0  # a move above this times the 99th percentile of moves is a jump


@dataclass(frozen=True)
class Rows:
    """The N rows of a file, and where its episodes end."""

    observations: np.ndarray  # (N, obs), float32
    actions: np.ndarray  # (N, act), float32
    rewards: np.ndarray  # (N,), float32
    terminals: np.ndarray  # (N,), bool
    timeouts: np.ndarray  # (N,), bool
    ends: np.ndarray  # last row of each episode
    last: np.ndarray | None  # (episodes, obs): observations after `ends`, if recorded
    breaks: np.ndarray | None  # (N - 1,), bool: row i + 1 does not follow from row i; if known
    bounds: np.ndarray | None = None  # (2, act): the lowest and highest actions, if recorded
    stand_in: bool = False  # made for a rehearsal, and marked as such

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def starts(self) -> np.ndarray:
        """First row of each episode."""
        return np.concatenate([[0], self.ends[:-1] + 1])

    @property
    def left_out(self) -> np.ndarray:
        """Rows without a successor, which the dataset cannot hold: (N,), bool."""
        rows = np.zeros(len(self), dtype=bool)
        if self.last is None:
            rows[self.ends] = self.timeouts[self.ends] | ~self.terminals[self.ends]
        return rows


def read(path: Path) -> Rows:
    """Load and check a file; raise BenchError where it is not in D4RL's layout."""
    with opened(path, "delete it and fetch it again") as file:
        return _read(file, path)


def _read(file: h5py.File, path: Path) -> Rows:
    for key in KEYS:
        if dataset(file, key, path) is None:
            raise BenchError(
                f"{path}: the key '{key}' is missing (found: {', '.join(names(file))}); store the "
                "data as config/README.md describes."
            )
    count = len(file["rewards"]) if file["rewards"].shape else 0
    if not count:
        raise BenchError(f"{path}, rewards: no rows; collect the data again.")
    observations = _matrix(file, "observations", count, path)
    actions = _matrix(file, "actions", count, path)
    rewards = _matrix(file, "rewards", count, path, flat=True)
    terminals = _flags(file, "terminals", count, path)
    timeouts = _flags(file, "timeouts", count, path)
    ends = np.flatnonzero(terminals | timeouts)
    if not len(ends) or ends[-1] != count - 1:  # the last episode is unfinished
        ends = np.append(ends, count - 1)
    last = breaks = None
    if dataset(file, "next_observations", path) is not None:
        last, breaks = _successors(file, observations, ends, path)
    elif (position := _position(file, observations, path)) is not None:
        breaks = _leaps(position, (terminals | timeouts)[:-1])
    bounds = _bounds(file, actions.shape[1], path)
    mark = file.attrs.get(ORIGIN)
    stand_in = isinstance(mark, str) and mark == STAND_IN
    return Rows(
        observations, actions, rewards, terminals, timeouts, ends, last, breaks, bounds, stand_in
    )


def _bounds(file: h5py.File, width: int, path: Path) -> np.ndarray | None:
    """Return `action_low` and `action_high` (2, act), or None if the file lacks them."""
    found = [dataset(file, key, path) for key in BOUNDS]
    if found == [None, None]:
        return None
    for key, values in zip(BOUNDS, found, strict=True):
        if values is None or values.shape != (width,):
            raise BenchError(f"{path}, {key}: not of shape ({width},), one per action; store both.")
    return np.stack([np.asarray(values, dtype=np.float32) for values in found])


def _shape(file: h5py.File, key: str, count: int, path: Path, flat: bool) -> tuple[int, ...]:
    shape: tuple[int, ...] = file[key].shape
    if flat and shape in ((count,), (count, 1)):
        return shape
    if not flat and len(shape) == 2 and shape[0] == count:
        return shape
    wanted = f"({count},)" if flat else f"({count}, any)"
    hint = (
        " (discrete actions need another library)" if (key, shape) == ("actions", (count,)) else ""
    )
    raise BenchError(
        f"{path}, {key}: shape {shape} but {wanted} is expected, one row per reward{hint}; fix the "
        "data."
    )


def _blocks(values: h5py.Dataset, name: str) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield blocks of rows as float32; raise BenchError at a value that is not finite."""
    for start in range(0, len(values), BLOCK):
        rows = slice(start, min(start + BLOCK, len(values)))
        with np.errstate(over="ignore"):  # too large for float32 is refused as non-finite
            block = values[rows].astype(np.float32)
        bad = ~(np.abs(block) <= LARGEST).reshape(len(block), -1).all(axis=1)  # NaN too
        if bad.any():
            row = start + int(np.flatnonzero(bad)[0])
            raise BenchError(
                f"{name}: a non-finite value, or one above {LARGEST:g}, in row {row}; remove its "
                "episode."
            )
        yield rows, block


def _matrix(file: h5py.File, key: str, count: int, path: Path, flat: bool = False) -> np.ndarray:
    shape = _shape(file, key, count, path, flat)
    result = np.empty(shape, dtype=np.float32)
    for rows, block in _blocks(file[key], f"{path}, {key}"):
        result[rows] = block
    return result.reshape(count) if flat else result


def _flags(file: h5py.File, key: str, count: int, path: Path) -> np.ndarray:
    values = _matrix(file, key, count, path, flat=True)
    if not np.isin(values, (0, 1)).all():
        raise BenchError(f"{path}, {key}: values other than 0 and 1; fix the data.")
    return values == 1


def _successors(
    file: h5py.File, observations: np.ndarray, ends: np.ndarray, path: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Return `next_observations` at `ends`, and where it differs from the row after."""
    shape = _shape(file, "next_observations", len(observations), path, flat=False)
    if shape != observations.shape:
        raise BenchError(
            f"{path}, next_observations: shape {shape} but {observations.shape} is expected; "
            "fix the data."
        )
    last = np.empty((len(ends), shape[1]), dtype=np.float32)
    breaks = np.empty(len(observations) - 1, dtype=bool)
    for rows, block in _blocks(file["next_observations"], f"{path}, next_observations"):
        here = (ends >= rows.start) & (ends < rows.stop)
        last[here] = block[ends[here] - rows.start]
        following = observations[rows.start + 1 : rows.stop + 1]
        breaks[rows.start : rows.start + len(following)] = (
            np.abs(block[: len(following)] - following) > SAME
        ).any(axis=1)
    return last, breaks


def _position(file: h5py.File, observations: np.ndarray, path: Path) -> np.ndarray | None:
    """Return the robot's (x, y) in each row (N, 2), or None if the file lacks it."""
    places = dataset(file, "infos/qpos", path)
    if places is None or places.ndim != 2 or places.shape[1] < 2:
        return None
    if len(places) != len(observations):
        return None
    return np.asarray(places[:, :2], dtype=np.float32)


def _leaps(position: np.ndarray, ended: np.ndarray) -> np.ndarray:
    """Return where the robot moved further between two rows than one step allows: (N - 1,)."""
    moved = np.linalg.norm(np.diff(position, axis=0), axis=1)
    usual = moved[~ended]
    limit = LEAP * float(np.quantile(usual, 0.99)) if len(usual) else 0.0
    return moved > (limit or np.inf)

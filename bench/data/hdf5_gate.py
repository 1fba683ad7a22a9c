"""Open what an HDF5 file holds, and nothing else.

A link may lead to another file, a dataset may lie outside its file or declare more rows than it
stores: reading such a file takes other people's data, or all memory. Only datasets that lie whole
in the file itself pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from bench.errors import BenchError

MOST_COMPRESSED = 1100  # times that deflate can shrink data; its limit is 1032
FAILURES = (OSError, KeyError, ValueError, RuntimeError, TypeError, MemoryError, RecursionError)


@contextmanager
def opened(path: Path, remedy: str) -> Iterator[h5py.File]:
    """Open a file for reading; whatever h5py says about damage within becomes a BenchError."""
    if not path.exists():
        raise BenchError(f"{path}: file not found; fetch it or correct the recipe.")
    if not path.is_file():  # nothing would ever come out of a pipe
        raise BenchError(f"{path}: a folder or a pipe, not a file; correct the recipe.")
    try:
        with h5py.File(path) as file:
            yield file
    except FAILURES as error:
        reason = " ".join(str(error).split())
        raise BenchError(f"{path}: not an HDF5 file, or damaged ({reason}); {remedy}.") from None


def names(group: h5py.Group) -> list[str]:
    """Return the names in a group, sorted, as far as they are text."""
    return sorted(str(name) for name in group)


def dataset(file: h5py.Group, key: str, path: Path) -> h5py.Dataset | None:
    """Return the numeric dataset at `key`, or None if there is nothing of that name.

    Raises BenchError, naming `path` and `key`, at a link, at a dataset that is not stored whole in
    this file, and at values that are not numbers.
    """
    found = _member(file, key, path)
    if found is None:
        return None
    where = f"{path}, {key}"
    if not isinstance(found, h5py.Dataset):
        raise BenchError(f"{where}: a group, not a dataset; store an array there.")
    _check_stored(found, where)
    if found.dtype.kind not in "fiub" or found.dtype.subdtype is not None:
        raise BenchError(f"{where}: type {found.dtype} is not numeric; fix the data.")
    return found


def check_all(file: h5py.Group, key: str, path: Path) -> None:
    """Raise BenchError unless the group at `key` holds, at any depth, what lies whole in the file.

    For groups that another library reads.
    """
    for name in names(group(file, key, path)):
        inner = f"{key}/{name}"
        found = _member(file, inner, path)
        if isinstance(found, h5py.Dataset):
            _check_stored(found, f"{path}, {inner}")
        elif found is not None:
            check_all(file, inner, path)


def _check_stored(found: h5py.Dataset, where: str) -> None:
    """Raise BenchError unless a dataset has values, and all of them in its file."""
    if found.is_virtual or found.external:
        raise BenchError(f"{where}: its values lie in another file; store them in this one.")
    if found.shape is None:
        raise BenchError(f"{where}: it has no values; store an array there.")
    declared = math.prod(found.shape) * found.dtype.itemsize
    filters = found.id.get_create_plist().get_nfilters()
    if declared > found.id.get_storage_size() * (MOST_COMPRESSED if filters else 1):
        raise BenchError(
            f"{where}: shape {found.shape} is declared but most of it is not stored; write the "
            "file again."
        )


def group(file: h5py.Group, key: str, path: Path) -> h5py.Group:
    """Return the group at `key`; raise BenchError if there is none."""
    found = _member(file, key, path)
    if not isinstance(found, h5py.Group):
        raise BenchError(f"{path}, {key}: not a group; write the file again.")
    return found


def _member(file: h5py.Group, key: str, path: Path) -> h5py.Group | h5py.Dataset | None:
    """Follow `key`, whose parts are divided by /, through hard links alone."""
    place = file
    for part in _parts(key):
        link = place.get(part, getlink=True) if isinstance(place, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise BenchError(f"{path}, {key}: a link to elsewhere; store the data in its place.")
        place = place[part]
    return place


def _parts(key: str) -> Iterable[str]:
    return (part for part in key.split("/") if part)

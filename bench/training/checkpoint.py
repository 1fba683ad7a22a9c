"""Checkpoints: the file from which an interrupted run continues; tensors and JSON, no code.

A checkpoint is written to a scratch file, synced, then renamed, so a kill leaves the previous one
intact. The previous one is kept too, in case a machine corrupts a file it reported as written.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.errors import BenchError
from bench.files import decode_json
from bench.learning.learner import Learner
from bench.learning.scalers import Moments, ObservationScaler


def state_tensors(state: Any) -> dict[str, Tensor]:
    """Return every tensor of a State: `field.name` for parts with `tensors`, else `field`."""
    result: dict[str, Tensor] = {}
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Tensor):
            result[field.name] = part
        else:
            result |= {f"{field.name}.{k}": v for k, v in part.tensors().items()}
    return result


def restore_state(state: Any, tensors: dict[str, Tensor]) -> None:
    """Restore an initialised state from the result of `state_tensors`."""
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Tensor):
            part.copy_(tensors[field.name])
        else:
            prefix = f"{field.name}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            part.restore(own)


def previous(path: Path) -> Path:
    """Return the path of the checkpoint before the one at `path`."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def save(path: Path, tensors: Mapping[str, Tensor], record: dict[str, Any]) -> None:
    """Write a checkpoint atomically; `record` is stored as JSON in the file's metadata.

    Raises BenchError when the disk is full; both earlier checkpoints then remain unchanged.
    """
    copies = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
    text = json.dumps(record)
    metadata = {"record": text, "sha256": _digest(copies, text)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _scratch(path, copies, metadata) as scratch:
            if path.exists():
                os.replace(path, previous(path))  # `load` copes with a kill between the two
            os.replace(scratch, path)
    except (OSError, SafetensorError) as error:
        raise BenchError(
            f"{path}: cannot be written ({error}); free some space and run again: the previous "
            "checkpoint is kept."
        ) from None


def remove(path: Path) -> None:
    """Delete a checkpoint and the one before it."""
    path.unlink(missing_ok=True)
    previous(path).unlink(missing_ok=True)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors atomically; raise BenchError when the disk is full."""
    try:
        with _scratch(path, tensors, None) as scratch:
            os.replace(scratch, path)
    except (OSError, SafetensorError) as error:
        raise BenchError(
            f"{path}: cannot be written ({error}); free some space and run again."
        ) from None


@contextmanager
def _scratch(
    path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None
) -> Iterator[Path]:
    """Write and sync a scratch file beside `path`; delete it afterwards unless it was moved."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(dict(tensors), scratch, metadata=metadata)
        with open(scratch, "rb") as file:
            os.fsync(file.fileno())
        yield scratch
    finally:
        scratch.unlink(missing_ok=True)


def _digest(tensors: Mapping[str, Tensor], record: str) -> str:
    """Return the SHA-256 of everything that a checkpoint holds: names, types, shapes and bytes."""
    result = hashlib.sha256(record.encode())
    for name in sorted(tensors):
        value = tensors[name]
        result.update(repr((name, str(value.dtype), tuple(value.shape))).encode())
        result.update(value.contiguous().numpy().tobytes())
    return result.hexdigest()


def load(path: Path, identity: str | None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Return tensors and record, or None if there is no intact checkpoint of this run.

    `identity` is the hash of everything that determines the run; a checkpoint of other settings,
    data or code is ignored and later overwritten. None accepts any. Where the last checkpoint is
    corrupt or missing, the one before it is used.
    """
    for candidate in (path, previous(path)):
        found = _load(candidate, identity)
        if found is not None:
            return found
    if path.exists() or previous(path).exists():
        print(f"{path}: starting from scratch", flush=True)
    return None


def _load(path: Path, identity: str | None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            record = decode_json(metadata["record"])
            if identity is not None and record["identity"] != identity:
                print(f"{path}: from other settings, data or code; not used", flush=True)
                return None
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if metadata["sha256"] != _digest(tensors, metadata["record"]):
            raise ValueError("its checksum differs")
        return tensors, record
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        print(f"{path}: not readable ({error}); not used", flush=True)
        return None


def networks(state: Any, scaler: ObservationScaler) -> dict[str, Tensor]:
    """Return what a trained policy needs.

    These are the parameters of every network and the running moments of a method's State, as
    `field.name`, and the scale of the observations.
    """
    tensors: dict[str, Tensor] = {}
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Learner | Moments):
            held = part.net.state_dict() if isinstance(part, Learner) else part.tensors()
            tensors |= {f"{field.name}.{k}": v.cpu().contiguous() for k, v in held.items()}
    return tensors | {
        "observation.mean": scaler.mean.cpu(),
        "observation.scale": scaler.scale.cpu(),
    }

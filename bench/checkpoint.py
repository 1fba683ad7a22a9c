"""One file that an interrupted run continues from: tensors and a little JSON, no code.

It is written beside, synced, then renamed, so a kill leaves the previous one whole.
"""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.errors import BenchError


def state_tensors(state: Any) -> dict[str, Tensor]:
    """Every tensor of a method's State: `field.name` for parts with `tensors`, else `field`."""
    result: dict[str, Tensor] = {}
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Tensor):
            result[field.name] = part
        else:
            result |= {f"{field.name}.{k}": v for k, v in part.tensors().items()}
    return result


def restore_state(state: Any, tensors: dict[str, Tensor]) -> None:
    """The inverse of `state_tensors`, into an initialised state."""
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Tensor):
            part.copy_(tensors[field.name])
        else:
            prefix = f"{field.name}."
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            part.restore(own)


def save(path: Path, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
    """Write atomically; `record` is kept as JSON in the file's metadata."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        copies = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        save_file(copies, scratch, metadata={"record": json.dumps(record)})
        with open(scratch, "rb") as file:
            os.fsync(file.fileno())
        os.replace(scratch, path)
    except (OSError, SafetensorError) as error:
        raise BenchError(
            f"{path}: cannot be written ({error}); free some space and run again: the previous "
            "checkpoint is kept."
        ) from None
    finally:
        scratch.unlink(missing_ok=True)


def load(path: Path, identity: str | None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Tensors and record, or None if there is no readable checkpoint of this very run.

    `identity` is the hash of all that decides the run; a checkpoint of other settings,
    data or code is ignored and later overwritten. With None, any will do.
    """
    try:
        with safe_open(path, framework="pt") as file:
            record = json.loads(file.metadata()["record"])
            if identity is not None and record["identity"] != identity:
                print(f"{path}: of other settings, data or code; starting afresh", flush=True)
                return None
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, record
    except FileNotFoundError:
        return None
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        print(f"{path}: not readable ({error}); starting afresh", flush=True)
        return None

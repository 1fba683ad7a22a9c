"""Tensors with a seal: a safetensors file whose metadata holds the SHA-256 of the same without it.

For files that are made from a run after its end, which run.json therefore cannot list.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bench.files import SEAL, digest


def sealed(tensors: Mapping[str, Any]) -> bytes:
    """Return the content of the file with these arrays and their seal."""
    return save(dict(tensors), metadata={SEAL: digest(save(dict(tensors)))})


def problem(path: Path) -> str | None:
    """Return how a file differs from its seal, or None if it is as it was written."""
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        return f"is damaged ({error})"
    return None if path.read_bytes() == sealed(tensors) else "differs from its seal"

"""Describe the processor or GPU of a job for its record."""

from __future__ import annotations

import torch

from bench.training import energy


def device_record(device: torch.device) -> dict[str, str | None]:
    """Return the GPU's name and its driver's version, or `cpu` without one."""
    if device.type != "cuda":
        return {"device": "cpu", "driver": None}
    return {"device": torch.cuda.get_device_name(device), "driver": energy.driver()}


def uuid(device: torch.device) -> str | None:
    """Return the GPU's identifier in NVIDIA's library, or None on a CPU."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None

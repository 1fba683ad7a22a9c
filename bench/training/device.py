"""The processor or GPU that a job computes on, as its record names it."""

from __future__ import annotations

import torch

from bench.training import energy


def device_record(device: torch.device) -> dict[str, str | None]:
    """Return the GPU's name and its driver's version, or `cpu` without one."""
    if device.type != "cuda":
        return {"device": "cpu", "driver": None}
    return {"device": torch.cuda.get_device_name(device), "driver": energy.driver()}


def uuid(device: torch.device) -> str | None:
    """Return the identifier that NVIDIA's library has for the GPU; None on a CPU."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None

"""Energy used by a job's processor packages and GPU, where their counters are readable.

Linux counts joules per processor package (RAPL), usually readable by root only; NVIDIA's library
counts per GPU from Volta on. A package's counter includes everything else that ran on it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

RAPL = Path("/sys/class/powercap")
NVML = "libnvidia-ml.so.1"
DRIVER = Path("/proc/driver/nvidia/version")


class Meter:
    """Energy used since creation; call it at least every few minutes, since counters wrap."""

    def __init__(self, gpu: str | None = None, rapl: Path = RAPL, nvml: str = NVML):
        """Start counting; `gpu` is CUDA's UUID of the card in use."""
        self.packages = [p for p in sorted(rapl.glob("intel-rapl:*")) if p.name.count(":") == 1]
        self.last = self._packages()
        self.cpu = 0.0
        self.card = None if gpu is None else _Card(gpu, nvml)
        self.first = self.card.joules() if self.card else None

    def __call__(self) -> None:
        """Add the processors' energy since the last call."""
        now = self._packages()
        if self.last is None or now is None:
            return
        for package, before, after in zip(self.packages, self.last, now, strict=True):
            if after < before:  # the counter wrapped
                after += int((package / "max_energy_range_uj").read_text(encoding="utf-8"))
            self.cpu += (after - before) / 1e6
        self.last = now

    def joules(self) -> dict[str, float | None]:
        """Return joules of `cpu` and `gpu`; None where there is no readable counter."""
        self()
        end = self.card.joules() if self.card else None
        gpu = None if end is None or self.first is None else end - self.first
        return {
            "cpu": None if self.last is None else round(self.cpu, 1),
            "gpu": None if gpu is None else round(gpu, 1),
        }

    def _packages(self) -> list[int] | None:
        """Return microjoules of each package."""
        try:
            return [
                int((p / "energy_uj").read_text(encoding="utf-8")) for p in self.packages
            ] or None
        except (OSError, ValueError):
            return None


class _Card:
    """One GPU, read through NVIDIA's library."""

    def __init__(self, uuid: str, nvml: str):
        self.handle = ctypes.c_void_p()
        try:
            self.library: ctypes.CDLL | None = ctypes.CDLL(nvml)
            found = (
                self.library.nvmlInit_v2() == 0
                and self.library.nvmlDeviceGetHandleByUUID(
                    f"GPU-{uuid}".encode(), ctypes.byref(self.handle)
                )
                == 0
            )
        except (OSError, AttributeError):
            found = False
        if not found:
            self.library = None

    def joules(self) -> float | None:
        """Return the joules used since the driver was loaded, or None."""
        millijoules = ctypes.c_ulonglong()
        if self.library is None:
            return None
        status = self.library.nvmlDeviceGetTotalEnergyConsumption(
            self.handle, ctypes.byref(millijoules)
        )
        return None if status else millijoules.value / 1000


def driver(path: Path = DRIVER) -> str | None:
    """Return the version of NVIDIA's driver, or None if there is none."""
    try:
        words = path.read_text(encoding="utf-8").splitlines()[0].split()
    except (OSError, IndexError):
        return None
    return next((w for w in words if w.replace(".", "").isdigit() and "." in w), None)

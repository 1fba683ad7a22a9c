"""Choose the processor or GPU of a job, and describe it for the job's record."""

from __future__ import annotations

import os
import re

import torch

from bench.errors import BenchError
from bench.training import energy
from bench.training.cards import leases

# Set by schedulers where a job was granted a card, with its number.
GRANTS = ("SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "SGE_HGR_gpu", "CUDA_VISIBLE_DEVICES")
DEVICE = "BENCH_DEVICE"
NONE = ("", "-1", "NoDevFiles")


def choose(name: str) -> tuple[str, str]:
    """Return the device of a job, as torch names it, and why it is this one.

    `name` is auto, cpu, cuda or cuda:N; in place of auto the variable BENCH_DEVICE counts, which
    the jobs of a workflow inherit. Unless a scheduler granted one card, auto takes one that no
    other job of this machine has, until the process ends. Raises BenchError at another name, at a
    card that is not there, and, for auto, where a scheduler granted a card that torch cannot use.
    """
    name = os.environ.get(DEVICE, "auto") if name == "auto" else name
    if not re.fullmatch(r"auto|cpu|cuda(:\d{1,3})?", name):
        raise BenchError(f"--device: '{name}' is no device; use auto, cpu, cuda or cuda:N.")
    if name == "cpu":
        return name, "as asked for"
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        granted = [key for key in GRANTS if os.environ.get(key, "") not in NONE]
        if granted and not cards:
            raise BenchError(
                f"--device: {granted[0]}={os.environ[granted[0]]} grants a GPU, but torch "
                f"{torch.__version__} cannot use it; install torch for CUDA, or say --device cpu "
                f"({DEVICE}=cpu for a workflow)."
            )
        if not cards:
            return "cpu", "torch finds no GPU"
        if granted and cards == 1:
            return "cuda", f"granted in {granted[0]}"
        number = leases.take([str(uuid(torch.device("cuda", i))) for i in range(cards)])
        return f"cuda:{number}", f"GPU {number} of {cards} is free"
    if int(name.partition(":")[2] or 0) >= cards:
        raise BenchError(
            f"--device: {name} is not there, torch {torch.__version__} finds {cards} GPUs; use "
            "another, or cpu."
        )
    return name, "as asked for"


def device_record(device: torch.device) -> dict[str, str | bool | None]:
    """Return the GPU's name, its driver's version and whether it rounds factors to TensorFloat-32.

    Without one, the device is `cpu`.
    """
    if device.type != "cuda":
        return {"device": "cpu", "driver": None}
    tf32 = torch.backends.cuda.matmul.fp32_precision != "ieee"
    name = torch.cuda.get_device_name(device)
    return {"device": name, "driver": energy.driver(), "tf32": tf32}


def uuid(device: torch.device) -> str | None:
    """Return the GPU's identifier in NVIDIA's library, or None on a CPU."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None

"""What a finished run writes: its episodes, its training curves, its networks, and its record."""

from __future__ import annotations

from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bench import checkpoint, energy, records
from bench.evaluate import HEADER
from bench.learner import Learner
from bench.online import Seconds
from bench.transforms import Moments

if TYPE_CHECKING:
    from bench.train import Run


def write(run: Run, folder: Path, record: dict[str, Any]) -> None:
    """run.json is written last: where it is, the rest is whole."""
    rows = [astuple(row) for row in run.evaluations]
    records.write_rows(folder / "evaluations.csv", HEADER, rows)
    # The phases of a method may have different metrics.
    names = list(dict.fromkeys(name for row in run.metrics for name in row))
    metrics = [[row.get(name, "") for name in names] for row in run.metrics]
    records.write_rows(folder / "metrics.csv", names, metrics)
    episodes = run.online.episodes if run.online else []
    records.write_rows(folder / "episodes.csv", HEADER, [astuple(row) for row in episodes])
    checkpoint.write_tensors(folder / "policy.safetensors", networks(run) | run.before)
    sha, dirty = records.commit()
    if run.online:
        print(run.online.seconds)
    online = run.online.seconds if run.online else Seconds()
    seconds = run.seconds + online.updates
    # A run whose seeds have all diverged ends before its time.
    updates = run.settings.updates + run.online.updates if run.online else run.step
    records.write_json(
        folder / "run.json",
        {
            "status": "diverged" if run.diverged else "done",
            "diverged": {str(seed): step for seed, step in run.diverged.items()},
            "settings": run.settings.model_dump(mode="json"),
            "config": asdict(run.config),
            "versions": records.versions(),
            "commit": sha,
            "dirty": dirty,
            "machine": records.machine(),
            "updates_per_second": round(updates / seconds, 2),
            "update_seconds": round(seconds, 2),
            "peak_memory_mb": records.peak_memory_mb(),
            **({"online_seconds": asdict(online)} if run.online else {}),
            **record,
        },
    )


def networks(run: Run) -> dict[str, Tensor]:
    """The parameters of every network and running moments by field of the state, and the
    observations' scale."""
    tensors: dict[str, Tensor] = {}
    for field in fields(run.state):
        part = getattr(run.state, field.name)
        if isinstance(part, Learner | Moments):
            held = part.net.state_dict() if isinstance(part, Learner) else part.tensors()
            tensors |= {f"{field.name}.{k}": v.cpu().contiguous() for k, v in held.items()}
    scaler = run.replay.scaler
    return tensors | {
        "observation.mean": scaler.mean.cpu(),
        "observation.scale": scaler.scale.cpu(),
    }


def device_record(device: torch.device) -> dict[str, str | None]:
    """The GPU's name and its driver's version, or cpu."""
    if device.type != "cuda":
        return {"device": "cpu", "driver": None}
    return {"device": torch.cuda.get_device_name(device), "driver": energy.driver()}


def uuid(device: torch.device) -> str | None:
    """By which NVIDIA's library knows the card."""
    return str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else None

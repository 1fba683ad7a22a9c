"""Write the results of a finished run: episodes, training curves, networks and record."""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from bench import files
from bench.paths import RunFolder
from bench.records import machine
from bench.training import checkpoint
from bench.training.evaluate import HEADER
from bench.training.online.phase import Seconds
from bench.training.run import Run


def write(run: Run, folder: Path, record: dict[str, Any]) -> None:
    """Write the results; run.json comes last, so where it exists the rest is complete."""
    out = RunFolder(folder)
    rows = [astuple(row) for row in run.evaluations]
    files.write_rows(out.evaluations, HEADER, rows)
    # The phases of a method may have different metrics.
    names = list(dict.fromkeys(name for row in run.metrics for name in row))
    metrics = [[row.get(name, "") for name in names] for row in run.metrics]
    files.write_rows(out.metrics, names, metrics)
    episodes = run.online.episodes if run.online else []
    files.write_rows(out.episodes, HEADER, [astuple(row) for row in episodes])
    networks = checkpoint.networks(run.state, run.replay.scaler)
    checkpoint.write_tensors(out.policy, networks | run.before)
    sha, dirty = machine.commit()
    if run.online:
        print(run.online.seconds)
    online = run.online.seconds if run.online else Seconds()
    seconds = run.seconds + online.updates
    # A run whose seeds have all diverged ends early.
    updates = run.settings.updates + run.online.updates if run.online else run.step
    files.write_json(
        out.record,
        {
            "status": "diverged" if run.diverged else "done",
            "diverged": {str(seed): step for seed, step in run.diverged.items()},
            "settings": run.settings.model_dump(mode="json"),
            "config": asdict(run.config),
            "versions": machine.versions(),
            "commit": sha,
            "dirty": dirty,
            "machine": machine.machine(),
            "updates_per_second": round(updates / seconds, 2),
            "update_seconds": round(seconds, 2),
            "peak_memory_mb": machine.peak_memory_mb(),
            **({"online_seconds": asdict(online)} if run.online else {}),
            **record,
        },
    )

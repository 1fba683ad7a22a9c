"""The results of a finished run: episodes, training curves, networks, and the sealed record."""

from __future__ import annotations

from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from bench import files
from bench.files import sealed
from bench.paths import RunFolder
from bench.records import machine, seals
from bench.records.stored_run import FolderRun
from bench.training import checkpoint
from bench.training.evaluate import HEADER
from bench.training.online.phase import Seconds
from bench.training.run import Run


def record_of(run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    """Return the content of run.json but for its sums; `facts` are those of the job."""
    if run.online:
        print(run.online.seconds)
    online = run.online.seconds if run.online else Seconds()
    seconds = run.seconds + online.updates
    # A run whose seeds have all diverged ends early.
    updates = run.settings.updates + run.online.updates if run.online else run.step
    last = run.attempts[-1] if run.attempts else machine.attempt()
    return {
        "status": "diverged" if run.diverged else "done",
        "diverged": {str(seed): step for seed, step in run.diverged.items()},
        "settings": run.settings.model_dump(mode="json"),
        "config": asdict(run.config),
        **{key: last[key] for key in ("versions", "commit", "dirty", "machine")},
        "updates_per_second": round(updates / seconds, 2),
        "update_seconds": round(seconds, 2),
        "peak_memory_mb": machine.peak_memory_mb(),
        **({"online_seconds": asdict(online)} if run.online else {}),
        **facts,
        "attempts": run.attempts,
        "finished": machine.now(),
    }


def write(run: Run, folder: Path, record: dict[str, Any]) -> None:
    """Write the results and seal them; equal runs and records give equal bytes.

    run.json comes last, so where it exists the rest is complete.
    """
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
    files.write_json(out.record, sealed({**record, seals.FILES: seals.sums(folder)}))


def is_finished(folder: Path, identity: str) -> bool:
    """Return whether `folder` holds the finished run of this identity, as it was sealed."""
    out = FolderRun(folder)
    if not RunFolder(folder).record.exists():
        return False
    if out.problem() is None and out.record().get("identity") == identity:
        return True
    print(f"{folder}: has another run, or files that do not match its seal; replacing them")
    return False

"""The training job of one block of seeds of a (method, task); the same code serves all methods.

It trains offline and then, if the settings say so, online (bench.training.online.phase). Metrics
and evaluations happen at multiples of `log_every`, where the batch generators have just drawn a
whole chunk. A job that is asked to stop does so after its current update, or within its current
evaluation, which is later repeated. On a CPU, a run that is killed and resumed is bit-identical to
an uninterrupted one.

The last checkpoint holds the record too, so that a finished run whose files were deleted, as
Snakemake does before it repeats a job, is written again to the byte instead of being made anew.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

import torch

from bench.config import registry
from bench.config.task import Task
from bench.config.types import Settings
from bench.data.transitions import Transitions, check_card, content_hash
from bench.errors import BenchError
from bench.paths import LIVE, ONLINE_ROWS, RunFolder
from bench.records import machine
from bench.training import checkpoint, outputs
from bench.training.device import device_record
from bench.training.engine import can_compile, choose_executor, prepare_process
from bench.training.job_process import StopRequest, alone
from bench.training.kept_hash import hash_of
from bench.training.live import Live
from bench.training.loop import Work
from bench.training.method_contract import is_on_policy
from bench.training.products.choice import Products
from bench.training.run import Run, length


def train(
    settings: Settings,
    data_folder: Path,
    folder: Path,
    device: str,
    threads: int,
    checkpoint_every: float,
    start: Path | None = None,
    row: Task | None = None,
) -> None:
    """Run or continue one block and write its results to `folder`.

    `checkpoint_every` is in seconds; `start` is the folder of a finished run to start from;
    `row` is the task's row of config/tasks.tsv, kept in run.json for the reference scores.
    Raises SystemExit(75) after SIGTERM or Ctrl-C, once the checkpoint is written, and BenchError
    where the data does not match its card or has been replaced by the end of the run.
    """
    began, stop = time.perf_counter(), StopRequest.on_signals()
    prepare_process(threads, settings.precision, device)
    data = Transitions.load(data_folder)
    executor = _executor(settings, torch.device(device))
    dataset_hash, code = content_hash(data), hash_of(settings.method, settings.task.env_id)
    check_card(data_folder, dataset_hash)
    identity = _identity(settings, dataset_hash, code, device)
    path = RunFolder(folder).checkpoint
    with alone(folder, stop):
        if outputs.is_finished(folder, identity):
            print(f"{folder}: already finished; nothing to do")
            return
        fixed = settings.executor != "auto"
        products = Products.of(settings, device, executor)
        run = Run(settings, data, torch.device(device), executor, fixed, products)
        resumed = run.resume(path, identity)
        if run.finished is not None:  # its files have been deleted or changed since
            outputs.write(run, folder, run.finished)
            return
        if start is not None and not resumed:
            run.start(start, dataset_hash)
        begun = {"phase": run.phase, "step": run.step}
        run.attempts.append({**machine.attempt(), **device_record(run.device), **begun})
        live = Live(path.with_name(LIVE), run, resumed)
        work = Work(run, path, identity, checkpoint_every, stop, live)
        if run.phase == "offline":
            work(settings.updates, settings.evaluation)
        if settings.online is not None and not run.lost:
            run.go_online()
            work(settings.online.steps, settings.online)
        if content_hash(Transitions.load(data_folder)) != dataset_hash:
            raise BenchError(
                f"{data_folder}: was replaced while this run trained on it, so its results are "
                "not written; run again to train on the current data."
            )
        facts = {
            **({"task": row.model_dump(mode="json")} if row else {}),
            "dataset_hash": dataset_hash,
            "source_hash": code,
            **device_record(run.device),
            "joules": work.meter.joules(),
            "threads": threads,
            "executor": run.executor,
            **({"not_recorded": run.not_recorded} if run.not_recorded else {}),
            **({"products": run.products.record()} if run.products.chosen else {}),
            "resumed": int(resumed),
            "wall_seconds": round(time.perf_counter() - began, 2),
            "identity": identity,
        }
        run.finished = outputs.record_of(run, facts)
        run.save(path, identity)
        outputs.write(run, folder, run.finished)
        live.close()
        checkpoint.previous(path).unlink(missing_ok=True)
        path.with_name(ONLINE_ROWS).unlink(missing_ok=True)  # not needed once the run is finished


def _executor(settings: Settings, device: torch.device) -> str:
    """Return the executor to begin with; raise BenchError where the chosen one is impossible."""
    chosen: str = settings.executor
    if is_on_policy(registry.load(settings.method)):
        if chosen not in ("auto", "eager"):
            raise BenchError(
                f"executor: '{chosen}' is not possible for {settings.method}, whose update takes "
                "many steps; use 'auto' or 'eager'."
            )
        return "eager"
    if chosen == "compiled" and not can_compile(device):
        raise BenchError(
            "executor: 'compiled' needs a C++ compiler and Python's headers (python3-dev); install "
            "both, name the compiler in CXX, or use 'auto'."
        )
    if chosen == "auto":
        return choose_executor(length(settings), device, settings.precision)
    return chosen


def _identity(settings: Settings, dataset_hash: str, code: str, device: str) -> str:
    """Return the hash of all that decides the numbers of a run.

    A finished run of the same identity is never written anew; one of another is replaced.
    """
    versions = machine.versions()
    libraries = json.dumps({name: versions[name] for name in machine.NUMERICAL})
    parts = [settings.model_dump_json(), dataset_hash, code, libraries]
    if device != "cpu":
        parts.append("numbers drawn on the GPU")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

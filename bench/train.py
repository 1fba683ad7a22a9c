"""The training loop: one for all methods, for one block of seeds of one (method, task).

Whatever happens between two updates (metrics, evaluation, checkpoint) happens at a
multiple of `log_every`, where the batch generators have just drawn a whole chunk. A run
that is killed and resumed therefore repeats the uninterrupted one bit for bit on a CPU.
"""

from __future__ import annotations

import hashlib
import signal
import time
from dataclasses import asdict, astuple, fields
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from bench import checkpoint, methods, records
from bench.contract import make_actor, make_replay
from bench.engine import Engine, choose_executor, prepare_process
from bench.envs import Evaluator
from bench.evaluate import HEADER, EpisodeRow, evaluate
from bench.learner import Learner
from bench.probes import Probes
from bench.progress import Progress
from bench.rng import Streams
from bench.suite import Settings, block_name
from bench.transitions import Transitions, content_hash
from bench.types import Spec

INTERRUPTED = 75  # exit status: try again (EX_TEMPFAIL)
PURPOSES = ("batches", "noise")


class Run:
    """One block of seeds on its way from `step` 0 to `settings.updates`."""

    def __init__(
        self,
        settings: Settings,
        data: Transitions,
        device: torch.device,
        executor: str = "recorded",
    ):
        self.settings, self.device = settings, device
        self.method: ModuleType = methods.load(settings.method)
        self.config = self.method.Config(**as_tuples(settings.config))
        self.replay = make_replay(
            self.method, data, self.config, settings.rewards, settings.observations, device
        )
        spec = Spec(data.observations.shape[1], data.actions.shape[1], len(self.replay))
        self.streams = {p: Streams(settings.seeds, p, device) for p in PURPOSES}
        first = Streams(settings.seeds, "initialisation", device)
        self.state = self.method.init(spec, self.config, first, settings.updates)
        self.engine = Engine(
            self.method, self.state, self.config, self.replay, self.streams["noise"], executor
        )
        self.probes = Probes(self.method, settings.task.env_id, data, self.replay)
        self.step = 0
        self.metrics: list[dict[str, float]] = []  # one row a log point and seed
        self.evaluations: list[EpisodeRow] = []
        self.diverged: dict[int, int] = {}  # seed -> step
        self.seconds = 0.0  # of updates alone

    def advance(self) -> None:
        """The next `log_every` updates, and a row of metrics per seed."""
        began = time.perf_counter()
        size = self.settings.batch_size
        rows = self.replay.draw(self.streams["batches"], self.settings.log_every, size)
        metrics: dict[str, Tensor] = {}
        for batch_rows in rows.to(self.device):
            metrics = self.engine(batch_rows)
        self.step += len(rows)
        values = torch.stack(list(metrics.values()), dim=1).tolist()  # (S, metrics)
        self.seconds += time.perf_counter() - began
        for seed, row in zip(self.settings.seeds, values, strict=True):
            self.metrics.append(
                {"step": self.step, "seed": seed} | dict(zip(metrics, row, strict=True))
            )
            if seed not in self.diverged and not torch.tensor(row).isfinite().all():
                self.diverged[seed] = self.step
                print(f"seed {seed}: non-finite loss by update {self.step:,}", flush=True)

    def evaluate(self, evaluator: Evaluator) -> None:
        """Score every seed that has not diverged, and add the probes to the last metrics."""
        settings, episodes = self.settings, self.settings.evaluation.episodes
        noise = Streams(settings.seeds, f"actions of evaluation {self.step}", self.device)
        actor = make_actor(self.method, self.state, self.config, noise, episodes)
        rows = evaluate(
            evaluator, actor, self.replay.scaler, settings.seeds, self.step, episodes, self.device
        )
        self.evaluations += [row for row in rows if row.seed not in self.diverged]
        seeds = len(settings.seeds)
        probes = self.probes(self.state, self.config, seeds)
        for metrics, measured in zip(self.metrics[-seeds:], probes, strict=True):
            metrics |= measured

    def save(self, path: Path, identity: str) -> None:
        """Write the checkpoint."""
        tensors = checkpoint.state_tensors(self.state)
        tensors |= {f"streams.{name}": s.state() for name, s in self.streams.items()}
        record = {
            "identity": identity,
            "step": self.step,
            "seconds": self.seconds,
            "metrics": self.metrics,
            "evaluations": [astuple(row) for row in self.evaluations],
            "diverged": list(self.diverged.items()),
        }
        checkpoint.save(path, tensors, record)

    def resume(self, path: Path, identity: str) -> bool:
        """Continue from the checkpoint, if there is one of this very run."""
        found = checkpoint.load(path, identity)
        if found is None:
            return False
        tensors, record = found
        checkpoint.restore_state(self.state, tensors)
        for name, streams in self.streams.items():
            streams.restore(tensors[f"streams.{name}"])
        self.step, self.seconds = record["step"], record["seconds"]
        self.metrics = record["metrics"]
        self.evaluations = [EpisodeRow(*row) for row in record["evaluations"]]
        self.diverged = dict(record["diverged"])
        return True


def train(
    settings: Settings,
    data_folder: Path,
    folder: Path,
    device: str,
    threads: int,
    checkpoint_every: float,
    executor: str = "auto",
) -> None:
    """Run or continue one block and write its results to `folder`.

    `checkpoint_every` is in seconds. Raises SystemExit(75) after a SIGTERM or Ctrl-C, once the
    checkpoint is written.
    """
    began = time.perf_counter()
    prepare_process(threads, settings.precision)
    data = Transitions.load(data_folder)
    if executor == "auto":
        executor = choose_executor(settings.updates, torch.device(device))
    run = Run(settings, data, torch.device(device), executor)
    dataset_hash, code = content_hash(data), records.source_hash(settings.method)
    identity = _identity(settings, dataset_hash, code)
    path = folder / "checkpoint.safetensors"
    resumed = run.resume(path, identity)
    stop = _stop_flag()
    evaluator = Evaluator(settings.task.env_id, len(settings.seeds), settings.evaluation.episodes)
    label = f"{settings.suite}/{settings.method}/{settings.task.task}/{block_name(settings.seeds)}"
    saved = time.monotonic()
    with Progress(label, settings.updates, "updates", run.step) as progress:
        while run.step < settings.updates:
            run.advance()
            if run.step % settings.evaluation.every == 0 or run.step == settings.updates:
                run.evaluate(evaluator)
            progress(settings.log_every)
            if stop or time.monotonic() - saved >= checkpoint_every:
                run.save(path, identity)
                saved = time.monotonic()
            if stop:
                print(f"stopped by a signal at update {run.step:,}; run again to continue")
                raise SystemExit(INTERRUPTED)
    evaluator.close()
    run.save(path, identity)
    record = {
        "dataset_hash": dataset_hash,
        "source_hash": code,
        "device": _device_name(torch.device(device)),
        "threads": threads,
        "executor": executor,
        "resumed": int(resumed),
        "wall_seconds": round(time.perf_counter() - began, 2),
    }
    _write_results(run, folder, record)


def _write_results(run: Run, folder: Path, record: dict[str, Any]) -> None:
    """run.json is written last: where it is, the rest is whole."""
    rows = [astuple(row) for row in run.evaluations]
    records.write_rows(folder / "evaluations.csv", HEADER, rows)
    # The phases of a method may have different metrics.
    names = list(dict.fromkeys(name for row in run.metrics for name in row))
    metrics = [[row.get(name, "") for name in names] for row in run.metrics]
    records.write_rows(folder / "metrics.csv", names, metrics)
    save_file(_networks(run), folder / "policy.safetensors")
    sha, dirty = records.commit()
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
            "updates_per_second": round(run.step / run.seconds, 2),
            "update_seconds": round(run.seconds, 2),
            "peak_memory_mb": records.peak_memory_mb(),
            **record,
        },
    )


def _networks(run: Run) -> dict[str, Tensor]:
    """The parameters of every network by field of the state, and the observations' scale."""
    tensors = {
        f"{field.name}.{name}": tensor.cpu().contiguous()
        for field in fields(run.state)
        if isinstance(part := getattr(run.state, field.name), Learner)
        for name, tensor in part.net.state_dict().items()
    }
    scaler = run.replay.scaler
    return tensors | {
        "observation.mean": scaler.mean.cpu(),
        "observation.scale": scaler.scale.cpu(),
    }


def as_tuples(config: dict[str, Any]) -> dict[str, Any]:
    """YAML and JSON know lists only; a frozen Config wants tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}


def _identity(settings: Settings, dataset_hash: str, code: str) -> str:
    parts = (settings.model_dump_json(), dataset_hash, code, torch.__version__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _stop_flag() -> list[int]:
    """A list that becomes non-empty when a scheduler or a person asks the job to stop."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, note)
    return received

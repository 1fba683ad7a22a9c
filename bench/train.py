"""The training loop: one for all methods, for one block of seeds of one (method, task), offline and
then, where the settings say so, online (bench.online).

Whatever happens between two updates (metrics, evaluation, checkpoint) happens at a
multiple of `log_every`, where the batch generators have just drawn a whole chunk. A run
that is killed and resumed therefore repeats the uninterrupted one bit for bit on a CPU.
"""

from __future__ import annotations

import hashlib
import signal
import time
from dataclasses import asdict, astuple
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import torch
from torch import Tensor

from bench import checkpoint, methods, online, records, results
from bench.contract import make_actor, make_replay
from bench.engine import Engine, choose_executor, prepare_process
from bench.envs import Evaluator
from bench.evaluate import EpisodeRow, evaluate, purpose
from bench.online import OnlinePhase
from bench.probes import Probes
from bench.progress import Progress
from bench.rng import Streams
from bench.start import OFFLINE, SHARED, TASK, networks_before, offline_end
from bench.suite import Evaluation, Online, Settings, block_name
from bench.transitions import Transitions, content_hash
from bench.types import Spec

INTERRUPTED = 75  # exit status: try again (EX_TEMPFAIL)
PURPOSES = ("batches", "noise")
ROWS = "online.rows"  # what the online phase has added, beside the checkpoint


class Run:
    """One block of seeds on its way through `settings.updates`, and then its online phase."""

    def __init__(
        self,
        settings: Settings,
        data: Transitions,
        device: torch.device,
        executor: str = "recorded",
    ):
        self.settings, self.device, self.executor = settings, device, executor
        self.method: ModuleType = methods.load(settings.method)
        self.config = self.method.Config(**as_tuples(settings.config))
        self.replay = make_replay(
            self.method, data, self.config, settings.rewards, settings.observations, device
        )
        spec = Spec(data.observations.shape[1], data.actions.shape[1], len(self.replay))
        self.streams = {p: Streams(settings.seeds, p, device) for p in PURPOSES}
        first = Streams(settings.seeds, "initialisation", device)
        self.state = self.method.init(spec, self.config, first, length(settings))
        self.engine = Engine(
            self.method, self.state, self.config, self.replay, self.streams["noise"], executor
        )
        self.probes = Probes(self.method, settings.task.env_id, data, self.replay)
        self.step = 0  # of the phase
        self.online: OnlinePhase | None = None
        self.before: dict[str, Tensor] = {}  # the networks before the online phase
        self.metrics: list[dict[str, float | str]] = []  # one row a log point and seed
        self.evaluations: list[EpisodeRow] = []
        self.diverged: dict[int, int] = {}  # seed -> step
        self.seconds = 0.0  # of offline updates alone

    @property
    def phase(self) -> str:
        """offline or online."""
        return "online" if self.online else "offline"

    def go_online(self) -> None:
        """Begin the online phase, if the settings have one."""
        if self.settings.online is None or self.online is not None:
            return
        self.before = {f"{OFFLINE}{k}": v.clone() for k, v in results.networks(self).items()}
        self.online = online.begin(
            self.settings, self.method, self.state, self.config, self.replay, self.streams,
            self.executor,
        )  # fmt: skip
        self.step = 0

    def advance(self) -> None:
        """The next `log_every` updates, and a row of metrics per seed."""
        count = self.settings.log_every
        metrics = self.online.advance(count) if self.online else self._learn(count)
        self.step += count
        if not metrics:
            return  # online, before the first update
        values = torch.stack(list(metrics.values()), dim=1).tolist()  # (S, metrics)
        for seed, row in zip(self.settings.seeds, values, strict=True):
            place: dict[str, float | str] = {"phase": self.phase, "step": self.step, "seed": seed}
            self.metrics.append(place | dict(zip(metrics, row, strict=True)))
            if seed not in self.diverged and not torch.tensor(row).isfinite().all():
                self.diverged[seed] = self.step
                print(
                    f"seed {seed}: non-finite loss by {self.phase} step {self.step:,}", flush=True
                )

    def _learn(self, updates: int) -> dict[str, Tensor]:
        began = time.perf_counter()
        rows = self.replay.draw(self.streams["batches"], updates, self.settings.batch_size)
        metrics: dict[str, Tensor] = {}
        for batch_rows in rows.to(self.device):
            metrics = self.engine(batch_rows)
        self.seconds += time.perf_counter() - began
        return metrics

    def evaluate(self, evaluator: Evaluator) -> None:
        """Score every seed that has not diverged, and add the probes to the last metrics."""
        settings, episodes = self.settings, evaluator.shape[1]
        name = f"actions of {purpose(self.phase, self.step)}"
        noise = Streams(settings.seeds, name, self.device)
        actor = make_actor(self.method, self.state, self.config, noise, episodes)
        rows = evaluate(
            evaluator, actor, self.replay.scaler, settings.seeds, self.step, episodes, self.device,
            self.phase,
        )  # fmt: skip
        self.evaluations += [row for row in rows if row.seed not in self.diverged]
        seeds = len(settings.seeds)
        if self.metrics and self.metrics[-1]["step"] == self.step:  # else no update has been made
            probes = self.probes(self.state, self.config, seeds)
            for metrics, measured in zip(self.metrics[-seeds:], probes, strict=True):
                metrics |= measured

    def save(self, path: Path, identity: str) -> None:
        """Write the checkpoint, and beside it what an online phase has added to its buffer."""
        tensors = checkpoint.state_tensors(self.state) | self.before
        tensors |= {f"streams.{name}": s.state() for name, s in self.streams.items()}
        record = {
            "identity": identity,
            "phase": self.phase,
            "step": self.step,
            "seconds": self.seconds,
            "metrics": self.metrics,
            "evaluations": [astuple(row) for row in self.evaluations],
            "diverged": list(self.diverged.items()),
        }
        if self.online:
            record["online"] = self.online.save(path.with_name(ROWS))
            tensors |= self.online.tensors()
        checkpoint.save(path, tensors, record)

    def resume(self, path: Path, identity: str) -> bool:
        """Continue from the checkpoint, if there is one of this very run."""
        found = checkpoint.load(path, identity)
        if found is None:
            return False
        tensors, record = found
        if record["phase"] == "online":
            self.go_online()
            assert self.online is not None
            if not self.online.restore(path.with_name(ROWS), record["online"], tensors):
                print(f"{path.with_name(ROWS)}: not what it was; starting afresh", flush=True)
                self.online, self.before = None, {}
                return False
            self.before = {k: v for k, v in tensors.items() if k.startswith(OFFLINE)}
        self.restore(tensors, record)
        return True

    def restore(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """All but the online phase, from a checkpoint of this run or of one to start from."""
        checkpoint.restore_state(self.state, tensors)
        for name, streams in self.streams.items():
            streams.restore(tensors[f"streams.{name}"])
        self.step, self.seconds = record["step"], record["seconds"]
        self.metrics = record["metrics"]
        self.evaluations = [EpisodeRow(*row) for row in record["evaluations"]]
        self.diverged = dict(record["diverged"])

    def start(self, folder: Path, dataset_hash: str) -> None:
        """Begin where the finished run in `folder` ended offline."""
        settings, method = self.settings, self.settings.method
        task = settings.task.model_dump(mode="json")
        wanted = {"method": methods.START.get(method, method)} | {k: task[k] for k in TASK}
        wanted |= {"seeds": list(settings.seeds), "dataset_hash": dataset_hash}
        wanted |= {key: getattr(settings, key) for key in SHARED}
        if method in methods.START:
            wanted |= {f"config.{k}": getattr(self.config, k) for k in ("hidden", "discount")}
            found = networks_before(folder, wanted)
            self.method.adopt(self.state, found, self.config)
            return
        wanted |= {"updates": settings.updates, "batch_size": settings.batch_size}
        wanted |= {f"config.{key}": value for key, value in asdict(self.config).items()}
        self.restore(*offline_end(folder, wanted, self.state))


def length(settings: Settings) -> int:
    """Updates of both phases."""
    return settings.updates + (settings.online.steps if settings.online else 0)


def train(
    settings: Settings,
    data_folder: Path,
    folder: Path,
    device: str,
    threads: int,
    checkpoint_every: float,
    executor: str = "auto",
    start: Path | None = None,
) -> None:
    """Run or continue one block and write its results to `folder`.

    `checkpoint_every` is in seconds; `start` is the folder of a finished run to begin from.
    Raises SystemExit(75) after a SIGTERM or Ctrl-C, once the checkpoint is written.
    """
    began = time.perf_counter()
    prepare_process(threads, settings.precision)
    data = Transitions.load(data_folder)
    if executor == "auto":
        executor = choose_executor(length(settings), torch.device(device))
    run = Run(settings, data, torch.device(device), executor)
    dataset_hash, code = content_hash(data), records.source_hash(settings.method)
    identity = _identity(settings, dataset_hash, code)
    path = folder / "checkpoint.safetensors"
    resumed = run.resume(path, identity)
    if start is not None and not resumed:
        run.start(start, dataset_hash)
    work = _Work(run, path, identity, checkpoint_every)
    if run.phase == "offline":
        work(settings.updates, settings.evaluation)
    if settings.online is not None:
        run.go_online()
        work(settings.online.steps, settings.online)
    run.save(path, identity)
    record = {
        "dataset_hash": dataset_hash,
        "source_hash": code,
        "device": results.device_name(torch.device(device)),
        "threads": threads,
        "executor": executor,
        "resumed": int(resumed),
        "wall_seconds": round(time.perf_counter() - began, 2),
    }
    results.write(run, folder, record)
    path.with_name(ROWS).unlink(missing_ok=True)  # a finished run needs them no more


class _Work:
    """The loop of a phase, interrupted by evaluations, checkpoints and signals."""

    def __init__(self, run: Run, path: Path, identity: str, checkpoint_every: float):
        self.run, self.path, self.identity = run, path, identity
        self.checkpoint_every = checkpoint_every
        self.stop = _stop_flag()
        self.saved = time.monotonic()

    def __call__(self, steps: int, evaluation: Evaluation | Online) -> None:
        run, cell = self.run, self.run.settings
        label = f"{cell.suite}/{cell.method}/{cell.task.task}/{block_name(cell.seeds)}"
        evaluator = Evaluator(cell.task.env_id, len(cell.seeds), evaluation.episodes)
        if steps == 0:
            run.evaluate(evaluator)  # a method without an offline phase, before its first step
        unit = "updates" if run.phase == "offline" else "steps"
        with Progress(label, max(steps, 1), unit, run.step) as progress:
            while run.step < steps:
                run.advance()
                if run.step % evaluation.every == 0 or run.step == steps:
                    run.evaluate(evaluator)
                progress(cell.log_every)
                if self.stop or time.monotonic() - self.saved >= self.checkpoint_every:
                    run.save(self.path, self.identity)
                    self.saved = time.monotonic()
                if self.stop:
                    place = f"{run.phase} step {run.step:,}"
                    print(f"stopped by a signal at {place}; run again to continue")
                    raise SystemExit(INTERRUPTED)
        evaluator.close()


def as_tuples(config: dict[str, Any]) -> dict[str, Any]:
    """YAML and JSON know lists only; a frozen Config wants tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}


def _identity(settings: Settings, dataset_hash: str, code: str) -> str:
    parts = (settings.model_dump_json(), dataset_hash, code, torch.__version__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _stop_flag() -> list[int]:
    """A list that becomes non-empty when a scheduler or a person asks the job to stop."""
    received: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        received.append(number)

    for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT):
        signal.signal(number, note)
    return received

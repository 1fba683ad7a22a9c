"""The training loop: one for all methods, for one block of seeds of one (method, task), offline and
then, where the settings say so, online (bench.online).

Metrics and evaluations happen at a multiple of `log_every`, where the batch generators have just
drawn a whole chunk. A job that is asked to stop does so after its current update, or in its
current evaluation, which is then begun anew. A run that is killed and resumed repeats the
uninterrupted one bit for bit on a CPU.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, astuple
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench import checkpoint, methods, off_policy, on_policy, results
from bench.contract import is_on_policy, make_actor, make_replay
from bench.engine import Engine, choose_executor, prepare_process
from bench.envs import Evaluator
from bench.errors import BenchError
from bench.evaluate import EpisodeRow, evaluate, purpose
from bench.online import Phase
from bench.probes import Probes
from bench.process import NEVER, StopRequest, alone
from bench.rng import Streams
from bench.source_hash import source_hash
from bench.start import OFFLINE, SHARED, TASK, networks_before, offline_end
from bench.suite import Settings
from bench.task import Task
from bench.transitions import Transitions, check_card, content_hash
from bench.types import Spec
from bench.work import Work

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
        self.online: Phase | None = None
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
        kind = on_policy if is_on_policy(self.method) else off_policy
        self.online = kind.begin(self.settings, self.engine, self.streams["batches"])
        self.step = 0

    @property
    def lost(self) -> bool:
        """Whether no seed is left that learns."""
        return len(self.diverged) == len(self.settings.seeds)

    @property
    def scored(self) -> bool:
        """Whether this step has been evaluated."""
        return any((row.phase, row.step) == (self.phase, self.step) for row in self.evaluations)

    def advance(self, stop: StopRequest = NEVER) -> int:
        """The steps to the next multiple of `log_every`, and there a row of metrics per seed.

        Returns how many. Stops after the current one once `stop` is set.
        """
        every = self.settings.log_every
        count = every - self.step % every
        learn = self.online.advance if self.online else self._learn
        done, metrics = learn(count, stop)
        self.step += done
        if done < count or not metrics:
            return done  # online, there are none before the first update
        values = torch.stack(list(metrics.values()), dim=1).tolist()  # (S, metrics)
        for seed, row in zip(self.settings.seeds, values, strict=True):
            place: dict[str, float | str] = {"phase": self.phase, "step": self.step, "seed": seed}
            self.metrics.append(place | dict(zip(metrics, row, strict=True)))
            if seed not in self.diverged and not torch.tensor(row).isfinite().all():
                self.diverged[seed] = self.step
                print(
                    f"seed {seed}: non-finite loss by {self.phase} step {self.step:,}", flush=True
                )
        return done

    def _learn(self, count: int, stop: StopRequest) -> tuple[int, dict[str, Tensor]]:
        """The last `count` updates of a chunk of `log_every`."""
        began, settings, streams = time.perf_counter(), self.settings, self.streams["batches"]
        before = streams.state()
        rows = self.replay.draw(streams, settings.log_every, settings.batch_size)[-count:]
        done, metrics = 0, {}
        for batch_rows in rows.to(self.device):
            metrics = self.engine(batch_rows)
            done += 1
            if stop.is_set:
                break
        if done < count:
            streams.restore(before)  # the rest of the chunk is drawn again
        self.seconds += time.perf_counter() - began
        return done, metrics

    def evaluate(self, evaluator: Evaluator, stop: StopRequest = NEVER) -> None:
        """Score every seed that has not diverged, and add the probes to the last metrics.

        Raises Stopped, with nothing changed, once `stop` is set.
        """
        settings, episodes = self.settings, evaluator.shape[1]
        name = f"actions of {purpose(self.phase, self.step)}"
        noise = Streams(settings.seeds, name, self.device)
        actor = make_actor(self.method, self.state, self.config, noise, episodes)
        rows = evaluate(
            evaluator, actor, self.replay.scaler, settings.seeds, self.step, episodes, self.device,
            self.phase, stop,
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
        begins = methods.entry_of(method).starts_from
        task = settings.task.model_dump(mode="json")
        wanted = {"method": begins or method} | {k: task[k] for k in TASK}
        wanted |= {"seeds": list(settings.seeds), "dataset_hash": dataset_hash}
        wanted |= {key: getattr(settings, key) for key in SHARED}
        if begins:
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
    row: Task | None = None,
) -> None:
    """Run or continue one block and write its results to `folder`.

    `checkpoint_every` is in seconds; `start` is the folder of a finished run to begin from;
    `row` is the task's row of config/tasks.tsv, kept in run.json for the reference scores.
    Raises SystemExit(75) after a SIGTERM or Ctrl-C, once the checkpoint is written, and BenchError
    where the data are not those of their card, or are others in the end.
    """
    began, stop = time.perf_counter(), StopRequest.on_signals()
    prepare_process(threads, settings.precision, device)
    data = Transitions.load(data_folder)
    if executor == "auto":
        executor = choose_executor(length(settings), torch.device(device), settings.precision)
    if is_on_policy(methods.load(settings.method)):
        executor = "eager"  # no recording holds an update of many steps
    dataset_hash, code = content_hash(data), source_hash(settings.method)
    check_card(data_folder, dataset_hash)
    identity = _identity(settings, dataset_hash, code)
    path = folder / "checkpoint.safetensors"
    with alone(folder, stop):
        run = Run(settings, data, torch.device(device), executor)
        resumed = run.resume(path, identity)
        if start is not None and not resumed:
            run.start(start, dataset_hash)
        work = Work(run, path, identity, checkpoint_every, stop)
        if run.phase == "offline":
            work(settings.updates, settings.evaluation)
        if settings.online is not None and not run.lost:
            run.go_online()
            work(settings.online.steps, settings.online)
        if content_hash(Transitions.load(data_folder)) != dataset_hash:
            raise BenchError(
                f"{data_folder}: was replaced while this run trained on it, so that its results "
                "are not written; run again to train on what is there now."
            )
        run.save(path, identity)
        record = {
            **({"task": row.model_dump(mode="json")} if row else {}),
            "dataset_hash": dataset_hash,
            "source_hash": code,
            **results.device_record(run.device),
            "joules": work.meter.joules(),
            "threads": threads,
            "executor": executor,
            "resumed": int(resumed),
            "wall_seconds": round(time.perf_counter() - began, 2),
        }
        results.write(run, folder, record)
        checkpoint.previous(path).unlink(missing_ok=True)
        path.with_name(ROWS).unlink(missing_ok=True)  # a finished run needs them no more


def as_tuples(config: dict[str, Any]) -> dict[str, Any]:
    """YAML and JSON know lists only; a frozen Config wants tuples."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in config.items()}


def _identity(settings: Settings, dataset_hash: str, code: str) -> str:
    parts = (settings.model_dump_json(), dataset_hash, code, torch.__version__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

"""One block of seeds through both phases: state, streams, metrics, checkpoints."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, astuple
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from bench.config import registry
from bench.config.types import Settings
from bench.config.validation import configure
from bench.data.transitions import Transitions
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.paths import ONLINE_ROWS
from bench.training import checkpoint
from bench.training.cards.draws import CardStreams
from bench.training.engine import Engine
from bench.training.evaluate import EpisodeRow, evaluate, purpose
from bench.training.initial_run import OFFLINE, SHARED, TASK, networks_before, offline_end
from bench.training.job_process import NEVER, StopRequest
from bench.training.maze_probes import Probes
from bench.training.method_contract import is_on_policy, make_actor, make_replay
from bench.training.online import off_policy, on_policy
from bench.training.online.phase import Phase
from bench.training.products.choice import Products
from bench.training.rollout import Evaluator

PURPOSES = ("batches", "noise")


class Run:
    """The training of one block of seeds: `settings.updates` updates, then the online phase."""

    def __init__(
        self,
        settings: Settings,
        data: Transitions,
        device: torch.device,
        executor: str = "recorded",
        fixed: bool = True,
        products: Products | None = None,
        draw_on_card: bool = True,
    ):
        self.settings, self.device = settings, device
        self.method: ModuleType = registry.load(settings.method)
        self.config = configure(self.method.Config, settings.config, "--settings")
        self.replay = make_replay(
            self.method, data, self.config, settings.rewards, settings.observations, device
        )
        spec = Spec(data.observations.shape[1], data.actions.shape[1], len(self.replay))
        # A comparison of devices needs the processor's numbers on both.
        kind = CardStreams if device.type == "cuda" and draw_on_card else Streams
        self.streams: dict[str, Streams] = {p: kind(settings.seeds, p, device) for p in PURPOSES}
        first = Streams(settings.seeds, "initialisation", device)
        self.state = self.method.init(spec, self.config, first, length(settings))
        self.engine = Engine(
            self.method, self.state, self.config, self.replay, self.streams["noise"], executor,
            fixed, settings.seeds[0], products,
        )  # fmt: skip
        self.probes = Probes(self.method, settings.task.env_id, data, self.replay)
        self.step = 0  # within the phase
        self.online: Phase | None = None
        self.before: dict[str, Tensor] = {}  # networks before the online phase
        self.metrics: list[dict[str, float | str]] = []  # one row per log point and seed
        self.evaluations: list[EpisodeRow] = []
        self.diverged: dict[int, int] = {}  # seed -> step
        self.seconds = 0.0  # spent in offline updates
        self.attempts: list[dict[str, Any]] = []  # one per process that worked on this run
        self.finished: dict[str, Any] | None = None  # the record of a finished run, but its sums

    @property
    def phase(self) -> str:
        """Current phase: offline or online."""
        return "online" if self.online else "offline"

    @property
    def executor(self) -> str:
        """How updates are executed: eager, recorded or compiled."""
        return (self.online or self).engine.executor

    @property
    def not_recorded(self) -> str:
        """Why updates are executed eagerly, if they could not be recorded."""
        return (self.online or self).engine.reason

    @property
    def products(self) -> Products:
        """The libraries that multiply the matrices of recorded updates."""
        return self.engine.products

    def go_online(self) -> None:
        """Start the online phase, if the settings have one."""
        if self.settings.online is None or self.online is not None:
            return
        networks = checkpoint.networks(self.state, self.replay.scaler)
        self.before = {f"{OFFLINE}{k}": v.clone() for k, v in networks.items()}
        kind = on_policy if is_on_policy(self.method) else off_policy
        self.online = kind.begin(self.settings, self.engine, self.streams["batches"])
        self.step = 0

    @property
    def lost(self) -> bool:
        """Whether every seed has diverged."""
        return len(self.diverged) == len(self.settings.seeds)

    @property
    def scored(self) -> bool:
        """Whether this step has been evaluated."""
        return any((row.phase, row.step) == (self.phase, self.step) for row in self.evaluations)

    def advance(self, stop: StopRequest = NEVER) -> int:
        """Take the steps to the next multiple of `log_every` and log a row of metrics per seed.

        Returns the number of steps. Ends after the current step once `stop` is set.
        """
        every = self.settings.log_every
        count = every - self.step % every
        learn = self.online.advance if self.online else self._learn
        done, metrics = learn(count, stop)
        self.step += done
        if done < count or not metrics:
            return done  # no metrics before the first online update
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
        """Apply the last `count` updates of a chunk of `log_every`."""
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
        """Evaluate every seed that has not diverged, and add the probes to the last metrics.

        A seed with a non-finite return has diverged, as one with a non-finite loss.
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
        for row in rows:
            if row.seed not in self.diverged and not math.isfinite(row.return_):
                self.diverged[row.seed] = self.step
                print(
                    f"seed {row.seed}: non-finite return of episode {row.episode} at {self.phase} "
                    f"step {self.step:,}",
                    flush=True,
                )
        self.evaluations += [row for row in rows if row.seed not in self.diverged]
        (self.online or self).engine.recheck()
        seeds = len(settings.seeds)
        if (
            self.metrics and self.metrics[-1]["step"] == self.step
        ):  # otherwise there has been no update
            probes = self.probes(self.state, self.config, seeds)
            for metrics, measured in zip(self.metrics[-seeds:], probes, strict=True):
                metrics |= measured

    def save(self, path: Path, identity: str) -> None:
        """Write the checkpoint and, beside it, the rows that an online phase added."""
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
            "attempts": self.attempts,
            "finished": self.finished,
            "executor": self.executor,
            "not_recorded": self.not_recorded,
            "products": self.products.chosen,
        }
        if self.online:
            record["online"] = self.online.save(path.with_name(ONLINE_ROWS))
            tensors |= self.online.tensors()
        checkpoint.save(path, tensors, record)

    def resume(self, path: Path, identity: str) -> bool:
        """Continue from this run's checkpoint; return whether there was one."""
        found = checkpoint.load(path, identity)
        if found is None:
            return False
        tensors, record = found
        # From a checkpoint of another machine, which may have had a compiler.
        if record.get("executor", "compiled") != "compiled":
            self.engine.executor, self.engine.reason = record["executor"], record["not_recorded"]
        self.products.restore(record["products"])
        if record["phase"] == "online":
            self.go_online()
            assert self.online is not None
            rows = path.with_name(ONLINE_ROWS)
            if not self.online.restore(rows, record["online"], tensors):
                print(f"{rows}: does not match the checkpoint; starting from scratch", flush=True)
                self.online, self.before = None, {}
                return False
            self.before = {k: v for k, v in tensors.items() if k.startswith(OFFLINE)}
        self.restore(tensors, record)
        self.finished = record["finished"]
        return True

    def restore(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """Restore all but the online phase, from a checkpoint of this or another run."""
        checkpoint.restore_state(self.state, tensors)
        for name, streams in self.streams.items():
            streams.restore(tensors[f"streams.{name}"])
        self.step, self.seconds = record["step"], record["seconds"]
        self.metrics = record["metrics"]
        self.evaluations = [EpisodeRow(*row) for row in record["evaluations"]]
        self.diverged = dict(record["diverged"])
        self.attempts = record.get("attempts", [])  # a run to start from may be older

    def start(self, folder: Path, dataset_hash: str) -> None:
        """Start where the run in `folder` ended offline; raise BenchError on a mismatch."""
        settings, method = self.settings, self.settings.method
        begins = registry.entry_of(method).starts_from
        task = settings.task.model_dump(mode="json")
        wanted = {"method": begins or method} | {k: task.get(k) for k in TASK}
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
    """Return the number of updates in both phases."""
    return settings.updates + (settings.online.steps if settings.online else 0)

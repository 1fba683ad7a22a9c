"""The loop of a training job: updates, evaluations, checkpoints, and requests to stop."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from bench.config.types import Evaluation, Online
from bench.paths import run_name
from bench.progress import Progress
from bench.training import checkpoint, device, energy
from bench.training.engine import StaleRecording
from bench.training.evaluate import Stopped
from bench.training.job_process import INTERRUPTED, StopRequest
from bench.training.live import Live
from bench.training.rollout import Evaluator
from bench.training.run import Run


class Work:
    """Takes a run through its phases; once `stop` is set, saves it and ends the process."""

    def __init__(
        self,
        run: Run,
        path: Path,
        identity: str,
        checkpoint_every: float,
        stop: StopRequest,
        live: Live,
    ):
        self.run, self.path, self.identity, self.stop = run, path, identity, stop
        self.checkpoint_every, self.live = checkpoint_every, live
        self.meter = energy.Meter(device.uuid(run.device))
        self.saved = time.monotonic()

    def __call__(self, steps: int, evaluation: Evaluation | Online) -> None:
        """Train up to `steps`, evaluating on the way and at the end; for 0 steps, evaluate once.

        A task without an environment is trained and not evaluated.
        """
        run, cell = self.run, self.run.settings
        label = f"{cell.suite}/{run_name(cell.method, cell.task.task, cell.seeds)}"
        shape = len(cell.seeds), evaluation.episodes
        evaluator = Evaluator(cell.task.env_id, *shape) if cell.task.scored else None
        unit = "updates" if run.phase == "offline" else "steps"
        with Progress(label, max(steps, 1), unit, run.step) as progress:
            while not run.lost:
                due = run.step == steps or (run.step > 0 and run.step % evaluation.every == 0)
                if evaluator is not None and due and not run.scored:
                    self._evaluate(evaluator)
                elif run.step < steps:
                    progress(self._advance())
                else:
                    break
                self._pause()
        if evaluator is not None:
            evaluator.close()

    def _advance(self) -> int:
        try:
            return self.run.advance(self.stop)
        except StaleRecording:
            checkpoint.remove(self.path)
            raise
        except Exception:
            # A signal to the process group kills a running compiler and with it the update. The
            # state may be half changed, so the previous checkpoint is kept.
            if not self.stop.is_set:
                raise
            self._end("before its update was compiled")

    def _end(self, when: str) -> NoReturn:
        print(f"stopped by a signal {when}; run again to continue")
        raise SystemExit(INTERRUPTED)

    def _evaluate(self, evaluator: Evaluator) -> None:
        with suppress(Stopped):  # repeated when the run continues
            self.run.evaluate(evaluator, self.stop)

    def _pause(self) -> None:
        run = self.run
        self.meter()
        self.live(run)
        stopping = self.stop.is_set  # looked at once: a request between two looks would not save
        if stopping or time.monotonic() - self.saved >= self.checkpoint_every:
            run.save(self.path, self.identity)
            self.saved = time.monotonic()
        if stopping:
            self._end(f"at {run.phase} step {run.step:,}")

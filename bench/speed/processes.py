"""Start measuring processes, keep their rounds in step, and read their results.

A process prints one line of JSON when it is ready and one after each round; a round starts when
the process receives a line. At the end of its input it prints a last line with its facts.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

LIMIT = 900.0  # seconds until a measurement counts as stuck
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would override the library's own choice


class Failure(Exception):
    """Raised when a measuring process ends early; the message gives the reason."""


class Worker:
    """One measuring process."""

    def __init__(self, command: Sequence[str], cache: Path, core: int | None = None):
        self.log = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (`stop` closes it)
        kept = {k: v for k, v in os.environ.items() if k not in KERNELS}
        # Each benchmark has its own cache of compiled code, so that compilation is measured.
        environment = kept | ONE_THREAD | {"TORCHINDUCTOR_CACHE_DIR": str(cache)}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
            env=environment,
        )
        if core is not None:  # threads that start later inherit it
            os.sched_setaffinity(self.process.pid, {core})

    def start_round(self) -> None:
        assert self.process.stdin is not None
        try:
            print(file=self.process.stdin, flush=True)
        except OSError:
            raise Failure(self._reason()) from None

    def measure(self) -> Any:
        self.start_round()
        return self.hear()

    def facts(self) -> Any:
        self.finish()
        return self.hear()

    def finish(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise Failure(self._reason())
        return json.loads(line)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            with suppress(OSError):  # it ended before it read its last line
                pipe.close()
        self.log.close()

    def _reason(self) -> str:
        status = self.process.wait()
        self.log.seek(0)
        return _reason(self.log.read(), status)


def _reason(printed: str, status: int) -> str:
    """Return the last line of standard error with the exit status."""
    lines = printed.strip().splitlines() or ["no message"]
    return f"{lines[-1].strip()} (exit status {status})"


@contextmanager
def _started(
    commands: Sequence[Sequence[str]], cache: Path, core: int | None = None
) -> Iterator[list[Worker]]:
    workers: list[Worker] = []

    def end() -> None:
        for worker in workers:
            worker.process.kill()

    stuck = threading.Timer(LIMIT, end)
    try:
        for command in commands:
            workers.append(Worker(command, cache, core))
        stuck.start()
        yield workers
    finally:
        stuck.cancel()
        for worker in workers:
            worker.stop()


def measure(
    command: Sequence[str], unit: str, rounds: int, jobs: int, cache: Path
) -> dict[str, Any]:
    """Return the sum over `jobs` equal processes of each one's median, all rounds, and their facts.

    All start each round together. A failure returns {"failed": reason}, and a measurement that is
    not possible on this machine {"not_run": reason}.
    """
    values: list[list[float]] = []
    try:
        with _started([command] * jobs, cache) as workers:
            for ready in [worker.hear() for worker in workers]:
                if "not_run" in ready:
                    return {"not_run": ready["not_run"]}
            for _ in range(rounds):
                for worker in workers:
                    worker.start_round()
                values.append([worker.hear() for worker in workers])
            for worker in workers:
                worker.finish()
            facts = [worker.hear() for worker in workers]
    except Failure as failure:
        return {"failed": str(failure)}
    result: dict[str, Any] = {}
    if rounds:
        of_process = [list(rates) for rates in zip(*values, strict=True)]
        result[unit] = sum(statistics.median(rates) for rates in of_process)
        result[f"{unit}_rounds"] = of_process
    peak = max(fact["peak_memory_megabytes"] for fact in facts)
    return result | facts[0] | {"peak_memory_megabytes": peak}


def in_turn(
    commands: Mapping[str, Sequence[str]], unit: str, rounds: int, core: int, cache: Path
) -> dict[str, dict[str, Any]]:
    """Return a result as `measure`'s for each of several processes that share one core.

    They take turns, so that each round of one has its counterpart in every other, under the same
    load of the machine. One that fails, or is not possible, drops out.
    """
    results: dict[str, dict[str, Any]] = {}
    with _started(list(commands.values()), cache, core) as workers:
        named = dict(zip(commands, workers, strict=True))

        def each(ask: Callable[[Worker], Any]) -> dict[str, Any]:
            heard = {}
            for name, worker in named.items():
                if name not in results:
                    try:
                        heard[name] = ask(worker)
                    except Failure as failure:
                        results[name] = {"failed": str(failure)}
            return heard

        for name, ready in each(Worker.hear).items():
            if "not_run" in ready:
                results[name] = {"not_run": ready["not_run"]}
        values = [each(Worker.measure) for _ in range(rounds)]
        for name, facts in each(Worker.facts).items():
            own = [[value[name] for value in values]]
            results[name] = {unit: statistics.median(own[0]), f"{unit}_rounds": own, **facts}
    return {name: results[name] for name in commands}


def timed(
    command: Sequence[str],
    rounds: int,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Measure the wall seconds of a command, run in `folder` or the working directory."""
    seconds: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, **(variables or {})},
        )
        seconds.append(time.perf_counter() - began)
        if done.returncode:
            return {"failed": _reason(done.stderr, done.returncode)}
    return {"seconds": statistics.median(seconds), "seconds_rounds": seconds}

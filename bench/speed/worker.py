"""One measuring process of `python -m bench benchmark`.

Its argument is JSON that says what to measure. It prepares, prints that it is ready, measures one
round for each line that it reads, and prints its facts at the end of its input.
"""

from __future__ import annotations

import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from bench.config.catalogue import Catalogue
from bench.config.registry import Phase, Sample, entry_of
from bench.config.samples import UPDATES, config_at, of_source
from bench.data import prepare, transitions
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.records import machine
from bench.speed import products
from bench.speed.acting import Measurement, collection, evaluator
from bench.speed.job_startup import one_update
from bench.training import rounding
from bench.training.engine import choose_executor, prepare_process
from bench.training.products.choice import Products
from bench.training.recording.tracer import learners
from bench.training.run import Run

OBSERVATION, ACTION = 17, 6  # the sizes of HalfCheetah and Walker2d
EPISODE = 1000  # rows
CHUNK = 500  # updates whose rows are drawn together: the suites' log_every
GEMM = 256  # rows and columns of the measured product
SMAPS = Path("/proc/self/smaps_rollup")


def synthetic(rows: int) -> Transitions:
    """Return random transitions; the time of an update does not depend on their values."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    return Transitions(
        observations=normal(rows, OBSERVATION),
        actions=np.tanh(normal(rows, ACTION)),
        rewards=normal(rows),
        next_observations=normal(rows, OBSERVATION),
        masks=np.ones(rows, dtype=np.float32),
        episodes=np.arange(rows, dtype=np.int32) // EPISODE,
    )


def data(folder: str, rows: int) -> Measurement:
    """Write `rows` synthetic rows to `folder`, which `updates` maps as training maps its data."""
    made = synthetic(rows)
    prepare.write(made, prepare.card(made), Path(folder))
    return _no_round, {}


def prepared_run(
    rows: Transitions,
    method: str,
    width: int,
    seeds: int | Sequence[int],
    executor: str,
    updates: int,
    device: str = "cpu",
    family: str | None = None,
    **options: bool,
) -> Run:
    """Return a training run that draws `updates` batches at a time.

    `seeds` are a number of seeds or the seeds themselves; with a `family`, layers and batch are
    those of the method's source on its tasks, whatever `width` says; `options` are those of Run.
    """
    config, batch = config_at(Catalogue(), method, width), entry_of(method).sample.batch
    if family is not None:
        source = of_source(Catalogue(), method, family)
        assert source is not None
        config, batch = source
    changes = {
        "method": method,
        "seeds": tuple(range(seeds) if isinstance(seeds, int) else seeds),
        "updates": UPDATES,
        "batch_size": batch,
        "log_every": updates,
        "rewards": "raw",
        "config": config,
    }
    settings = one_update().model_copy(update=changes)
    products = Products.of(settings, torch.device(device).type, executor)
    return Run(settings, rows, torch.device(device), executor, products=products, **options)


def enter(run: Run, phase: Phase) -> None:
    """Make the next update one of `phase`."""
    for learner in learners(run.state):
        learner.updates = phase.first


def updates(
    folder: str,
    method: str,
    width: int,
    seeds: int,
    executor: str,
    seconds: float,
    family: str | None = None,
) -> Measurement:
    """Measure seed-updates per second of one job: drawing rows, gathering, noise and update."""
    if executor == "compiled" and choose_executor(UPDATES, torch.device("cpu")) != executor:
        raise BenchError("no C++ compiler found; install g++ or name one in CXX.")
    sample = entry_of(method).sample
    rows = Transitions.load(Path(folder))
    run = prepared_run(rows, method, width, seeds, executor, sample.cycle, family=family)

    of_an_update(run, sample, sample.cycle)  # records, or compiles, every branch
    preparation = run.seconds
    per_round = warmed_up(run, sample, seconds)
    facts = {"preparation_seconds": preparation, "products": run.products.record()}
    return lambda: seeds / of_an_update(run, sample, per_round), facts


def warmed_up(run: Run, sample: Sample, seconds: float) -> int:
    """Make updates for a while; return how many whole cycles of them take `seconds`."""
    count = sample.cycle
    while (each := of_an_update(run, sample, count)) * count < 0.2 * seconds:
        count *= 2
    return max(round(seconds / each / sample.cycle), 1) * sample.cycle


def of_an_update(run: Run, sample: Sample, count: int) -> float:
    """Return the mean seconds of an update of a whole run, over `count` in each phase."""
    draw_at_once(run, count, sample.cycle)
    shares = [(p.share, p if len(sample.phases) > 1 else None) for p in sample.phases]
    return sum(share * of_phase(run, phase, count) for share, phase in shares)


def draw_at_once(run: Run, count: int, cycle: int) -> None:
    """Let each `advance` of the run make whole cycles, at most about CHUNK and `count` updates."""
    parts = math.ceil(count / max(CHUNK, cycle))
    every = math.ceil(count / parts / cycle) * cycle
    run.settings = run.settings.model_copy(update={"log_every": every})


def of_phase(run: Run, phase: Phase | None, count: int) -> float:
    """Return the mean seconds of `count` updates or a few more, of `phase` if one is given.

    It divides by the updates made, not by those asked for: `Run.advance` goes to the next
    multiple of `log_every`, which can be fewer than `log_every` updates away.
    """
    if phase is not None:
        enter(run, phase)
    before, made = run.seconds, 0
    while made < count:
        made += run.advance()
    return (run.seconds - before) / made


def work(folder: str, cells: list[tuple[str, int]]) -> Measurement:
    """Count floating-point operations in the matrix products of one update of one seed."""
    rows = Transitions.load(Path(folder))
    counts: dict[str, dict[str, float]] = {}
    for method, width in cells:
        counts.setdefault(method, {})[str(width)] = count_work(rows, method, width)
    return _no_round, {"flops_per_seed_update": counts}


class Work(TorchDispatchMode):
    """Counts the floating-point operations of matrix products.

    torch's FlopCounterMode also records the module of each, and fails where a network only
    returns a parameter.
    """

    total = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        formula = flop_registry.get(func.overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=result)
        return result


def count_work(rows: Transitions, method: str, width: int) -> float:
    """Return the mean work of a run's updates, counted over the method's eager updates."""
    sample = entry_of(method).sample
    run = prepared_run(rows, method, width, 1, "eager", updates=sample.cycle)
    run.advance()  # exclude one-off work of the first update
    mean = 0.0
    for phase in sample.phases:
        if len(sample.phases) > 1:
            enter(run, phase)
        with Work() as counter:
            run.advance()
        mean += phase.share * counter.total / sample.cycle
    return mean


def gemm(seconds: float, library: str = "torch") -> Measurement:
    """Measure GFLOP/s of the square float32 product of one library on one thread."""
    left, right, out = (torch.randn(GEMM, GEMM) for _ in range(3))
    with rounding.watch("eager"):  # otherwise float32 could be measured as bfloat16
        torch.mm(left, right)
    multiply = products.LIBRARIES[library]()

    def measure() -> float:
        began, done, elapsed = time.perf_counter(), 0, 0.0
        while elapsed < seconds:
            for _ in range(20):
                multiply(left, right, out)
            done += 20
            elapsed = time.perf_counter() - began
        return done * 2 * GEMM**3 / elapsed / 1e9

    measure()
    return measure, {}


def resident(folder: str) -> Measurement:
    """Measure the megabytes of this training job, with its part of shared memory (PSS)."""
    if not SMAPS.exists():
        raise BenchError(f"{SMAPS}: not found; measure memory on Linux.")
    rows = Transitions.load(Path(folder))
    transitions.content_hash(rows)  # as each job does
    run = Run(one_update(), rows, torch.device("cpu"))

    def measure() -> float:
        run.advance()
        line = next(
            x for x in SMAPS.read_text(encoding="utf-8").splitlines() if x.startswith("Pss:")
        )
        return int(line.split()[1]) * 1024 / 1e6

    return measure, {}


def _no_round() -> float:
    raise AssertionError("this kind has facts but no rounds")


KINDS: dict[str, Callable[..., Measurement]] = {
    "data": data,
    "updates": updates,
    "work": work,
    "gemm": gemm,
    "evaluator": evaluator,
    "collection": collection,
    "resident": resident,
}


def main() -> None:
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(content: object) -> None:
        print(json.dumps(content), file=answers, flush=True)

    task = json.loads(sys.argv[1])
    try:
        prepare_process(1, task.pop("precision", "float32"))
        measure, facts = KINDS[task.pop("kind")](**task)
    except BenchError as error:  # this machine or checkout lacks something
        say({"not_run": str(error)})
        return
    say({})
    for _ in sys.stdin:
        say(measure())
    say({"peak_memory_megabytes": machine.peak_memory_mb(), **facts})


if __name__ == "__main__":
    main()

"""`python -m bench benchmark --device cuda`: how fast a GPU trains, and whether it is right.

Everything runs in this process, one measurement after the other, and goes to one file, card.json.
What does not fit into the time reads `not_run`, what fails `failed`.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.config.registry import OFFLINE, entry_of
from bench.config.samples import UPDATES
from bench.data.transitions import Transitions
from bench.errors import BenchError
from bench.files import write_json
from bench.records import machine
from bench.speed.cells import BLOCKS, ROWS, SCALED, WIDTHS
from bench.speed.worker import (
    draw_at_once,
    of_an_update,
    of_phase,
    prepared_run,
    synthetic,
    warmed_up,
)
from bench.training import checkpoint, energy
from bench.training.device import choose, device_record, uuid
from bench.training.engine import prepare_process
from bench.training.run import Run

FILE = "card.json"
Record = dict[str, Any]


@dataclass(frozen=True)
class Counts:
    """What is measured, for how long, and until when a measurement may begin."""

    seeds: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    widths: tuple[int, ...] = WIDTHS
    methods: tuple[str, ...] = OFFLINE
    block: int = BLOCKS[1]  # seeds of a method's cell, and of a compiled one
    rows: int = ROWS
    seconds: float = 1.0  # of a rate
    compared: int = 1_000  # updates on the card and on the processor
    stacked: int = 100_000  # updates of a block, and of one of its seeds alone
    limit: float = 480.0  # seconds


def run(device: str, out: Path) -> Record:
    """Measure one card, write card.json to `out` after each part, and return its content.

    Raises BenchError where the card is not there.
    """
    device, _ = choose(device)
    if device == "cpu":
        raise BenchError("--device: there is no GPU; use cpu for the benchmark of the processor.")
    prepare_process(1, device=device)
    return measure(device, out, Counts())


def measure(device: str, out: Path, counts: Counts) -> Record:
    """Measure `device`, whatever it is, as `run` does."""
    began = time.monotonic()
    content: Record = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "commit": machine.commit()[0],
        "machine": machine.machine(),
        "versions": machine.versions(),
        **device_record(torch.device(device)),
        "counts": asdict(counts),
    }
    rows = synthetic(counts.rows)
    for part, cells in _parts(device, rows, counts).items():
        content[part] = []
        for place, one in cells:
            late = time.monotonic() - began > counts.limit
            result = {"not_run": f"after {counts.limit:g} s"} if late else _tried(one)
            content[part].append(place | result)
            print(
                f"{part}, {', '.join(f'{k} {v}' for k, v in place.items())}: {result}", flush=True
            )
        content["seconds"] = round(time.monotonic() - began, 1)
        write_json(out / FILE, content)
    return content


Cells = Iterator[tuple[Record, Callable[[], Record]]]


def _parts(device: str, rows: Transitions, counts: Counts) -> dict[str, Cells]:
    """Return the parts in order; each yields what a measurement is of, and the measurement."""

    def rates(wanted: list[tuple[str, int, int, str]]) -> Cells:
        for method, width, seeds, executor in wanted:
            place: Record = {"method": method, "width": width, "seeds": seeds, "executor": executor}
            yield place, partial(rate, device, rows, counts.seconds, **place)

    def compared() -> Cells:
        for method in counts.methods:
            place: Record = {
                "method": method,
                "width": counts.widths[0],
                "updates": counts.compared,
            }
            yield place, partial(on_both, device, rows, **place)

    def stacked() -> Cells:
        place: Record = {"method": SCALED, "width": smallest, "updates": counts.stacked}
        yield place, partial(in_a_block, device, rows, seeds=4, **place)

    smallest, largest, block = counts.widths[0], counts.widths[-1], counts.block
    return {
        "scale": rates([(SCALED, w, s, "recorded") for w in counts.widths for s in counts.seeds]),
        "stacked": stacked(),
        "compared": compared(),
        "methods": rates([(m, largest, block, "recorded") for m in counts.methods]),
        "compiled": rates([(SCALED, w, block, "compiled") for w in counts.widths]),
    }


def _tried(one: Callable[[], Record]) -> Record:
    try:
        return one()
    except (BenchError, RuntimeError) as error:  # of torch, such as too little memory
        return {"failed": str(error).strip().splitlines()[0]}


def rate(
    device: str, rows: Transitions, seconds: float, method: str, width: int, seeds: int,
    executor: str,
) -> Record:  # fmt: skip
    """Measure seed-updates per second, memory and energy of one block of seeds.

    `executor` recorded is a CUDA graph of the recorded update; compiled is the faster of it and of
    one that torch compiled, whose name is in the result.
    """
    sample, where = entry_of(method).sample, torch.device(device)
    cuda = where.type == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    run = prepared_run(rows, method, width, seeds, executor, sample.cycle, device, fixed=False)

    of_an_update(run, sample, sample.cycle)
    preparation, count = run.seconds, warmed_up(run, sample, seconds)
    meter, began = energy.Meter(uuid(where)), time.perf_counter()
    each = of_an_update(run, sample, count)
    elapsed, joules = time.perf_counter() - began, meter.joules()["gpu"]
    return {
        "executed": run.executor,
        "seed_updates_per_second": seeds / each,
        "seconds_of_1000000_updates": each * UPDATES,
        "preparation_seconds": preparation,
        "gpu_megabytes": torch.cuda.max_memory_allocated() / 1e6 if cuda else None,
        "watts": None if joules is None else joules / elapsed,
        "joules_per_1000_seed_updates": None
        if joules is None
        else joules / elapsed * each * 1000 / seeds,
    }


def on_both(device: str, rows: Transitions, method: str, width: int, updates: int) -> Record:
    """Compare the card with the processor after equal updates on the processor's numbers."""
    runs = [_trained(d, rows, method, width, (0,), updates, draw_on_card=False)
            for d in (device, "cpu")]  # fmt: skip
    return differences(*(_tensors(run) for run in runs))


def in_a_block(
    device: str, rows: Transitions, method: str, width: int, updates: int, seeds: int
) -> Record:
    """Compare the last seed of a block with the same seed alone, which draws the same numbers."""
    last = seeds - 1
    block = _trained(device, rows, method, width, tuple(range(seeds)), updates)
    alone = _trained(device, rows, method, width, (last,), updates)
    parts = [{k: v.select(-3, i) for k, v in _networks(run).items()}
             for run, i in ((block, last), (alone, 0))]  # fmt: skip
    return {"seeds": seeds, **differences(*parts)}


def _trained(
    device: str, rows: Transitions, method: str, width: int, seeds: tuple[int, ...], updates: int,
    **options: Any,
) -> Run:  # fmt: skip
    run = prepared_run(rows, method, width, seeds, "recorded", updates, device, fixed=False,
                       **options)  # fmt: skip
    draw_at_once(run, updates, 1)
    of_phase(run, None, updates)
    return run


def _tensors(run: Run) -> dict[str, Tensor]:
    return {k: v.detach().cpu() for k, v in checkpoint.state_tensors(run.state).items()}


def _networks(run: Run) -> dict[str, Tensor]:
    """Return the parameters of all networks; the seeds are the third axis from the end."""
    parts = {k: v for k, v in vars(run.state).items() if hasattr(v, "net")}
    return {
        f"{name}.{key}": value.detach().cpu()
        for name, part in parts.items()
        for key, value in part.net.named_parameters()
    }


def differences(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> Record:
    """Return the largest difference of a value, and of a tensor relative to its largest value."""
    apart = {k: (v.double() - theirs[k].double()).abs().max().item() for k, v in ours.items()}
    sizes = {k: theirs[k].double().abs().max().item() for k in apart}
    relative = {k: d / sizes[k] if sizes[k] else d for k, d in apart.items()}
    worst = max(relative, key=lambda k: relative[k])
    return {"largest": max(apart.values()), "relative": relative[worst], "in": worst}

"""Measure how fast the suite is on this machine, everything in one run.

Measurements run in processes of their own (bench.speed.worker; for the peer
benchmarks/d3rlpy_iql.py), one per core unless stated otherwise, which start every round together.
A rate is therefore that of a machine with all cores busy. The part `xla` instead lets our
processes and those of benchmarks/jax_iql.py take turns on one core.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.paths import SuiteFolder
from bench.records import machine
from bench.speed import reference
from bench.speed.cells import (
    PARTS,
    ROWS,
    WIDTHS,
    Cell,
    scale_cells,
    source_cells,
    source_sizes,
    update_cells,
)
from bench.speed.job_startup import JOB_ROWS, start
from bench.speed.options import check
from bench.speed.output import write
from bench.speed.prediction import RATE
from bench.speed.processes import in_turn, measure, timed
from bench.speed.products import LIBRARIES
from bench.speed.reference import GFLOPS

EVALUATED = (
    ("Hopper-v4", "hopper"),
    ("HalfCheetah-v4", "halfcheetah"),
    ("Walker2d-v4", "walker2d"),
    ("bench.maze:PointMazeStitch-v0", None),
    ("bench.antmaze:AntMazeMedium-v2", None),
)
COLLECTION = {"env_id": "Hopper-v4", "recipe": "hopper/medium", "rows": 20_000}
STARTUP = {
    "import bench.training.train": ("-c", "import bench.training.train"),
    "bench train --show": ("-m", "bench", "train", "iql", "pointmaze-large-stitch", "--show"),
    "bench report": ("-m", "bench", "report"),
}
AROUND_ROUNDS = 3  # at most, since each takes seconds
PEER = Path("benchmarks/d3rlpy_iql.py")


class Session:
    """State shared by all parts of one run; a cell used by two parts is measured once."""

    def __init__(self, rounds: int, seconds: float, scratch: Path):
        self.rounds, self.seconds, self.scratch = rounds, seconds, scratch
        self.cores = int(machine.machine()["cores"])
        self.data: dict[int, dict[str, Any]] = {}
        self.compiled: dict[Cell, dict[str, Any]] = {}
        self.measured: dict[Cell, dict[str, Any]] = {}

    def ours(self, unit: str, rounds: int, jobs: int, **task: Any) -> dict[str, Any]:
        """Measure one kind of bench.speed.worker in `jobs` processes."""
        return measure(_worker(task), unit, rounds, jobs, self.scratch / "cache")

    def gemm(self, precision: str, library: str = "torch") -> dict[str, Any]:
        """Measure the rate of square float32 products; `bfloat16` rounds their factors."""
        task = {"kind": "gemm", "library": library, "precision": precision}
        result = self.ours(GFLOPS, self.rounds, self.cores, seconds=self.seconds, **task)
        tell(f"matrix product, {library}, {precision}, processes {self.cores}", result, GFLOPS)
        return result

    def xla(self, python: str) -> dict[str, Any]:
        """Measure our updates beside those of the JAX reference, in turns on one core."""
        core = min(os.sched_getaffinity(0))

        def theirs(**task: Any) -> list[str]:
            return [python, str(reference.SCRIPT), json.dumps(task | {"seconds": self.seconds})]

        def product(library: str) -> list[str]:
            return _worker({"kind": "gemm", "library": library, "seconds": self.seconds})

        def together(commands: reference.Commands, unit: str) -> dict[str, dict[str, Any]]:
            cache = self.scratch / "cache"
            results = in_turn(commands, unit, self.rounds, core, cache)
            for name, result in results.items():
                tell(f"in turn, {name}", result, unit)
            return results

        return reference.measure(lambda c: _worker(self._task(c)), product, theirs, together)

    def prepare(self, cells: Sequence[Cell]) -> dict[str, Any]:
        """Write the data, compile the compiled cells, and count the work of an update."""
        for rows in sorted({cell.rows for cell in cells}):
            self._write(rows)
        alone = dict.fromkeys(replace(c, jobs=1) for c in cells if c.executor == "compiled")
        with ThreadPoolExecutor(self.cores) as pool:
            self.compiled = dict(zip(alone, pool.map(self._compile, alone), strict=True))
        plain = sorted({(cell.method, cell.width) for cell in cells if cell.family is None})
        return self.ours("", 0, 1, kind="work", folder=str(self._folder(ROWS)), cells=plain)

    def _write(self, rows: int) -> None:
        if rows not in self.data:
            task = {"kind": "data", "folder": str(self._folder(rows)), "rows": rows}
            self.data[rows] = self.ours("", 0, 1, **task)

    def _folder(self, rows: int) -> Path:
        return self.scratch / f"rows-{rows}"

    def _task(self, cell: Cell) -> dict[str, Any]:
        task = {k: v for k, v in asdict(cell).items() if k not in ("jobs", "rows")}
        task |= {"folder": str(self._folder(cell.rows)), "seconds": self.seconds}
        return {"kind": "updates", **task}

    def _updates(self, cell: Cell, rounds: int) -> dict[str, Any]:
        return self.ours(RATE, rounds, cell.jobs, **self._task(cell))

    def _compile(self, cell: Cell) -> dict[str, Any]:
        """Compile into this run's cache, where the measured processes find it."""
        result = self._updates(cell, 0)
        tell(f"compile {cell}", result, "preparation_seconds")
        return result

    def cell(self, cell: Cell) -> dict[str, Any]:
        """Return the record of one cell, measuring it if necessary."""
        if cell not in self.measured:
            compiled = self.compiled.get(replace(cell, jobs=1), {})
            failed = [r for r in (self.data[cell.rows], compiled) if "failed" in r]
            result = failed[0] if failed else self._updates(cell, self.rounds)
            if compiled and RATE in result:
                result["compile_seconds"] = compiled["preparation_seconds"]
                key = "peak_memory_megabytes"  # highest while compiling
                result[key] = max(result[key], compiled[key])
            self.measured[cell] = asdict(cell) | result
            tell(str(cell), result, RATE)
        return self.measured[cell]

    def peer(self, python: str) -> list[dict[str, Any]]:
        """Measure d3rlpy's IQL: one process per core, and one process with a thread per core."""
        found = []
        for width in WIDTHS:
            for jobs, threads in ((self.cores, 1), (1, self.cores)):
                task = {"width": width, "threads": threads}
                command = [python, str(PEER), json.dumps(task | {"seconds": self.seconds})]
                result = measure(command, RATE, self.rounds, jobs, self.scratch / "cache")
                tell(f"d3rlpy, width {width}, processes {jobs}, threads {threads}", result, RATE)
                found.append({"jobs": jobs, **task, **result})
        return found

    def around(self) -> list[dict[str, Any]]:
        """Measure the rest: evaluation, collection, start-up, report, a job's first update."""
        rounds = min(self.rounds, AROUND_ROUNDS)
        found: list[dict[str, Any]] = []

        def add(what: str, unit: str, result: dict[str, Any]) -> None:
            tell(what, result, unit)
            found.append({"what": what, "unit": unit, **result})

        unit = "environment_steps_per_second"
        for env_id, behavior in EVALUATED:
            result = self.ours(unit, rounds, 1, kind="evaluator", env_id=env_id, behavior=behavior)
            add(f"evaluation, {env_id.rpartition(':')[2]}", unit, result)
        unit = "rows_per_second"
        result = self.ours(unit, rounds, 1, kind="collection", **COLLECTION)
        add(f"collection, {COLLECTION['recipe']}", unit, result)
        for what, arguments in STARTUP.items():
            quick = SuiteFolder.of("quick")
            if what == "bench report" and not quick.summary.exists():
                result = {"not_run": f"{quick.path} is not there"}
            else:
                result = timed([sys.executable, *arguments], rounds)
            add(what, "seconds", result)
        self._write(JOB_ROWS)
        job, folder = f"training job, {JOB_ROWS:,} rows", self._folder(JOB_ROWS)
        add(f"{job}, first update", "seconds", start(folder, self.scratch, rounds))
        for jobs in (1, 2):
            result = self.ours("megabytes", rounds, jobs, kind="resident", folder=str(folder))
            add(f"{job}, memory of {jobs} (PSS)", "megabytes", result)
        return found


def tell(what: str, result: dict[str, Any], unit: str) -> None:
    """Print one line of progress."""
    if unit in result:
        text = f"{result[unit]:,.{1 if 'seconds' in unit else 0}f} {unit.replace('_', ' ')}"
    else:
        text = ", ".join(f"{key.replace('_', ' ')}: {reason}" for key, reason in result.items())
    print(f"{what}: {text}", flush=True)


def _worker(task: dict[str, Any]) -> list[str]:
    return [sys.executable, "-m", "bench.speed.worker", json.dumps(task)]


def run(
    methods: Sequence[str],
    parts: Sequence[str],
    rounds: int,
    seconds: float,
    peer: str | None,
    xla: str | None,
    out: Path,
) -> dict[str, Any]:
    """Measure some of PARTS, write the results to `out`, and return the content of benchmark.json.

    Each number is the median of `rounds` rounds of `seconds`; `peer` is a Python interpreter that
    has d3rlpy, `xla` one that has JAX. An interrupted run keeps the results before its long last
    parts. Raises BenchError as `check` does.
    """
    check(methods, parts, rounds, seconds, peer, xla)
    content: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "bench", *sys.argv[1:]]),
        "commit": machine.commit()[0],
        "machine": machine.machine(),
        "versions": machine.versions(),
        "rounds": rounds,
        "round_seconds": seconds,
        **dict.fromkeys(PARTS),
    }
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        session = Session(rounds, seconds, Path(scratch))
        cells = update_cells(methods, session.cores) if "updates" in parts else []
        sources = source_cells(methods, session.cores) if "sources" in parts else []
        scale = scale_cells(session.cores) if "scale" in parts else {}
        if "gemm" in parts:
            content["gemm"] = {p: session.gemm(p) for p in ("float32", "bfloat16")}
            others = (library for library in LIBRARIES if library != "torch")
            content["gemm"] |= {library: session.gemm("float32", library) for library in others}
        beside = reference.reference_cells() if "xla" in parts and xla is not None else []
        scaled = [cell for axis in scale.values() for cell in axis]
        if wanted := [*cells, *sources, *beside, *scaled]:
            content["work"] = session.prepare(wanted)
        if cells:
            content["updates"] = [session.cell(cell) for cell in cells]
        if sources:
            content["sources"] = [session.cell(c) | source_sizes(c) for c in sources]
        if "peer" in parts and peer is not None:
            content["peer"] = session.peer(peer)
        if "xla" in parts and xla is not None:
            content["xla"] = session.xla(xla)
        write(content, out)  # the remaining parts take long
        if "around" in parts:
            content["around"] = session.around()
        if scale:
            content["scale"] = {k: [session.cell(c) for c in axis] for k, axis in scale.items()}
        if "gemm" in parts and len(parts) > 1:  # shows whether the machine kept its speed
            content["gemm"]["float32_at_the_end"] = session.gemm("float32")
    write(content, out)
    return content

"""The predicted cost of a suite: jobs, updates, disk, memory and core-hours.

Speeds come from the benchmark's JSON file, and what it lacks from the project's own finished runs.
Anything that neither has is shown as "not measured", or marked ~ if the relative costs of
bench.config.registry give a rough estimate.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import Source, source_of
from bench.config.executors import COMPILE_FROM
from bench.config.registry import METHODS, base_of, entry_of
from bench.config.samples import is_measured, sizes, width_of
from bench.config.types import Settings, Suite, resolved
from bench.errors import BenchError
from bench.files import read_json
from bench.jobs.finished_runs import took
from bench.jobs.text_table import aligned
from bench.paths import BENCHMARK, shipped

REFERENCE = "bc"  # the method with cost 1
EPISODE_STEPS = 1000  # maximum episode length, unless config/d4rl.tsv has one
# Approximate bytes of a row of evaluations.csv, a row of metrics.csv, and a seed's networks and
# checkpoint.
EPISODE_ROW, METRICS_ROW, SEED_STATE = 35, 120, 6_000_000
NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Rate:
    """Measured seed-updates per core and second; `rough` if scaled from another method's rate.

    `finished` is whether it is of finished runs; these may tell the seconds of an `episode`.
    """

    value: float
    megabytes: float
    rough: bool
    finished: bool = False
    episode: float | None = None


class Speeds:
    """The benchmark's measurements on one machine."""

    def __init__(self, path: Path = BENCHMARK):
        self.content = read_json(shipped(path))
        for key in ("machine", "updates", "around"):
            if key not in self.content:
                raise BenchError(f"{path}: the key '{key}' is missing; run `make benchmark`.")
        # A part that was not run is null.
        self.updates = self.content["updates"] or []
        self.around = self.content["around"] or []

    def rate(self, cell: Settings, catalogue: Catalogue) -> Rate | None:
        """Return the rate of one cell's updates, or None if it cannot be estimated.

        It is that of the method with these sizes; else of finished runs; else, roughly, the
        method's with other sizes by the work of its products; else that of REFERENCE.
        """
        cell = cell.model_copy(update={"method": base_of(cell.method)})
        widths = sorted({e["width"] for e in self.updates}, reverse=True)
        module = entry_of(cell.method).module
        alike = [cell.method, *(name for name, e in METHODS.items() if e.module == module)]
        settings = cell.config, cell.batch_size
        for name in alike:
            for width in widths:
                found = self._entry(cell, name, width)
                if found and is_measured(catalogue, name, *settings, width):
                    return Rate(_per_job(found), found["peak_memory_megabytes"], False)
        if run := took(cell, catalogue):
            return Rate(run.rate, run.megabytes, False, True, run.episode)
        for width in widths:
            found = self._entry(cell, cell.method, width)
            share = found and self._more_work(cell, catalogue, width)
            if found and share:
                return Rate(_per_job(found) / share, found["peak_memory_megabytes"], True)
        hidden = sizes(catalogue, cell.method, cell.config).get("hidden", ())
        nearest = sorted(widths, key=lambda width: width not in hidden[:1])
        found = next(filter(None, (self._entry(cell, REFERENCE, w) for w in nearest)), None)
        cost = entry_of(cell.method).cost  # relative to REFERENCE
        if found is None or cost is None:
            return None
        return Rate(_per_job(found) / cost, found["peak_memory_megabytes"], True)

    def _more_work(self, cell: Settings, catalogue: Catalogue, width: int) -> float | None:
        """Return the work of a cell's update over that of the method at `width`, if it is known.

        With all layers w wide it is a * w^2 + b * w, times the batch; two widths were counted.
        """
        counted = (self.content.get("work") or {}).get("flops_per_seed_update", {})
        points = [(int(w), flops) for w, flops in counted.get(cell.method, {}).items()]
        wide = width_of(catalogue, cell.method, cell.config)
        if wide is None or len(points) < 2:
            return None
        (w, f), (v, g) = points[:2]
        a = (f / w - g / v) / (w - v)
        b = f / w - a * w

        def work(units: int) -> float:
            return float(a * units**2 + b * units)

        batches = cell.batch_size / entry_of(cell.method).sample.batch
        return work(wide) / work(width) * batches

    def _entry(self, cell: Settings, method: str, width: int) -> Mapping[str, Any] | None:
        compiled = updates_of(cell) >= COMPILE_FROM and cell.precision == "float32"
        executor: str = cell.executor
        if executor == "auto":
            executor = "compiled" if compiled else "recorded"
        wanted = {"method": method, "width": width, "executor": executor}
        found = [
            e
            for e in self.updates
            if all(e.get(k) == v for k, v in wanted.items()) and "seed_updates_per_second" in e
        ]
        return min(found, key=lambda e: abs(e["seeds"] - len(cell.seeds)), default=None)

    def steps(self, env_id: str) -> float | None:
        """Return the environment steps per second of an evaluation on one core, or None."""
        name = f"evaluation, {env_id.rpartition(':')[2]}"
        rates = {e["what"]: e.get("environment_steps_per_second") for e in self.around}
        return rates.get(name)


def _per_job(entry: Mapping[str, Any]) -> float:
    """Return the seed-updates per second of one of the processes that were timed together."""
    return float(entry["seed_updates_per_second"] / entry["jobs"])


def lines(suite: Suite, catalogue: Catalogue, speeds: Speeds) -> Iterator[str]:
    """Yield the lines of the plan."""
    blocks = suite.blocks()
    jobs = len(suite.tasks) * len(suite.methods) * len(blocks)
    yield (
        f"{suite.suite}: {len(suite.tasks)} tasks, {len(suite.methods)} methods, "
        f"{len(suite.seeds)} seeds in {len(blocks)} blocks: {jobs} training jobs"
    )
    yield ""
    yield from _data(suite, catalogue)
    yield ""
    yield from _training(suite, catalogue, speeds)


def _data(suite: Suite, catalogue: Catalogue) -> Iterator[str]:
    """Yield the table of downloads and of disk space for datasets and arrays."""
    rows = [("dataset", "download", "on disk, all forms", "rows")]
    total = [0.0, 0.0]
    unknown = 0
    for name in suite.tasks:
        task = resolved(catalogue.tasks[name], suite)
        source = source_of(task.dataset, catalogue.sources) if task.recipe == "d4rl" else None
        count = source.rows if source else suite.rows if task.origin == "local" else None
        if source is None or source.bytes is None or count is None:
            unknown += 1
            rows.append((task.dataset, "-", "-", f"{count:,}" if count else "-"))
            continue
        kept = source.bytes + dataset_bytes(source, count) + arrays_bytes(source, count)
        if task.reading == "d4rl":
            kept += 4 * count * source.action_dim  # next actions, which only Onestep RL maps
        total = [total[0] + source.bytes, total[1] + kept]
        here = "there" if source.path.exists() else _size(source.bytes)
        rows.append((task.dataset, here, _size(kept), f"{count:,}"))
    rows.append(("sum", _size(total[0]), _size(total[1]), ""))
    yield from aligned(rows)
    if unknown:
        where = "collected locally, already here, or Minari's"
        yield f"{unknown} datasets are {where}; their size is not in the sum."


def dataset_bytes(source: Source, rows: int) -> int:
    """Return the size of the Minari dataset: observations, actions, rewards and two flags."""
    return rows * (4 * (source.observation_dim + source.action_dim + 1) + 2)


def arrays_bytes(source: Source, rows: int) -> int:
    """Return the size of the arrays that training maps into memory."""
    return rows * 4 * (2 * source.observation_dim + source.action_dim + 3)


def _training(suite: Suite, catalogue: Catalogue, speeds: Speeds) -> Iterator[str]:
    """Yield the table by method: jobs, updates, hours of updates and evaluation, memory, disk."""
    header = ("method", "jobs", "updates", "CPU core-hours", "GPU-hours", "evaluation", "memory",
              "results")  # fmt: skip
    rows: list[tuple[str, ...]] = [header]
    everything: list[dict[str, Any]] = []
    for method in suite.methods:
        costs = [
            cost_of(catalogue.settings(suite, method, task, seeds), catalogue, speeds)
            for task in suite.tasks
            for seeds in suite.blocks()
        ]
        everything += costs
        memory = [c["megabytes"] for c in costs]
        largest = f"{max(memory):,.0f} MB" if all(memory) else NOT_MEASURED
        rows.append(_row(catalogue.methods[method].label, costs, largest))
    rows.append(_row("sum", everything, ""))
    rough, finished = (any(c[key] for c in everything) for key in ("rough", "finished"))
    yield from aligned(rows)
    machine = speeds.content["machine"]
    yield f"Hours of one core of: {machine['cpu']} ({machine['cores']} cores busy), float32."
    yield (
        "Evaluation: upper bound in core-hours, with every episode at its time limit, plus the "
        "steps of online phases."
    )
    yield "Memory: per job, including its mapped data, which jobs on one machine share."
    if finished:
        yield "What the benchmark lacks is of finished runs in results/, on this project's machine."
    if rough:
        yield (
            "~ rough: from the method at other sizes, by the work of its products, or from the "
            "measured cost of BC and the registry's relative costs."
        )


def _row(label: str, costs: Sequence[Mapping[str, Any]], memory: str) -> tuple[str, ...]:
    mark = "~" if any(c["rough"] for c in costs) else ""
    return (
        label,
        f"{len(costs)}",
        f"{sum(c['updates'] for c in costs):,}",
        _hours([c["hours"] for c in costs], mark),
        NOT_MEASURED,
        _hours([c["evaluation"] for c in costs]),
        memory,
        _size(sum(c["results"] for c in costs)),
    )


def cost_of(cell: Settings, catalogue: Catalogue, speeds: Speeds) -> dict[str, Any]:
    """Return a job's core-hours for updates and evaluation, memory and disk; None if unknown."""
    rate = speeds.rate(cell, catalogue)
    seeds = len(cell.seeds)
    dataset = cell.task.dataset
    source = source_of(dataset, catalogue.sources) if cell.task.recipe == "d4rl" else None
    episodes = cell.updates // cell.evaluation.every * cell.evaluation.episodes * seeds
    online = cell.online
    acted = online.steps * seeds if online else 0
    episodes += online.steps // online.every * online.episodes * seeds if online else 0
    updates = updates_of(cell)
    length = source.max_episode_steps if source else EPISODE_STEPS
    steps = speeds.steps(cell.task.env_id)
    evaluation = steps and (episodes * length + acted) / steps / 3600
    if evaluation is None and rate and rate.episode is not None:
        evaluation = episodes * rate.episode / 3600
    mapped = arrays_bytes(source, source.rows) if source and source.rows else 0
    return {
        "updates": updates * seeds,
        "hours": rate and updates * seeds / rate.value / 3600,
        "rough": bool(rate and rate.rough),
        "finished": bool(rate and rate.finished),
        "evaluation": evaluation,
        "megabytes": rate and not rate.rough and rate.megabytes + mapped / 1e6,
        "results": episodes * EPISODE_ROW
        + updates // cell.log_every * seeds * METRICS_ROW
        + seeds * SEED_STATE,
    }


def updates_of(cell: Settings) -> int:
    """Return the updates per seed in both phases."""
    return cell.updates + (cell.online.steps if cell.online else 0)


def _hours(parts: Sequence[float | None], mark: str = "") -> str:
    """Format the sum of the known hours; `mark` marks a rough estimate."""
    known = [p for p in parts if p is not None]
    if not known:
        return NOT_MEASURED
    least = "at least " if len(known) < len(parts) else ""
    return f"{least}{mark}{sum(known):{',.0f' if sum(known) >= 10 else '.2f'}}"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

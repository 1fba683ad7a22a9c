"""The predicted cost of a suite: jobs, updates, disk, memory and core-hours.

Speeds come from the benchmark's JSON file, and what it lacks from the project's own finished runs.
Anything that neither has is shown as "not measured", or marked ~ if the relative costs of
bench.config.registry give a rough estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.config.catalogue import Catalogue
from bench.config.d4rl_files import Source, source_of
from bench.config.types import Settings, Suite, resolved
from bench.jobs.requests import buffer_bytes
from bench.jobs.speeds import Speeds, updates_of
from bench.jobs.text_table import aligned

EPISODE_STEPS = 1000  # maximum episode length, unless config/d4rl.tsv has one
EPISODE_ROW, METRICS_ROW = 35, 120  # approximate bytes of a row of evaluations.csv and metrics.csv
# From a cell, and the sizes of an observation and an action if they are known, to the bytes that
# the networks of one seed take in its results.
NetworkSize = Callable[[Settings, tuple[int, int] | None], int]
NOT_MEASURED = "not measured"


def lines(
    suite: Suite, catalogue: Catalogue, speeds: Speeds, networks: NetworkSize
) -> Iterator[str]:
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
    yield from _training(suite, catalogue, speeds, networks)


def _data(suite: Suite, catalogue: Catalogue) -> Iterator[str]:
    """Yield the table of downloads and of disk space for datasets and arrays."""
    rows = [("dataset", "download", "on disk, all forms", "rows")]
    total = [0.0, 0.0]
    unknown = 0
    for name in suite.tasks:
        task = resolved(catalogue.tasks[name], suite)
        source = source_of(task.dataset, catalogue.sources) if task.recipe == "d4rl" else None
        count = source.rows if source else suite.rows_of(name) if task.origin == "local" else None
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


def _training(
    suite: Suite, catalogue: Catalogue, speeds: Speeds, networks: NetworkSize
) -> Iterator[str]:
    """Yield the table by method: jobs, updates, hours of updates and evaluation, memory, disk."""
    header = ("method", "jobs", "updates", "CPU core-hours", "GPU-hours", "evaluation", "memory",
              "results")  # fmt: skip
    rows: list[tuple[str, ...]] = [header]
    everything: list[dict[str, Any]] = []
    for method in suite.methods:
        cells = [
            catalogue.settings(suite, method, task, seeds)
            for task in suite.tasks
            for seeds in suite.blocks()
        ]
        costs = [cost_of(cell, catalogue, speeds) for cell in cells]
        for cell, cost in zip(cells, costs, strict=True):
            cost["results"] += len(cell.seeds) * networks(cell, _dims(cell, catalogue))
        everything += costs
        memory = [c["megabytes"] for c in costs]
        largest = f"{max(memory):,.0f} MB" if all(memory) else NOT_MEASURED
        rows.append(_row(catalogue.methods[method].label, costs, largest))
    rows.append(_row("sum", everything, ""))
    rough, finished = (any(c[key] for c in everything) for key in ("rough", "finished"))
    yield from aligned(rows)
    machine = speeds.content["machine"]
    yield f"Hours of one core of: {machine['cpu']} ({machine['cores']} cores busy), float32."
    for cpu in dict.fromkeys(c["machine"] for c in everything if c["machine"]):
        found = dict.fromkeys(c["method"] for c in everything if c["machine"] == cpu)
        yield f"Of {', '.join(catalogue.methods[name].label for name in found)}: {cpu}."
    yield (
        "Evaluation: upper bound in core-hours, with every episode at its time limit, plus the "
        "steps of online phases."
    )
    yield (
        "Memory: per job, including its mapped data, which jobs on one machine share, and the "
        "replay buffer of an online phase."
    )
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


def _source(cell: Settings, catalogue: Catalogue) -> Source | None:
    """Return the row of D4RL's file that a cell learns from, if it is one."""
    d4rl = cell.task.recipe == "d4rl"
    return source_of(cell.task.dataset, catalogue.sources) if d4rl else None


def _dims(cell: Settings, catalogue: Catalogue) -> tuple[int, int] | None:
    source = _source(cell, catalogue)
    return (source.observation_dim, source.action_dim) if source else None


def cost_of(cell: Settings, catalogue: Catalogue, speeds: Speeds) -> dict[str, Any]:
    """Return a job's core-hours for updates and evaluation, memory and disk; None if unknown.

    Disk is for its rows, without its networks.
    """
    rate = speeds.rate(cell, catalogue)
    seeds = len(cell.seeds)
    source = _source(cell, catalogue)
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
    held = mapped + buffer_bytes(cell, mapped)
    return {
        "method": cell.method,
        "updates": updates * seeds,
        "hours": rate and updates * seeds / rate.value / 3600,
        "rough": bool(rate and rate.rough),
        "finished": bool(rate and rate.finished),
        "machine": rate and rate.machine,
        "evaluation": evaluation,
        "megabytes": rate and not rate.rough and rate.megabytes + held / 1e6,
        "results": episodes * EPISODE_ROW + updates // cell.log_every * seeds * METRICS_ROW,
    }


def _hours(parts: Sequence[float | None], mark: str = "") -> str:
    """Format the sum of the known hours; `mark` marks a rough estimate."""
    known = [p for p in parts if p is not None]
    if not known:
        return NOT_MEASURED
    least = "at least " if len(known) < len(parts) else ""
    return f"{least}{mark}{sum(known):{',.0f' if sum(known) >= 10 else '.2f'}}"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"

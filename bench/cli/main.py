"""The command line: every step of the workflow by hand.

The workflow calls the same verbs, so what its log shows is what a person types. Each verb
imports what it needs: starting one does not load torch unless it computes with it.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
import yaml

from bench.cli.data import behavior, collect, convert, fetch, transitions
from bench.cli.results import archive, claims, explain, idea, ideas, pack, suite_of
from bench.config.catalogue import Catalogue, task_row
from bench.config.registry import entry_of
from bench.config.types import DEFAULT_SUITE, Settings, resolved
from bench.config.validation import parse_json, validate
from bench.errors import BenchError
from bench.jobs.compare import compare
from bench.jobs.cost_plan import plan
from bench.jobs.status import status
from bench.jobs.tensorboard import tensorboard
from bench.paths import block_name
from bench.records.layouts import open_results
from bench.speed.online_cost import online_cost
from bench.speed.precision import precision
from bench.speed.session import benchmark
from bench.statistics.interval_coverage import coverage
from bench.statistics.paired_effects import effects, paired_effects

Name = Annotated[str, tyro.conf.Positional]


def train(
    method: Name = "",
    task: Name = "",
    seeds: tuple[int, ...] = (0,),
    configfile: Path = DEFAULT_SUITE,
    settings: str | None = None,
    device: str = "auto",
    threads: int = 1,
    checkpoint_every: float = 30.0,
    executor: Literal["auto", "eager", "recorded", "compiled"] = "auto",
    start: Annotated[Path | None, tyro.conf.arg(name="from")] = None,
    show: bool = False,
) -> None:
    """Train and score one block of seeds of one method on one task; continues if interrupted.

    Args:
        method: key of config/methods.yaml.
        task: row of config/tasks.tsv.
        seeds: training seeds; they run as one block.
        configfile: suite whose updates, evaluation and overrides apply.
        settings: all of the above resolved, as JSON; the workflow passes this.
        device: auto, cpu, cuda or cuda:N.
        threads: processor threads; one per job is fastest when all cores have a job.
        checkpoint_every: seconds between checkpoints.
        executor: how updates are executed; auto compiles long runs where a compiler is found.
        start: folder of a finished run whose offline phase stands for this one's; by default none,
            or, for a method that begins from another one, that one's run in this suite.
        show: print the resolved settings and stop.
    """
    if settings is None:
        catalogue = Catalogue()
        suite = catalogue.read_suite(configfile)
        catalogue.enter(method, "bench/config/registry.py")
        cell = catalogue.settings(suite, method, catalogue.task(task).task, seeds, str(configfile))
    else:
        cell = validate(Settings, parse_json(settings, "--settings"), "--settings")
    print(_describe(cell), flush=True)
    if show:
        return
    import torch

    from bench.data.transitions import ROOT
    from bench.training.train import train as run

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    folder = run_folder(cell.suite, cell.method, cell.task.task, cell.seeds)
    begins = entry_of(cell.method).starts_from
    if start is None and begins:
        start = run_folder(cell.suite, begins, cell.task.task, cell.seeds)
    data = ROOT / cell.task.transitions
    row = task_row(cell.task)
    run(cell, data, folder, device, threads, checkpoint_every, executor, start, row)
    print(f"results are in {folder}")


def trace(folder: Annotated[Path, tyro.conf.Positional]) -> None:
    """Roll out a finished run in its maze and evaluate its value over the data, for the maps.

    Args:
        folder: of the run, such as results/quick/runs/iql/pointmaze-large-stitch/0-4.
    """
    import torch

    from bench.training.maze_trace import trace as run

    torch.set_num_threads(1)
    print(run(folder))


def run_folder(suite: str, method: str, task: str, seeds: tuple[int, ...]) -> Path:
    """Where a block of seeds writes."""
    return Path("results") / suite / "runs" / method / task / block_name(seeds)


def _describe(cell: Settings) -> str:
    """The resolved settings as YAML, the method's defaults filled in."""
    from bench.config import registry
    from bench.training.run import as_tuples

    config = registry.load(cell.method).Config(**as_tuples(cell.config))
    content = cell.model_dump(mode="json") | {"config": asdict(config)}
    content = json.loads(json.dumps(content))
    return yaml.safe_dump(content, sort_keys=False, default_flow_style=None).rstrip()


def statistics(configfile: Path = DEFAULT_SUITE, suite: str | None = None) -> None:
    """Gather a suite's runs into scores.csv, summary.csv and aggregate.csv, and, where the suite
    has a baseline or an online phase, effects.csv and finetune.csv.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.statistics import aggregates, finetuning
    from bench.statistics.frames import read_csv, write_csv
    from bench.statistics.scores import SCORE_COLUMNS, collect_scores

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    folder = Path("results") / chosen.suite
    blocks = [block_name(seeds) for seeds in chosen.blocks()]
    cells = {f"{m}/{t}/{b}" for m in chosen.methods for t in chosen.tasks for b in blocks}
    runs = [run for name, run in open_results(folder).runs.items() if name in cells]
    collect_scores(runs, folder / "scores.csv", catalogue.tasks)
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    write_csv(aggregates.summarise(scores, chosen, catalogue.tasks), folder / "summary.csv")
    aggregate = aggregates.aggregate(scores, chosen, catalogue.tasks, chosen.bootstrap)
    write_csv(aggregate, folder / "aggregate.csv")
    if chosen.baseline is not None:
        write_csv(paired_effects(scores, chosen), folder / "effects.csv")
    if finetuning.cells(chosen, catalogue.tasks):
        episodes = finetuning.read_episodes(runs)
        frame = finetuning.fine_tuning(scores, episodes, chosen, catalogue.tasks)
        write_csv(frame, folder / "finetune.csv")
    print(f"{folder}/: scores.csv, summary.csv, aggregate.csv")


def report(configfile: Path = DEFAULT_SUITE, suite: str | None = None) -> None:
    """Render a suite's tables and figures and typeset its PDF, finished or not.

    Gathers scores and claims anew where runs have ended since.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.report.build import build

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    results = Path("results") / chosen.suite
    if not _newer(results / "aggregate.csv", open_results(results).changed()):
        statistics(configfile, suite)
    if not _newer(results / "claims.json", (results / "aggregate.csv").stat().st_mtime):
        claims(configfile, suite)
    folders = [resolved(catalogue.tasks[t], chosen).transitions for t in chosen.tasks]
    cards = [Path("data/transitions") / f / "card.json" for f in folders]
    out = Path("reports") / f"{chosen.suite}.pdf"
    build(chosen, catalogue, results, [c for c in cards if c.exists()], out)
    print(out)


def _newer(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime >= moment


def schema(check: bool = False) -> None:
    """Write workflow/schemas/ from the types in the code.

    Args:
        check: only compare, and fail where a file is out of date.
    """
    from bench.config.json_schemas import write

    write(check)


def watch(log: Path, parent: int) -> None:
    """Print a line of progress now and then while a workflow runs, which starts this itself.

    Args:
        log: Snakemake's own log file.
        parent: process id of Snakemake.
    """
    from bench.jobs.watch import lines

    lines(log, parent)


def run(
    arguments: tyro.conf.UseAppendAction[tuple[str, ...]] = (),
    configfile: Path = DEFAULT_SUITE,
    cores: str = "all",
) -> None:
    """Run a whole suite to its report, with a live display; `snakemake` does the work.

    Args:
        arguments: passed on to snakemake; repeat for several.
        configfile: the suite.
        cores: how many processor cores to use.
    """
    from bench.jobs.launch import launch

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    launch(cores, configfile, arguments)
    print(f"The report is in reports/{suite.suite}.pdf")


VERBS: dict[str, Callable[..., Any]] = {
    "run": run,
    "plan": plan,
    "train": train,
    "trace": trace,
    "fetch": fetch,
    "convert": convert,
    "collect": collect,
    "transitions": transitions,
    "statistics": statistics,
    "effects": effects,
    "claims": claims,
    "report": report,
    "status": status,
    "explain": explain,
    "archive": archive,
    "pack": pack,
    "idea": idea,
    "ideas": ideas,
    "compare": compare,
    "behavior": behavior,
    "benchmark": benchmark,
    "online-cost": online_cost,
    "precision": precision,
    "coverage": coverage,
    "schema": schema,
    "watch": watch,
    "tensorboard": tensorboard,
}


def main() -> None:
    """Run one verb; bad input prints one sentence and exits with 2."""
    # Gymnasium's v4 robots are what D4RL's scores are compared on; its advice to move on is noise.
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module="minari")
    try:
        tyro.extras.subcommand_cli_from_dict(
            VERBS, prog="python -m bench", description=__doc__.splitlines()[0]
        )
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("stopped; run again to continue", file=sys.stderr)
        sys.exit(130)
    except OSError as error:  # a full disk, a read-only folder: no bug of ours to trace
        print(f"error: {error}; mend that and run again, nothing finished is lost", file=sys.stderr)
        sys.exit(2)

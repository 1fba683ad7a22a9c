"""The command-line verbs for a suite as a whole: run, plan, status, watch, schema."""

from __future__ import annotations

import os
from pathlib import Path

from bench.cli.arguments import Forwarded
from bench.config.catalogue import Catalogue
from bench.paths import REPORTS, default_suite


def run(
    arguments: Forwarded = (),
    configfile: Path | None = None,
    cores: str = "all",
) -> None:
    """Run a whole suite up to its report with snakemake, showing live progress.

    Args:
        arguments: passed to snakemake; repeat the option for several.
        configfile: the suite, by default the project's suite.yaml or quick.
        cores: number of CPU cores to use, or all.
    """
    from bench.jobs.launch import launch

    configfile = configfile or default_suite()
    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    launch(cores, configfile, arguments)
    print(f"The report is in {REPORTS / suite.suite}.pdf")


def plan(
    configfile: Path | None = None,
    speeds: Path | None = None,
    slots: int = os.cpu_count() or 1,
    max_runtime: int | None = None,
) -> None:
    """Print the predicted cost of a suite, and the chance of each verdict that it can give.

    The cost is in jobs, updates, downloads, disk, memory and hours, followed by the hours of the
    longest job, the time on a number of slots, and what each job asks a scheduler for.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        speeds: JSON file of measurements by `python -m bench benchmark`, by default the published
            ones.
        slots: jobs that run at once, by default the cores of this machine.
        max_runtime: minutes that a job may run, by default BENCH_MAX_RUNTIME of the environment.
    """
    from bench.claims import forecast
    from bench.claims.ledger import read
    from bench.jobs import cluster_plan, cost_plan, requests
    from bench.jobs.speeds import Speeds
    from bench.training.network_size import bytes_of_seed

    limit = requests.limit_of() if max_runtime is None else max_runtime
    cluster_plan.check(slots, limit)
    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    measured = Speeds(speeds)
    for line in cost_plan.lines(suite, catalogue, measured, bytes_of_seed):
        print(line)
    print()
    for line in cluster_plan.lines(suite, catalogue, measured, slots, limit):
        print(line)
    print()
    for line in forecast.lines(suite, read(catalogue), catalogue):
        print(line)


def status(configfile: Path | None = None) -> None:
    """Show which jobs of a suite are done, running, stopped or waiting, and the time left.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
    """
    from bench.jobs.status import jobs_of, lines

    catalogue = Catalogue()
    for line in lines(jobs_of(catalogue.read_suite(configfile), catalogue)):
        print(line)


def watch(log: Path, parent: int) -> None:
    """Print progress regularly while a workflow runs; the workflow starts this verb itself.

    Args:
        log: Snakemake's log file.
        parent: process id of Snakemake.
    """
    from bench.jobs.watch import lines

    lines(log, parent)


def schema(check: bool = False) -> None:
    """Write workflow/schemas/ from the types in the code.

    Args:
        check: write nothing; fail if a file is out of date.
    """
    from bench.config.json_schemas import write

    write(check)

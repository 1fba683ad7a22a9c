"""The command-line verbs that show the curves of finished and running jobs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from bench.cli.results import told
from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.errors import BenchError
from bench.paths import REPORTS, SuiteFolder
from bench.records.layouts import Results, open_results


def repeated(action: Callable[[], object], every: float) -> None:
    """Call `action` once or, with `every` above 0, again after so many seconds until Ctrl-C."""
    if every < 0:
        raise BenchError(f"--every: {every:g}; give the seconds between updates, or 0 for one.")
    action()
    while every:
        time.sleep(every)
        action()


def stored_of(suite: Suite) -> Results:
    """Return a suite's stored results; print why runs are left out."""
    from bench.publishing import derived

    stored = open_results(SuiteFolder.of(suite.suite).path)
    told(stored, derived.cells(suite))
    return stored


def tensorboard(
    configfile: Path | None = None, out: Path | None = None, every: float = 0.0
) -> None:
    """Write a suite's runs, finished or running, as TensorBoard event files, one curve per seed.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        out: the folder to write, by default results/<suite>/tensorboard.
        every: seconds after which to write again, until Ctrl-C; 0 for once.
    """
    from bench.jobs.tensorboard import export

    suite = Catalogue().read_suite(configfile)
    folder = SuiteFolder.of(suite.suite).path / "tensorboard" if out is None else out

    def write() -> None:
        stored = stored_of(suite)
        count = export(suite, stored, folder)
        if not count and not every:
            raise BenchError(f"{stored.folder}: no verified or running run; run the suite first.")
        print(f"{folder}: {count} curves; view them with `tensorboard --logdir {folder}`")

    repeated(write, every)


def curves(configfile: Path | None = None, out: Path | None = None, every: float = 0.0) -> None:
    """Write a page with the curves of a suite's runs, finished or running; it reloads itself.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        out: the page, by default reports/<suite>-live.html.
        every: seconds after which to write again, until Ctrl-C; 0 for once.
    """
    from bench.jobs.curves_page import write as run

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    page = REPORTS / f"{suite.suite}-live.html" if out is None else out

    def write() -> None:
        count = run(suite, catalogue, stored_of(suite), page, every)
        print(f"{page}: {count} curves", flush=True)

    repeated(write, every)


def track(
    to: Literal["wandb", "trackio"], configfile: Path | None = None, every: float = 0.0
) -> None:
    """Pass the curves of a suite's runs, finished or running, on to an experiment tracker.

    Nothing else in this project uses a tracker. Its own settings apply, such as WANDB_MODE=offline.

    Args:
        to: the tracker, which has to be installed.
        configfile: the suite, by default the project's suite.yaml or quick; its name is the
            tracker's project.
        every: seconds after which to pass on what is new, until Ctrl-C; 0 for once.
    """
    from bench.jobs.trackers import Tracked, load

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    tracked = Tracked(load(to), suite, catalogue)
    repeated(lambda: print(f"{to}: {tracked.update(stored_of(suite))} values", flush=True), every)

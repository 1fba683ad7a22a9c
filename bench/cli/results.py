"""The verbs of the command line that read results: claims, explain, archive, pack, ideas."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from bench.config.catalogue import Catalogue
from bench.config.types import DEFAULT_SUITE, Suite
from bench.config.validation import parse_json
from bench.errors import BenchError

Name = Annotated[str, tyro.conf.Positional]


def suite_of(catalogue: Catalogue, configfile: Path, suite: str | None) -> Suite:
    """The suite of a file, or given as JSON."""
    if suite is None:
        return catalogue.read_suite(configfile)
    return catalogue.suite(parse_json(suite, "--suite"), "--suite")


def claims(
    configfile: Path = DEFAULT_SUITE, suite: str | None = None, folder: Path | None = None
) -> None:
    """Hold config/claims.yaml against a suite's scores; writes claims.json.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
        folder: of the results, where that is not results/<suite>.
    """
    from bench.claims.evidence import Evidence
    from bench.claims.ledger import read
    from bench.claims.verdicts import lines, verdicts
    from bench.files import write_json
    from bench.records.runs import read_runs
    from bench.records.source_hash import source_hash
    from bench.statistics.frames import read_csv
    from bench.statistics.scores import SCORE_COLUMNS

    catalogue = Catalogue()
    ours = suite_of(catalogue, configfile, suite)
    folder = folder or Path("results") / ours.suite
    if not (folder / "scores.csv").exists():
        raise BenchError(f"{folder}/scores.csv: file not found; run `python -m bench statistics`.")
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    runs = read_runs(ours, folder, source_hash)
    evidence = Evidence(scores, list(runs.found.values()), ours, catalogue)
    entries = verdicts(read(catalogue), evidence)
    write_json(folder / "claims.json", entries)
    print("\n".join(lines(entries)))
    print(f"{folder}/claims.json: {len(entries)} claims")


def explain(
    task: Name, method: Name, configfile: Path = DEFAULT_SUITE, folder: Path | None = None
) -> None:
    """Print what a cell of the tables rests on: scores, runs, settings, data and code.

    Args:
        task: row of the table.
        method: key of config/methods.yaml.
        configfile: the suite.
        folder: of the results, where that is not results/<suite>.
    """
    from bench.records.runs import read_runs
    from bench.records.source_hash import source_hash
    from bench.report.provenance import chain
    from bench.statistics import aggregates
    from bench.statistics.frames import read_csv
    from bench.statistics.scores import SCORE_COLUMNS

    catalogue = Catalogue()
    ours = catalogue.read_suite(configfile)
    folder = folder or Path("results") / ours.suite
    scores = read_csv(folder / "scores.csv", SCORE_COLUMNS)
    summary = read_csv(folder / "summary.csv", aggregates.SUMMARY_COLUMNS)
    runs = read_runs(ours, folder, source_hash)
    print("\n".join(chain(task, method, ours, catalogue, folder, runs, scores, summary)))


def archive(suite: Name, out: Path | None = None) -> None:
    """Put a suite's results, report and citation into one zip with SHA-256 sums.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the file to write, by default reports/<suite>.zip.
    """
    from bench.jobs.archive import archive as run

    out = out or Path("reports") / f"{Path(suite).name}.zip"
    names = run(Path("results") / suite, Path("reports") / f"{Path(suite).name}.pdf", out)
    print(f"{out}: {len(names)} files; its own sum is in {out}.sha256")


def pack(suite: Name, out: Path | None = None, curves: tuple[str, ...] = ()) -> None:
    """Pack a finished suite for publication: one file for all records, one for all episodes.

    `compare`, `explain` and `claims` read the packed folder as they read the live one.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the folder to write, by default results/published/<suite>.
        curves: METHOD/TASK whose training metrics are kept as well.
    """
    from bench.jobs.packing import pack as run

    name = Path(suite).name
    out = out or Path("results/published") / name
    files = run(Path("results") / suite, Path("reports") / f"{name}.pdf", out, curves)
    print(f"{out}: {', '.join(files)}")


def idea(name: Name) -> None:
    """Measure one of the paper's ideas as a small experiment; writes results/ideas/NAME.json.

    Args:
        name: losses, expectiles, support, stitching, overestimation or shift.
    """
    import torch

    from bench.report import ideas as report

    torch.set_num_threads(1)
    print(report.measure(name))


def ideas(out: Path = Path("reports/ideas.pdf")) -> None:
    """Typeset what the experiments of the paper's ideas gave, a page each.

    Args:
        out: the PDF; a folder with its figures is written beside it.
    """
    from bench.report import ideas as report

    report.build(out)
    print(out)

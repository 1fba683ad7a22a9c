"""The command-line verbs that process finished runs: tables, reports, archives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import tyro

from bench.config.catalogue import Catalogue
from bench.config.types import DEFAULT_SUITE, Suite, resolved
from bench.config.validation import parse_json
from bench.errors import BenchError
from bench.paths import (
    AGGREGATE,
    PUBLISHED,
    REPORTS,
    RESULTS,
    SCORES,
    SUMMARY,
    SuiteFolder,
    card_of,
    run_name,
)
from bench.records.layouts import open_results

Name = Annotated[str, tyro.conf.Positional]


def suite_of(catalogue: Catalogue, configfile: Path, suite: str | None) -> Suite:
    """Return the suite given as JSON, or else that of `configfile`."""
    if suite is None:
        return catalogue.read_suite(configfile)
    return catalogue.suite(parse_json(suite, "--suite"), "--suite")


def statistics(configfile: Path = DEFAULT_SUITE, suite: str | None = None) -> None:
    """Collect a suite's runs into scores.csv, summary.csv and aggregate.csv.

    Also write effects.csv if the suite has a baseline, and finetune.csv if it has an online phase.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.statistics import aggregates, finetuning
    from bench.statistics.frames import read_csv, write_csv
    from bench.statistics.paired_effects import paired_effects
    from bench.statistics.scores import SCORE_COLUMNS, collect_scores

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    results = SuiteFolder.of(chosen.suite)
    blocks = chosen.blocks()
    cells = {run_name(m, t, b) for m in chosen.methods for t in chosen.tasks for b in blocks}
    runs = [run for name, run in open_results(results.path).runs.items() if name in cells]
    collect_scores(runs, results.scores, catalogue.tasks)
    scores = read_csv(results.scores, SCORE_COLUMNS)
    write_csv(aggregates.summarise(scores, chosen, catalogue.tasks), results.summary)
    aggregate = aggregates.aggregate(scores, chosen, catalogue.tasks, chosen.bootstrap)
    write_csv(aggregate, results.aggregate)
    if chosen.baseline is not None:
        write_csv(paired_effects(scores, chosen, catalogue.tasks), results.effects)
    if finetuning.cells(chosen, catalogue.tasks):
        episodes = finetuning.read_episodes(runs)
        frame = finetuning.fine_tuning(scores, episodes, chosen, catalogue.tasks)
        write_csv(frame, results.finetune)
    print(f"{results.path}/: {SCORES}, {SUMMARY}, {AGGREGATE}")


def effects(configfile: Path = DEFAULT_SUITE) -> None:
    """Compare a suite's methods with its baseline, seed by seed; write effects.csv.

    Args:
        configfile: a suite with `baseline`; its scores.csv must exist.
    """
    from bench.statistics.frames import read_csv, write_csv
    from bench.statistics.paired_effects import paired_effects
    from bench.statistics.scores import SCORE_COLUMNS

    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    if suite.baseline is None:
        raise BenchError(f"{configfile}: the key 'baseline' is missing; name one of the methods.")
    results = SuiteFolder.of(suite.suite)
    frame = paired_effects(read_csv(results.scores, SCORE_COLUMNS), suite, catalogue.tasks)
    write_csv(frame, results.effects)
    print(frame.round(2).to_string(index=False))
    print(f"{results.effects}: score minus that of {suite.baseline}, means over paired seeds")


def claims(
    configfile: Path = DEFAULT_SUITE, suite: str | None = None, folder: Path | None = None
) -> None:
    """Test the claims of config/claims.yaml on a suite's scores; write claims.json.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
        folder: folder of the results, by default results/<suite>.
    """
    from bench.claims import record
    from bench.claims.entries import lines
    from bench.claims.ledger import read
    from bench.claims.stored import evidence_in
    from bench.claims.verdicts import verdicts
    from bench.claims.words import labelled
    from bench.files import write_json

    catalogue = Catalogue()
    ours = suite_of(catalogue, configfile, suite)
    results = SuiteFolder(folder or RESULTS / ours.suite)
    ledger = read(catalogue)
    entries = verdicts(ledger, evidence_in(results.path, ours, catalogue))
    write_json(results.claims, entries)
    published = record.read([claim.id for claim in ledger.claims])
    print("\n".join(lines(labelled(entries, catalogue), published)))
    print(f"{results.claims}: {len(entries)} claims")


def report(configfile: Path = DEFAULT_SUITE, suite: str | None = None) -> None:
    """Render a suite's tables and figures and typeset its PDF, even if runs are missing.

    Scores and claims are recomputed first if runs have finished since.

    Args:
        configfile: the suite.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.report.build import build

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    results = SuiteFolder.of(chosen.suite)
    if not _newer(results.aggregate, open_results(results.path).changed()):
        statistics(configfile, suite)
    if not _newer(results.claims, results.aggregate.stat().st_mtime):
        claims(configfile, suite)
    cards = [card_of(resolved(catalogue.tasks[t], chosen).transitions) for t in chosen.tasks]
    out = REPORTS / f"{chosen.suite}.pdf"
    build(chosen, catalogue, results.path, [c for c in cards if c.exists()], out)
    print(out)


def _newer(path: Path, moment: float) -> bool:
    return path.exists() and path.stat().st_mtime >= moment


def explain(
    task: Name, method: Name, configfile: Path = DEFAULT_SUITE, folder: Path | None = None
) -> None:
    """Print the basis of a cell of the tables: scores, runs, settings, data and code.

    Args:
        task: row of the table.
        method: name of a method.
        configfile: the suite.
        folder: folder of the results, by default results/<suite>.
    """
    from bench.records.runs import read_runs
    from bench.records.source_hash import source_hash
    from bench.report.provenance import chain
    from bench.statistics import aggregates
    from bench.statistics.frames import read_csv
    from bench.statistics.scores import SCORE_COLUMNS

    catalogue = Catalogue()
    ours = catalogue.read_suite(configfile)
    folder = folder or RESULTS / ours.suite
    scores = read_csv(SuiteFolder(folder).scores, SCORE_COLUMNS)
    summary = read_csv(SuiteFolder(folder).summary, aggregates.SUMMARY_COLUMNS)
    runs = read_runs(ours, folder, source_hash)
    print("\n".join(chain(task, method, ours, catalogue, folder, runs, scores, summary)))


def compare(
    file: Annotated[Path, tyro.conf.Positional],
    results: Path = PUBLISHED / "quick",
    name: str | None = None,
    out: Path | None = None,
) -> None:
    """Compare a CSV of your own episodes (task, seed, episode, return) with shipped results.

    Args:
        file: one row per episode of the final policy, with returns in the environment's units.
        results: a suite's folder in results/ or results/published/.
        name: name for your method, by default the file's name.
        out: CSV to write, by default next to the file.
    """
    from bench.jobs.compare import compared, read_own, read_shipped
    from bench.statistics.frames import write_csv

    name = name or file.stem
    tasks, shipped = read_shipped(results)
    frame = compared(read_own(file, tasks), shipped, name)
    out = out or file.with_name(f"{file.stem}-compared.csv")
    write_csv(frame, out)
    print(frame.round(2).to_string(index=False, na_rep=""))
    print(f"{out}: difference and improvement: {name} over the row's method, with 95% CIs")


def archive(suite: Name, out: Path | None = None) -> None:
    """Zip a suite's results, report and citation file, with SHA-256 sums.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the file to write, by default reports/<suite>.zip.
    """
    from bench.jobs.archive import archive as run

    out = out or REPORTS / f"{Path(suite).name}.zip"
    names = run(RESULTS / suite, REPORTS / f"{Path(suite).name}.pdf", out)
    print(f"{out}: {len(names)} files; its checksum is in {out}.sha256")


def pack(suite: Name, out: Path | None = None, curves: tuple[str, ...] = ()) -> None:
    """Pack a finished suite for publication: one file for all records, one for all episodes.

    `compare`, `explain` and `claims` read packed and live folders alike.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the folder to write, by default results/published/<suite>.
        curves: METHOD/TASK whose training metrics to include.
    """
    from bench.jobs.packing import pack as run

    name = Path(suite).name
    out = out or PUBLISHED / name
    files = run(RESULTS / suite, REPORTS / f"{name}.pdf", out, curves)
    print(f"{out}: {', '.join(files)}")


def tensorboard(configfile: Path = DEFAULT_SUITE, out: Path | None = None) -> None:
    """Write a suite's finished runs as TensorBoard event files, one curve per seed.

    Args:
        configfile: the suite.
        out: the folder to write, by default results/<suite>/tensorboard.
    """
    from bench.jobs.tensorboard import export

    suite = Catalogue().read_suite(configfile)
    results = SuiteFolder.of(suite.suite)
    folder = results.path / "tensorboard" if out is None else out
    count = export(suite, results, folder)
    print(f"{folder}: {count} curves; view them with `tensorboard --logdir {folder}`")

"""The command-line verbs that process finished runs: tables, reports, archives."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bench.cli.arguments import File, Method, Task
from bench.config.catalogue import Catalogue
from bench.config.types import Suite, resolved
from bench.config.validation import parse_json
from bench.errors import BenchError
from bench.files import write_json
from bench.paths import (
    AGGREGATE,
    PUBLISHED,
    REPORTS,
    RESULTS,
    SCORES,
    SUMMARY,
    SuiteFolder,
    card_of,
    default_suite,
    shipped,
)
from bench.records.layouts import Results, open_results


def suite_of(catalogue: Catalogue, configfile: Path | None, suite: str | None) -> Suite:
    """Return the suite given as JSON, or else that of `configfile`."""
    if suite is None:
        return catalogue.read_suite(configfile)
    return catalogue.suite(parse_json(suite, "--suite"), "--suite", part=True)


def told(stored: Results, names: Iterable[str]) -> None:
    """Print why runs of these names are left out: they do not match their seals or the suite."""
    for name in names:
        if name in stored.refused:
            print(f"{name}: not verified, left out: {stored.refused[name]}", file=sys.stderr)


def statistics(configfile: Path | None = None, suite: str | None = None) -> None:
    """Collect a suite's runs into scores.csv, summary.csv and aggregate.csv.

    Also write effects.csv if the suite has a baseline, and finetune.csv if it has an online phase.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.publishing import derived

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    results = SuiteFolder.of(chosen.suite)
    stored = open_results(results.path, chosen)
    told(stored, derived.cells(chosen))
    runs = derived.chosen(chosen, stored.verified)
    if not runs:
        raise BenchError(
            f"{results.path}: no verified run of this suite; run it with `python -m bench run`."
        )
    derived.write_tables(chosen, runs, catalogue, results.path)
    print(f"{results.path}/: {SCORES}, {SUMMARY}, {AGGREGATE}")


def effects(configfile: Path | None = None) -> None:
    """Compare a suite's methods with its baseline, seed by seed; write effects.csv.

    Args:
        configfile: a suite with `baseline`; its scores.csv must exist.
    """
    from bench.publishing import verification
    from bench.statistics.frames import read_csv, write_csv
    from bench.statistics.paired_effects import paired_effects
    from bench.statistics.scores import SCORE_COLUMNS

    configfile = configfile or default_suite()
    catalogue = Catalogue()
    suite = catalogue.read_suite(configfile)
    if suite.baseline is None:
        raise BenchError(f"{configfile}: the key 'baseline' is missing; name one of the methods.")
    results = SuiteFolder.of(suite.suite)
    verification.check_scores(open_results(results.path, suite), suite, catalogue)
    frame = paired_effects(read_csv(results.scores, SCORE_COLUMNS), suite, catalogue.tasks)
    write_csv(frame, results.effects)
    print(frame.round(2).to_string(index=False))
    print(f"{results.effects}: score minus that of {suite.baseline}, means over paired seeds")


def claims(
    configfile: Path | None = None, suite: str | None = None, folder: Path | None = None
) -> None:
    """Test the claims of config/claims.yaml on a suite's scores; write claims.json.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        suite: the suite as JSON; the workflow passes this.
        folder: a folder of results, such as results/published/quick, instead of results/<suite>;
            its suite is the one that it names, and nothing is written to it.
    """
    from bench.claims import ledger, record
    from bench.claims.entries import lines
    from bench.claims.words import labelled
    from bench.publishing import derived, verification

    catalogue = Catalogue()
    if folder is None:
        ours = suite_of(catalogue, configfile, suite)
    else:
        ours = derived.suite_of(folder, catalogue)
    results = SuiteFolder(folder or RESULTS / ours.suite)
    if not results.scores.exists():
        raise BenchError(f"{results.scores}: file not found; run `python -m bench statistics`.")
    stored = open_results(results.path, ours)
    told(stored, derived.cells(ours))
    verification.check_scores(stored, ours, catalogue)
    runs = derived.chosen(ours, stored.verified)
    entries = derived.verdicts_of(ours, stored, runs, catalogue, results)
    published = record.read(ledger.ids())
    print("\n".join(lines(labelled(entries, catalogue), published)))
    if folder is None:
        write_json(results.claims, entries)
    print(f"{results.claims}: {len(entries)} claims{'' if folder is None else ', not written'}")


def report(configfile: Path | None = None, suite: str | None = None) -> None:
    """Render a suite's tables and figures and typeset its PDF, even if runs are missing.

    Tables and claims are derived from the episodes first; those that differ are written anew.

    Args:
        configfile: the suite, by default the project's suite.yaml or quick.
        suite: the suite as JSON; the workflow passes this.
    """
    from bench.publishing import derived
    from bench.report.build import build

    catalogue = Catalogue()
    chosen = suite_of(catalogue, configfile, suite)
    stored = open_results(SuiteFolder.of(chosen.suite).path, chosen)
    told(stored, derived.cells(chosen))
    for path in derived.renew(chosen, stored, catalogue):
        print(f"{path}: did not follow from the episodes; written anew")
    cards = [card_of(resolved(catalogue.tasks[t], chosen).transitions) for t in chosen.tasks]
    out = REPORTS / f"{chosen.suite}.pdf"
    build(chosen, catalogue, stored.folder, [c for c in cards if c.exists()], out)
    print(out)


def explain(
    method: Method, task: Task, configfile: Path | None = None, folder: Path | None = None
) -> None:
    """Print the basis of a cell of the tables: scores, runs, settings, data and code.

    The numbers are derived from the verified episodes; a table that differs from them is named.

    Args:
        method: name of a method.
        task: row of the table. TASK METHOD, as in reports before this order, is understood too.
        configfile: the suite, by default the project's suite.yaml or quick.
        folder: a folder of results, such as results/published/quick, instead of results/<suite>;
            its suite is the one that it names.
    """
    from bench.publishing import derived, verification
    from bench.records.runs import read_runs
    from bench.records.source_hash import source_hash
    from bench.report.provenance import chain
    from bench.statistics import aggregates
    from bench.statistics.frames import read_csv

    catalogue = Catalogue()
    ours = derived.suite_of(folder, catalogue) if folder else catalogue.read_suite(configfile)
    if method in ours.tasks and task in ours.methods:
        method, task = task, method
    folder = folder or RESULTS / ours.suite
    stored = open_results(folder, ours)
    told(stored, derived.cells(ours))
    with tempfile.TemporaryDirectory() as scratch:
        again = SuiteFolder(Path(scratch))
        verified = derived.chosen(ours, stored.verified)
        scores = derived.write_scores(ours, verified, catalogue, again.path)
        summary = read_csv(again.summary, aggregates.SUMMARY_COLUMNS)
        wrong = verification.differences(stored, again.path)
    for finding in wrong:
        print(f"not verified: {finding}", file=sys.stderr)
    runs = read_runs(ours, folder, source_hash)
    print("\n".join(chain(task, method, ours, catalogue, folder, runs, scores, summary)))


def compare(
    file: File,
    results: Path = PUBLISHED / "quick",
    name: str | None = None,
    out: Path | None = None,
) -> None:
    """Compare a CSV of your own episodes (task, seed, episode, return) with shipped results.

    The file is checked, and what is taken from it and from the results is printed.

    Args:
        file: one row per episode of the final policy, with returns in the environment's units.
        results: a suite's folder in results/ or results/published/.
        name: name for your method, by default the file's name.
        out: CSV to write, by default next to the file.
    """
    from bench.jobs.compare import basis, compared, read_own, read_shipped
    from bench.jobs.own_episodes import read_episodes
    from bench.statistics.frames import write_csv

    name = name or file.stem
    out = out or file.with_name(f"{file.stem}-compared.csv")
    results = shipped(results)
    theirs = read_shipped(results)
    if out.resolve() == file.resolve():
        raise BenchError(f"--out: {out} is the file that is compared; choose another.")
    if name in {method for _, method in theirs.scores}:
        raise BenchError(f"--name: '{name}' is a method of {results}; choose another.")
    episodes = read_episodes(file, theirs.tasks)
    print("\n".join(basis(episodes, theirs)))
    frame = compared(read_own(episodes, theirs.tasks), theirs.scores, name)
    write_csv(frame, out)
    print(frame.round(2).to_string(index=False, na_rep=""))
    print(f"{out}: difference and improvement: {name} over the row's method, with 95% CIs")

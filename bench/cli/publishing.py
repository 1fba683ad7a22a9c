"""The command-line verbs that check finished results and hand them on: verify, publish, archive."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.cli.arguments import Suite
from bench.config.catalogue import Catalogue
from bench.config.types import resolved
from bench.errors import BenchError
from bench.files import read_json
from bench.paths import PUBLICATION, PUBLISHED, REPORTS, RESULTS, SUITE, card_of, shipped


def verify(target: Suite = "") -> None:
    """Derive everything again from the episodes, compare bytes, and name every difference.

    Exits with status 1 if there is one. Seals of runs, sums of files, tables and claims are
    checked, and for all published results the numbers that the documentation quotes.

    Args:
        target: a suite, such as quick, or a folder; by default all of results/published.
    """
    from bench.publishing import verification

    catalogue = Catalogue()
    found = verification.published(PUBLISHED, catalogue)
    if target:
        names = [Path(target)] if Path(target).is_dir() else [RESULTS / target, PUBLISHED / target]
        folders = [path for path in names if path.is_dir()]
        if not folders:
            raise BenchError(f"{target}: no folder of results; name a suite or a folder.")
        found = verification.suites(folders, catalogue)
    count = 0
    for name, findings in found:
        print(f"{name}: {'verified' if not findings else f'{len(findings)} findings'}", flush=True)
        for finding in findings:
            print(f"  {finding}", flush=True)
        count += len(findings)
    if count:
        sys.exit(1)


def publish(
    suite: Suite = "", curves: tuple[str, ...] = (), rederive: bool = False, typeset: bool = False
) -> None:
    """Pack a finished suite's verified results and its report under results/published.

    The working tree must be clean, and the runs made by committed code. Scores on D4RL's own data
    join the published record (config/published/record).

    Args:
        suite: name of a folder in results/, such as quick.
        curves: METHOD/TASK whose training metrics to include.
        rederive: instead, derive the tables and claims of all published suites again.
        typeset: instead, typeset the reports of all published suites again.
    """
    from bench.literature import own
    from bench.publishing import derived
    from bench.publishing.publish import publish as run
    from bench.publishing.rederive import rederive as again
    from bench.publishing.typeset import typeset as anew
    from bench.records.layouts import open_results
    from bench.report.build import build

    catalogue = Catalogue()
    if rederive:
        lines = again(PUBLISHED, catalogue)
        print("\n".join(lines) or f"{PUBLISHED}: everything is as derived")
        return
    if typeset:

        def packed(
            chosen: Any, folder: Path, cards: Sequence[Path], publication: dict[str, str], out: Path
        ) -> None:
            build(chosen, catalogue, folder, cards, out, publication=publication)

        print("\n".join(anew(PUBLISHED, catalogue, packed)))
        return
    if not suite:
        raise BenchError("publish: no suite given; name a folder in results/, such as quick.")
    folder = RESULTS / Path(suite).name

    def report(publication: dict[str, Any], out: Path) -> None:
        chosen = derived.suite_of(folder, catalogue)
        paths = [card_of(resolved(catalogue.tasks[t], chosen).transitions) for t in chosen.tasks]
        cards = [path for path in paths if path.exists()]
        build(chosen, catalogue, folder, cards, out, publication=publication)

    files = run(folder, PUBLISHED, catalogue, report, curves)
    print(f"{PUBLISHED / folder.name}: {', '.join(files)}")
    chosen = derived.suite_of(PUBLISHED / folder.name, catalogue)
    cards = open_results(PUBLISHED / folder.name).cards()
    if not own.not_d4rls(chosen, catalogue, cards):
        commit = str(read_json(PUBLISHED / folder.name / PUBLICATION)["commit"])
        for path in own.add_source(PUBLISHED / folder.name, chosen, catalogue, cards, commit):
            print(f"{path}: added to the published record; commit it")


def index(out: Path = REPORTS / "index.pdf") -> None:
    """Write the front page of all published suites, as a PDF and as a page beside it.

    Args:
        out: the PDF to write.
    """
    from bench.literature.analysis import Analysis
    from bench.literature.sentences import locomotion, short
    from bench.literature.sources import read_record
    from bench.publishing import derived
    from bench.report import inputs
    from bench.report.all_suites import Published, Record, build

    catalogue = Catalogue()
    suites = []
    for folder in sorted(path.parent for path in shipped(PUBLISHED).glob(f"*/{SUITE}")):
        chosen = derived.suite_of(folder, catalogue)
        read = inputs.read(chosen, catalogue, folder, [], lambda *_: "")
        stated = folder / PUBLICATION
        own = out.with_name(f"{folder.name}.html")
        place = own.name if own.exists() else os.path.relpath(folder / "report.pdf", out.parent)
        suites.append(Published(read, read_json(stated) if stated.exists() else {}, place))
    if not suites:
        raise BenchError(f"{PUBLISHED}: no suite is published; run `python -m bench publish`.")
    labels = {name: method.label for name, method in catalogue.methods.items()}
    found = read_record()
    analysis = Analysis(found, labels)
    size = f"{len(found.scores):,} scores from {len(found.sources)} sources"
    page = out.with_name("record.html")
    address = page.name if page.exists() else ""
    build(suites, Record(short(analysis), locomotion(analysis), size, address), out)
    print(out)


def archive(suite: Suite, out: Path | None = None) -> None:
    """Zip a suite's results, report and citation file, with SHA-256 sums.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the file to write, by default reports/<suite>.zip.
    """
    from bench.publishing.archive import archive as run

    out = out or REPORTS / f"{Path(suite).name}.zip"
    report = REPORTS / f"{Path(suite).name}.pdf"
    names, refused = run(RESULTS / suite, report, out, Catalogue())
    for name, reason in refused.items():
        print(f"{name}: not verified, left out: {reason}", file=sys.stderr)
    print(f"{out}: {len(names)} files; its checksum is in {out}.sha256")


def pack(suite: Suite, out: Path | None = None, curves: tuple[str, ...] = ()) -> None:
    """Pack a finished suite for publication: one file for all records, one for all episodes.

    `compare`, `explain` and `claims` read packed and live folders alike.

    Args:
        suite: name of a folder in results/, such as quick.
        out: the folder to write, by default results/published/<suite>.
        curves: METHOD/TASK whose training metrics to include.
    """
    from bench.publishing.packing import pack as run

    name = Path(suite).name
    out = out or PUBLISHED / name
    files = run(RESULTS / suite, REPORTS / f"{name}.pdf", out, curves)
    print(f"{out}: {', '.join(files)}")

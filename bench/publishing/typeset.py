"""The reports of published suites, typeset anew from their packed results by one code."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.config.types import Suite
from bench.files import read_json, sealed, write_json, write_text
from bench.paths import AGAIN, PUBLICATION, SUITE
from bench.publishing import derived, sums
from bench.publishing.publish import clean_publication
from bench.records.layouts import open_results
from bench.records.packed import RECORDS

REPORT = "report.pdf"
# Of a suite, its folder, its cards and its publication: writes the PDF.
Build = Callable[[Suite, Path, Sequence[Path], dict[str, str], Path], None]


def typeset(root: Path, catalogue: Catalogue, build: Build) -> list[str]:
    """Typeset the report of every suite below `root` with `build`, and renew all sums.

    A suite that is still in config/ gets its title of today. Traces of runs are not packed, so that
    a report has no maps of mazes. Return the reports. Raise BenchError unless the working tree is
    clean, at a commit.
    """
    publication = clean_publication()
    made = []
    for folder in sorted(path.parent for path in root.glob(f"*/{RECORDS}")):
        _title(folder, catalogue)
        suite = derived.suite_of(folder, catalogue)
        with tempfile.TemporaryDirectory(dir=root, prefix=".typesetting-") as scratch:
            cards = []
            for task, card in open_results(folder).cards().items():
                cards.append(Path(scratch) / f"{task}.json")
                write_text(cards[-1], json.dumps(card))
            build(suite, folder, cards, publication, Path(scratch, REPORT))
            os.replace(Path(scratch, REPORT), folder / REPORT)
        write_json(folder / PUBLICATION, sealed(publication))
        sums.write(folder)
        made.append(str(folder / REPORT))
    sums.write(root)
    return made


def _title(folder: Path, catalogue: Catalogue) -> None:
    name = folder.name.removesuffix(AGAIN)
    configured = Path(f"config/{name}.yaml")
    if configured.exists():
        stated, title = read_json(folder / SUITE), catalogue.read_suite(configured).title
        if name != folder.name:
            title += ", on data collected again"
        write_json(folder / SUITE, sealed({**stated, "title": title}))

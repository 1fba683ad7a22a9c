"""Change bytes of results at random places, one at a time, and count how many verification finds.

Run `python benchmarks/changed_bytes.py [FOLDER ...]`; by default all published folders and the
finished suites in results/. Works on a copy. Counts twice: with all checks, and as if whoever
changed the byte had also renewed every SHA256SUMS, which leaves the seals of runs and what is
derived from the episodes.
"""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.paths import PUBLISHED, RESULTS, RUNS
from bench.publishing import sums, verification
from bench.records.layouts import open_results
from bench.records.packed import RECORDS

CHANGES = 200


def files_of(folder: Path) -> list[Path]:
    """Return the files whose bytes count: all but hidden files, prose and empty ones."""
    return [
        path
        for path in sorted(folder.rglob("*") if (folder / RUNS).is_dir() else folder.iterdir())
        if path.is_file() and path.stat().st_size
        if not path.name.startswith(".") and path.name not in sums.PROSE
    ]


def found(folder: Path, catalogue: Catalogue) -> bool:
    """Return whether any check of a folder fails; the quick ones first."""
    if (folder / sums.SUMS).exists() and sums.differences(folder):
        return True
    return bool(verification.suite(folder, catalogue))


def found_without_sums(folder: Path, path: Path, catalogue: Catalogue) -> bool:
    """Return whether the seals find a changed byte, or the derivation from the episodes does.

    The folder was verified before: a derived file that changed is not what its episodes give.
    """
    if path.parent == folder and path.name in verification.ORDER:
        return (folder / RECORDS).exists() or (folder / RUNS).is_dir()
    try:
        runs = open_results(folder)
        return bool(runs.refused or (runs.runs and verification.checked(folder, catalogue)[1]))
    except BenchError:
        return True


def main(folders: list[Path]) -> None:
    """Print, by file, the changed bytes, those found, and those found without the sums."""
    catalogue, rng = Catalogue(), random.Random(0)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in ("changed", "found", "derived")}
    with tempfile.TemporaryDirectory() as scratch:
        copies = [Path(shutil.copytree(f, Path(scratch) / f.parent.name / f.name)) for f in folders]
        for copy in copies:
            if findings := verification.suite(copy, catalogue):
                sys.exit(findings[0])
        places = [(copy, path) for copy in copies for path in files_of(copy)]
        sizes = [path.stat().st_size for _, path in places]
        # Half of the bytes at places that are equally likely, half in files that are.
        chosen = rng.choices(places, sizes, k=CHANGES // 2) + rng.choices(places, k=CHANGES // 2)
        for copy, path in chosen:
            content = path.read_bytes()
            place = rng.randrange(len(content))
            other = rng.choice([byte for byte in range(256) if byte != content[place]])
            path.write_bytes(content[:place] + bytes([other]) + content[place + 1 :])
            counts["changed"][path.name] += 1
            counts["found"][path.name] += found(copy, catalogue)
            counts["derived"][path.name] += found_without_sums(copy, path, catalogue)
            path.write_bytes(content)
    print(f"{'file':28}{'changed':>9}{'found':>9}{'without sums':>14}")
    for name in sorted(counts["changed"]):
        row = [counts[kind][name] for kind in counts]
        print("{:28}{:9}{:9}{:14}".format(name, *row))
    print("{:28}{:9}{:9}{:14}".format("all", *(c.total() for c in counts.values())))


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]]
    suites = [path.parent for path in sorted(RESULTS.glob("*/suite.json"))]
    main(given or [PUBLISHED, *sorted(p for p in PUBLISHED.iterdir() if p.is_dir()), *suites])

"""Published results derived again: what to run after statistics or claims have changed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.files import SEAL, digest
from bench.paths import CLAIMS, SUITE
from bench.publishing import derived, packing, sums
from bench.records.layouts import open_results
from bench.records.machine import git
from bench.records.packed import RECORDS
from bench.records.stored_run import FILES


def rederive(root: Path, catalogue: Catalogue) -> list[str]:
    """Derive the tables and claims of all published suites again, and renew all sums.

    Return a line per file that changed. Runs must match their seals; every other file must match
    its sum or the commit that is checked out. A change that is in neither raises BenchError.
    """
    lines = []
    for folder in [*sorted(path for path in root.iterdir() if path.is_dir()), root]:
        sealed = (folder / RECORDS).exists() and _seal(folder)
        made = derive(folder, catalogue) if (folder / RECORDS).exists() else {}
        known = {*made, *([RECORDS] if sealed else [])}
        for name in sums.listed(folder):
            if name not in known and not name.endswith(f"/{sums.SUMS}"):
                _check_unchanged(folder, name)
        lines += [f"{folder / RECORDS}: sealed"] if sealed else []
        for name, content in made.items():
            path = folder / name
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
                lines.append(f"{path}: derived again")
        path = folder / sums.SUMS
        before = path.read_bytes() if path.exists() else b""
        sums.write(folder)
        lines += [f"{path}: renewed"] if path.read_bytes() != before else []
    return lines


def derive(folder: Path, catalogue: Catalogue) -> dict[str, bytes]:
    """Return the derived files of a packed suite by name; raise BenchError on a broken seal."""
    results = open_results(folder)
    for reason in results.refused.values():
        raise BenchError(reason)
    suite = derived.suite_of(folder, catalogue)
    runs = derived.chosen(suite, results.runs)
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch)
        derived.write_tables(suite, runs, catalogue, out)
        if (folder / CLAIMS).exists():
            derived.write_claims(suite, results, runs, catalogue, out)
        (out / SUITE).unlink()  # what was asked for does not follow from the episodes
        return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def _seal(folder: Path) -> bool:
    """Seal the runs of a suite that was packed before there were seals, as it is committed."""
    lines = (folder / RECORDS).read_text(encoding="utf-8").splitlines()
    if any(SEAL in json.loads(line) for line in lines):
        return False
    for name in (RECORDS, *FILES):
        if (folder / name).exists():
            _check_unchanged(folder, name)
    packing.seal(folder)
    return True


def _check_unchanged(folder: Path, name: str) -> None:
    """Raise BenchError unless a file matches its sum, or is as in the commit checked out."""
    path = folder / name
    if (folder / sums.SUMS).exists() and sums.read(folder).get(name) == digest(path.read_bytes()):
        return
    committed = git("rev-parse", "--verify", f"HEAD:./{path}")
    if committed is None or git("hash-object", str(path)) != committed:
        raise BenchError(
            f"{path}: differs from its sum and from the commit checked out; restore it from git, "
            "or commit it if it was measured anew."
        )

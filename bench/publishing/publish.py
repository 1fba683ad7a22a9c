"""Publishing: finished, verified results of committed code, packed under results/published."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.files import replace_folder, sealed, write_json
from bench.paths import PUBLICATION, SuiteFolder
from bench.publishing import packing, sums, verification
from bench.records.layouts import open_results
from bench.records.machine import git, now

CITATION = Path("CITATION.cff")
Typeset = Callable[[dict[str, Any], Path], None]  # of a publication: writes the report's PDF


def publish(
    folder: Path, root: Path, catalogue: Catalogue, typeset: Typeset, curves: Sequence[str] = ()
) -> list[str]:
    """Pack the live results in `folder` as `root`/<suite>, replacing those published before.

    `typeset` writes the report with the version, the date and the commit of this publication, and
    `curves` is that of `pack`. Return the names of the files. Raise BenchError, with nothing
    changed, unless the working tree is clean, at a commit, and the results are verified and made
    by committed code.
    """
    publication = clean_publication()
    findings = verification.suite(folder, catalogue)
    if findings:
        more = f" (and {len(findings) - 1} more: `python -m bench verify {folder}`)"
        raise BenchError(f"{findings[0]}{more if len(findings) > 1 else ''}")
    if not SuiteFolder(folder).claims.exists():
        raise BenchError(
            f"{SuiteFolder(folder).claims}: file not found; run `python -m bench claims`."
        )
    for run in open_results(folder).runs.values():
        _check_committed(run.record(), run.record_at)
    staging = root / f".publishing-{folder.name}"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        report = staging / "report.pdf"
        report.parent.mkdir(parents=True)
        typeset(publication, report)
        packed = staging / "packed"
        packing.pack(folder, report, packed, curves)
        write_json(packed / PUBLICATION, sealed(publication))
        sums.write(packed)
        replace_folder(packed, root / folder.name)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    sums.write(root)
    return sums.listed(root / folder.name)


def clean_publication() -> dict[str, str]:
    """Return version, date and commit of a publication; raise BenchError if files differ."""
    version = str(yaml.safe_load(CITATION.read_text(encoding="utf-8"))["version"])
    return {"version": version, "date": now()[:10], "commit": _clean_commit()}


def _clean_commit() -> str:
    """Return the commit that is checked out; raise BenchError if files differ from it."""
    commit = git("rev-parse", "--verify", "HEAD")
    if commit is None:
        raise BenchError("publish: no commit is checked out here; commit the project with git.")
    changed = (git("status", "--porcelain") or "").splitlines()
    if changed:
        raise BenchError(
            f"publish: {len(changed)} files differ from commit {commit[:10]}, such as "
            f"{changed[0][2:].strip()}; commit or remove them."
        )
    return commit


def _check_committed(record: dict[str, Any], place: str) -> None:
    """Raise BenchError unless every attempt at a run was of committed code."""
    for attempt in [*record.get("attempts", ()), record]:
        commit = attempt["commit"]
        if not commit:
            problem = "was made outside a git checkout"
        elif attempt["dirty"]:
            problem = f"was made with uncommitted changes to commit {commit[:10]}"
        elif git("cat-file", "-e", f"{commit}^{{commit}}") is None:
            problem = f"was made by commit {commit[:10]}, which this clone does not have"
        else:
            continue
        raise BenchError(f"{place}, commit: {problem}; run it again from a commit.")

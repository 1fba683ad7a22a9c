"""A suite's results as one citable zip file; equal results give equal bytes."""

from __future__ import annotations

import zipfile
from pathlib import Path

from bench.config.catalogue import Catalogue
from bench.errors import BenchError
from bench.files import digest
from bench.paths import CHECKPOINT, RUNS, SuiteFolder
from bench.publishing import sums, verification
from bench.publishing.packing import REPORT
from bench.records import seals

EPOCH = (1980, 1, 1, 0, 0, 0)  # earliest time in a zip; keeps the clock out of the bytes
LEFT_OUT = (CHECKPOINT,)  # files of unfinished runs
BESIDE = ("CITATION.cff", "LICENSE")


def archive(
    folder: Path, report: Path, out: Path, catalogue: Catalogue, root: Path = Path()
) -> tuple[list[str], dict[str, str]]:
    """Zip the verified results in `folder`, the report's PDF and the citation file.

    SHA256SUMS in the zip has one line per file, for `sha256sum --check`: for the files of a run
    those of its run.json. `out`.sha256 has the sum of the zip itself. Return the names in the zip,
    and the reason for each run that is left out. Raise BenchError if the suite has no scores yet,
    or if anything besides those runs is not what the episodes give.
    """
    scores = SuiteFolder(folder).scores
    if not scores.exists():
        raise BenchError(f"{scores}: file not found; run `python -m bench statistics`.")
    results, findings = verification.checked(folder, catalogue)
    if not results.verified:
        raise BenchError(f"{folder}: no verified run to archive; run the suite first.")
    refused = {} if results.packed else results.refused
    for finding in findings:
        if finding not in refused.values():
            raise BenchError(finding)
    own = {
        f"results/{RUNS}/{name}/{file}": str(entry["sha256"])
        for name, run in results.verified.items()
        if not results.packed
        for file, entry in run.record()[seals.FILES].items()
    }
    skipped = {folder / RUNS / name for name in refused}
    files = {
        f"results/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in LEFT_OUT and not path.name.startswith(".")
        if path.parent not in skipped
    }
    beside = [root / name for name in BESIDE]
    if not (folder / REPORT).exists():  # packed results include it
        beside.insert(0, report)
    files |= {path.name: path for path in beside if path.exists()}
    top = out.stem
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    lines: dict[str, str] = {}
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, path in files.items():
                content = path.read_bytes()
                lines[name] = own.get(name) or digest(content)
                _add(zipped, f"{top}/{name}", content)
            _add(zipped, f"{top}/{sums.SUMS}", sums.text_of(lines).encode())
        whole = digest(partial.read_bytes())
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    out.with_name(f"{out.name}.sha256").write_text(f"{whole}  {out.name}\n", encoding="utf-8")
    return [*files, sums.SUMS], refused


def _add(zipped: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    zipped.writestr(info, content)

"""A suite's results as one citable zip file; equal results give equal bytes."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from bench.errors import BenchError
from bench.paths import CHECKPOINT, SuiteFolder
from bench.publishing.packing import REPORT

EPOCH = (1980, 1, 1, 0, 0, 0)  # earliest time in a zip; keeps the clock out of the bytes
LEFT_OUT = (CHECKPOINT,)  # files of unfinished runs
BESIDE = ("CITATION.cff", "LICENSE")
SUMS = "SHA256SUMS"


def archive(folder: Path, report: Path, out: Path, root: Path = Path()) -> list[str]:
    """Zip `folder`, the report's PDF and the citation file; return the names in the zip.

    SHA256SUMS in the zip has one line per file, for `sha256sum --check`; `out`.sha256 has the sum
    of the zip itself. Raise BenchError if the suite has no scores yet.
    """
    scores = SuiteFolder(folder).scores
    if not scores.exists():
        raise BenchError(f"{scores}: file not found; run `python -m bench statistics`.")
    files = {
        f"results/{path.relative_to(folder).as_posix()}": path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in LEFT_OUT and not path.name.startswith(".")
    }
    beside = [root / name for name in BESIDE]
    if not (folder / REPORT).exists():  # packed results include it
        beside.insert(0, report)
    files |= {path.name: path for path in beside if path.exists()}
    top = out.stem
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")
    sums = []
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as zipped:
            for name, path in files.items():
                content = path.read_bytes()
                sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
                _add(zipped, f"{top}/{name}", content)
            _add(zipped, f"{top}/{SUMS}", "".join(sums).encode())
        whole = hashlib.sha256(partial.read_bytes()).hexdigest()
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    out.with_name(f"{out.name}.sha256").write_text(f"{whole}  {out.name}\n")
    return [*files, SUMS]


def _add(zipped: zipfile.ZipFile, name: str, content: bytes) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    zipped.writestr(info, content)

"""A suite's results as one file that can be cited: the same results give the same bytes."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

from bench.errors import BenchError
from bench.jobs.packing import REPORT
from bench.paths import CHECKPOINT, SuiteFolder

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip can hold: no clock enters the bytes
LEFT_OUT = (CHECKPOINT,)  # of runs that are not finished
BESIDE = ("CITATION.cff", "LICENSE")
SUMS = "SHA256SUMS"


def archive(folder: Path, report: Path, out: Path, root: Path = Path()) -> list[str]:
    """Zip `folder`, the report's PDF and the citation under one name; the names inside.

    SHA256SUMS in it has a line a file (`sha256sum --check` reads it), and `out`.sha256 the sum of
    the whole. Raises BenchError where there is nothing to cite yet.
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
    if not (folder / REPORT).exists():  # packed results have their own
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

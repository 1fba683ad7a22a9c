"""A folder with report.json and figures becomes a PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

import typst

TEMPLATES = Path(__file__).with_name("templates")


def typeset(template: str, folder: Path, out_pdf: Path) -> None:
    """Compile a copy of `template` in `folder`, whose files it reads, to `out_pdf`, atomically.

    `template` is a file of the report's templates. The folder alone reproduces the PDF with
    `typst compile`. Equal inputs give equal bytes.
    """
    source = folder / template
    shutil.copyfile(TEMPLATES / template, source)
    partial = out_pdf.with_name(out_pdf.name + ".partial")
    # Bundled fonts and a fixed time, so that the bytes depend on the content alone.
    typst.compile(
        str(source),
        output=str(partial),
        root=str(folder),
        format="pdf",
        ignore_system_fonts=True,
        timestamp=0,
    )
    partial.replace(out_pdf)

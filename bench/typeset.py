"""A folder with report.json and figures becomes a PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

import typst


def typeset(template: Path, folder: Path, out_pdf: Path) -> None:
    """Compile a copy of `template` in `folder`, whose files it reads, to `out_pdf`, atomically.

    The folder alone reproduces the PDF with `typst compile`. Equal inputs give equal bytes.
    """
    source = folder / template.name
    shutil.copyfile(template, source)
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

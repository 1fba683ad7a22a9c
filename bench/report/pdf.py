"""Typeset a folder with report.json and figures as a PDF."""

from __future__ import annotations

import shutil
from pathlib import Path

import typst
from matplotlib import get_data_path

from bench.files import write_bytes

TEMPLATES = Path(__file__).with_name("templates")
FONTS = Path(get_data_path()) / "fonts" / "ttf"  # those of the figures
LAYOUT = "layout.typ"  # what templates import
SUSPECTS = b"/Suspects false"  # the default; poppler takes it for a syntax error


def typeset(template: str, folder: Path, out_pdf: Path) -> None:
    """Copy `template` and LAYOUT into `folder` and compile it there to `out_pdf`, atomically.

    `template` is the name of a file in TEMPLATES. The folder alone reproduces the PDF with
    `typst compile`. Equal inputs give equal bytes.
    """
    source = folder / template
    for name in (template, LAYOUT):
        shutil.copyfile(TEMPLATES / name, folder / name)
    partial = out_pdf.with_name(out_pdf.name + ".partial")
    # Bundled fonts and a fixed time, so that the bytes depend on the content alone.
    typst.compile(
        str(source),
        output=str(partial),
        root=str(folder),
        format="pdf",
        ignore_system_fonts=True,
        font_paths=[str(FONTS)],
        timestamp=0,
        pdf_standards=["ua-1"],  # refuses a figure without alternative text
    )
    # In blanks, because the file refers to its parts by position.
    write_bytes(out_pdf, partial.read_bytes().replace(SUSPECTS, b" " * len(SUSPECTS)))
    partial.unlink()

"""The PDF as a thing: its fonts, type sizes, white space, links and metadata, on rendered pages."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from helpers.suite_results import (
    MAZES,
    TASKS,
    catalogue,
    make_suite,
    source_hash,
    write_card,
    write_results,
)
from pypdfium2 import raw

from bench.report import build, citation

SMALLEST = 6.9  # points; of figures, which are scaled to the width of the text
WHITE = 0.62  # of a page of the appendix that is not the last before a landscape page


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a suite of three tasks and two methods."""
    folder, suite = tmp_path_factory.mktemp("craft"), make_suite([*TASKS[:2], MAZES[0]], seeds=3)
    write_results(folder / "results", suite)
    cards = [write_card(folder / "cards", task) for task in suite.tasks]
    monkeypatch = pytest.MonkeyPatch()
    url = citation.Citation(("A. Author",), "1.2.3", "https://example.org/suite")
    monkeypatch.setattr(citation, "read", lambda: url)
    monkeypatch.setattr("bench.report.figures.style.FORMATS", ("svg",))
    publication = {"version": "1.2.3", "date": "2031-05-06", "commit": "0" * 40}
    out = folder / "fixture.pdf"
    build.build(suite, catalogue(), folder / "results", cards, out, source_hash, publication)
    monkeypatch.undo()
    return out


@pytest.fixture(scope="module")
def document(report: Path) -> pypdfium2.PdfDocument:
    return pypdfium2.PdfDocument(report)


def test_it_is_tagged_and_poppler_reads_it_without_complaint(report: Path) -> None:
    content = report.read_bytes()
    assert b"/Marked true" in content
    assert b"/Suspects" not in content  # what poppler complains of
    if shutil.which("pdfinfo"):
        found = subprocess.run(["pdfinfo", str(report)], capture_output=True, text=True, check=True)
        assert re.search(r"Tagged: +yes", found.stdout)
        assert found.stderr == ""


def test_metadata_names_author_and_answer(document: pypdfium2.PdfDocument) -> None:
    known = document.get_metadata_dict()
    assert known["Title"] == "Fixture of a report"
    assert known["Author"] == "A. Author"
    assert known["CreationDate"].startswith("D:20310506")
    assert known["Subject"].startswith("Best: on ")
    head = document[0].get_textpage().get_text_bounded()
    assert "2031-05-06 · version 1.2.3" in head


def test_external_links_work(document: pypdfium2.PdfDocument) -> None:
    found = {link for page in document for link in addresses(document, page)}
    assert "https://example.org/suite/commit/0123456789abcdef" in found
    assert "https://arxiv.org/abs/2110.06169" in found


def addresses(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> list[str]:
    """The addresses that a page links to."""
    found = []
    for index in range(raw.FPDFPage_GetAnnotCount(page)):
        link = raw.FPDFAnnot_GetLink(raw.FPDFPage_GetAnnot(page, index))
        action = raw.FPDFLink_GetAction(link)
        size = raw.FPDFAction_GetURIPath(document, action, None, 0) if action else 0
        if size:
            buffer = ctypes.create_string_buffer(size)
            raw.FPDFAction_GetURIPath(document, action, buffer, size)
            found.append(buffer.value.decode())
    return found


def test_figures_are_text_in_the_font_of_the_page(document: pypdfium2.PdfDocument) -> None:
    text = " ".join(page.get_textpage().get_text_bounded() for page in document)
    assert "IQL minus other method, normalised score" in text  # an axis label
    names = set()
    for page in document:
        found = page.get_textpage()
        for index in range(found.count_chars()):
            buffer = ctypes.create_string_buffer(80)
            raw.FPDFText_GetFontInfo(found, index, buffer, 80, None)
            names.add(re.sub(r"^[A-Z]{6}\+|-.*", "", buffer.value.decode()))
    assert names - {""} <= {"STIXGeneral", "DejaVuSansMono"}


def test_no_type_is_too_small(document: pypdfium2.PdfDocument) -> None:
    for page in document:
        found = page.get_textpage()
        for index in range(found.count_chars()):
            if raw.FPDFText_IsGenerated(found, index):  # such as a line break
                continue
            matrix = raw.FS_MATRIX()
            raw.FPDFText_GetMatrix(found, index, matrix)
            scale = abs(matrix.a * matrix.d - matrix.b * matrix.c) ** 0.5
            assert raw.FPDFText_GetFontSize(found, index) * scale >= SMALLEST


def test_no_path_is_hyphenated_and_no_text_leaves_the_page(
    document: pypdfium2.PdfDocument,
) -> None:
    for page in document:
        found = page.get_textpage()
        text = found.get_text_bounded()
        assert not re.search(r"[\w/]+/\w+\x02\s*\w+", text)
        right = max(found.get_charbox(i)[2] for i in range(found.count_chars()))
        assert right <= page.get_width() - 50  # 2 cm are 57 points


def test_pages_are_not_left_empty(document: pypdfium2.PdfDocument) -> None:
    ends = []
    for page in list(document)[:-1]:
        dark = (page.render(scale=0.5).to_numpy().min(axis=2) < 200).any(axis=1)
        body = dark[: int(0.92 * len(dark))]  # without the footer
        ends.append(1 - (np.flatnonzero(body)[-1] + 1) / len(dark))
    assert np.mean(ends) < WHITE / 2
    assert max(ends) < WHITE

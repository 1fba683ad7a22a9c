"""The numbers that pages quote are part of what is verified."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import ROOT

from bench.publishing import pages


def test_a_number_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all((ROOT / path).exists() for path in pages.CHECKS)
    check = tmp_path / "test_page.py"
    check.write_text("def test_right():\n    pass\n\ndef test_quoted():\n    assert 1.5 == 1.6\n")
    monkeypatch.setattr(pages, "CHECKS", (check,))
    monkeypatch.chdir(tmp_path)
    (finding,) = pages.findings()
    assert "FAILED test_page.py::test_quoted - " in finding
    assert finding.endswith("correct the page, or restore the results that it quotes from git.")
    check.unlink()
    (finding,) = pages.findings()
    assert finding.endswith("test_page.py: file not found; run this in a checkout of the project.")

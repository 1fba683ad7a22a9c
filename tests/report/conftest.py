"""Shared by the tests of reports."""

from __future__ import annotations

import pytest

from bench.report.figures import style


@pytest.fixture
def svg_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw figures in the one format that the PDF and the page show, which halves the time."""
    monkeypatch.setattr(style, "FORMATS", ("svg",))

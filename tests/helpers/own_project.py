"""A user's project in a temporary folder, and the command line in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.cli.project import new
from helpers.command_line import call


def begin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project, make it the current folder, and let nothing of it outlive the test."""
    new(folder)
    monkeypatch.chdir(folder)
    forget(monkeypatch)
    return folder


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Import a project's methods anew, in this test and after it."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in [n for n in sys.modules if n.split(".")[0] == "methods"]:
        monkeypatch.delitem(sys.modules, name)


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the command line in this process; return its exit status."""
    forget(monkeypatch)
    return call(monkeypatch, *arguments)

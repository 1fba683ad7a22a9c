"""The reference for authors documents names that exist and are described."""

from __future__ import annotations

import importlib
import re
from typing import Any

import pytest
from helpers.paths import ROOT

TEXT = (ROOT / "docs/api.md").read_text()
NAMES = re.findall(r"^\.\. auto(?:class|function|module):: (\S+)", TEXT, re.MULTILINE)


def found(name: str) -> Any:
    """The module, class or function of a dotted name."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, last = name.rpartition(".")
        return getattr(importlib.import_module(module), last)


@pytest.mark.parametrize("name", NAMES)
def test_what_the_reference_names_exists_and_is_described(name: str) -> None:
    assert (found(name).__doc__ or "").strip()


def test_the_contract_is_quoted_from_where_it_is_stated() -> None:
    path, start = re.findall(r'\{literalinclude\} (\S+)\n:language: text\n:start-at: "(.*)"', TEXT)[
        0
    ]
    text = (ROOT / "docs" / path).read_text()
    assert text.count(start) == 1
    assert "init(spec, config, streams, updates)" in text.partition(start)[2].partition('"""')[0]

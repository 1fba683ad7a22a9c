"""The committed schemas are what the types in the code say."""

from __future__ import annotations

import pytest
from helpers.paths import ROOT

from bench.config import json_schemas


def test_schemas_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    json_schemas.write(check=True)

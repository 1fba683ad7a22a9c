"""Random data for runs that need not learn, and folders to train in."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.training_jobs import place_data, random_data

from bench.data.transitions import Transitions


@pytest.fixture
def data() -> Transitions:
    return random_data()


@pytest.fixture
def place(tmp_path: Path, data: Transitions) -> Path:
    for part in ("a", "b"):
        place_data(tmp_path / part, data)
    return tmp_path

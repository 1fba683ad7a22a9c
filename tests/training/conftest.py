"""Random data for runs that need not learn, and folders to train in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.training_jobs import DATASET

from bench.data import prepare
from bench.data.transitions import Transitions
from bench.paths import TRANSITIONS


@pytest.fixture
def data() -> Transitions:
    rng = np.random.default_rng(0)
    n = 500
    return Transitions(
        observations=rng.normal(size=(n, 4)).astype(np.float32),
        actions=rng.uniform(-1, 1, (n, 1)).astype(np.float32),
        rewards=rng.normal(size=n).astype(np.float32),
        next_observations=rng.normal(size=(n, 4)).astype(np.float32),
        masks=np.ones(n, np.float32),
        episodes=np.repeat(np.arange(10), 50).astype(np.int32),
    )


@pytest.fixture
def place(tmp_path: Path, data: Transitions) -> Path:
    prepare.write(data, {}, tmp_path / "a" / TRANSITIONS / DATASET)
    prepare.write(data, {}, tmp_path / "b" / TRANSITIONS / DATASET)
    return tmp_path

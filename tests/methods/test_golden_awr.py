"""AWR's returns, advantages and weights against those of its authors' functions."""

from __future__ import annotations

import torch
from helpers.golden.awr import TOLERANCE, differences


def test_returns_advantages_and_weights_equal_the_authors() -> None:
    assert max(differences().values()) < TOLERANCE


def test_float32_stays_near() -> None:
    assert max(differences(torch.float32).values()) < 1e-5

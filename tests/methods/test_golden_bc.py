"""BC and 10%BC against CORL's recorded updates and its choice of trajectories."""

from __future__ import annotations

import shutil
from typing import Any

import numpy as np
import pytest
from helpers.golden import Record, laid_out
from helpers.golden_case import FORMS, Case, Form, check

from baselines import bc, bc10
from bench.data.transitions import Transitions


def config(s: dict[str, Any]) -> bc.Config:
    return bc.Config(learning_rate=s["learning_rate"], hidden=tuple(s["hidden"]))


CASES = [
    Case(
        "bc",
        bc,
        config,
        laid_out({"policy.trunk": "policy"}),
        reported=lambda record, t: {"actor_loss": record("loss/actor_loss")[t]},
    )
]


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_program(case: Case, form: Form) -> None:
    check(case, form)


# Compiling takes some 10 s of a core, for IQL 20 s; so that this is the only method that is
# compared so. tests/test_contract.py compares compiled with eager updates for every method.
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_compiled_updates_equal_the_program() -> None:
    check(CASES[0], Form("compiled"))


def kept_rows() -> tuple[list[int], list[int]]:
    """The rows that our filter keeps of the recorded rewards, and those that CORL's keeps."""
    record = Record("bc")
    terminals = record.arrays["select/terminals"].astype(np.float32)
    count = np.arange(len(terminals), dtype=np.float32)
    data = Transitions(
        observations=count[:, None],  # so that a row can be told
        actions=count[:, None],
        rewards=record.arrays["select/rewards"].astype(np.float32),
        next_observations=count[:, None],
        masks=1 - terminals,
        episodes=np.cumsum(np.append(0, terminals[:-1])).astype(np.int32),
    )
    kept = bc10.select(data, bc10.Config(fraction=record.settings["fraction"]))
    ours = kept.observations[:, 0].astype(int).tolist()
    return ours, record.arrays["select/rows"].tolist()


def test_the_same_trajectories_are_kept() -> None:
    ours, theirs = kept_rows()
    assert ours == theirs

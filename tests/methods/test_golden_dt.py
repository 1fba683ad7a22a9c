"""DT against its authors' recorded updates, windows of the data and actions in an episode."""

from __future__ import annotations

import pytest
import torch
from helpers.golden.case import FORMS, Form
from helpers.golden.dt import (
    FILE,
    FLOAT32,
    TOLERANCE,
    Outcome,
    acting_difference,
    parameters,
    windows_difference,
)
from helpers.golden.record import Record


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_updates_equal_the_authors(form: Form) -> None:
    outcome = Outcome(form)
    single = form.dtype == torch.float32
    assert max(outcome.parameters.values()) < (FLOAT32 if single else TOLERANCE)
    assert outcome.loss < (1e-6 if single else TOLERANCE)


def test_every_parameter_is_compared() -> None:
    record = Record(FILE)
    outcome = Outcome(FORMS[0])
    own = {f"policy.{name}" for name, _ in outcome.state.policy.net.named_parameters()}
    assert own == parameters(record, "after1").keys()


def test_windows_equal_the_authors() -> None:
    assert windows_difference() < 1e-7


def test_an_episode_is_acted_as_there() -> None:
    assert acting_difference() < TOLERANCE

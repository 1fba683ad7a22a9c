"""AWAC against rlkit's recorded updates, with relative and with absolute weights."""

from __future__ import annotations

import pytest
from helpers.golden.awac import ABSOLUTE, CASES
from helpers.golden.case import FORMS, Case, Form, check, replay


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_program(case: Case, form: Form) -> None:
    check(case, form)


def test_the_smaller_loss_of_absolute_weights_is_felt_through_epsilon_alone() -> None:
    apart = max(replay(ABSOLUTE, undo=False).parameters.values())
    assert 1e-9 < apart < 1e-7

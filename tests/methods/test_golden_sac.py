"""SAC against recorded updates of stable-baselines3."""

from __future__ import annotations

import pytest
from helpers.golden.case import FORMS, Case, Form, check
from helpers.golden.sac import CASES


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_program(case: Case, form: Form) -> None:
    check(case, form)

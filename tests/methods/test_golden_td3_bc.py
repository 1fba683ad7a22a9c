"""TD3+BC against its author's recorded updates."""

from __future__ import annotations

import pytest
from helpers.golden.case import FORMS, Case, Form, check
from helpers.golden.td3_bc import CASES


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)

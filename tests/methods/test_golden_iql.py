"""IQL against its authors' recorded updates, in float32 as they were made."""

from __future__ import annotations

import pytest
from helpers.golden.case import Case, Form, check
from helpers.golden.iql import CASES


@pytest.mark.parametrize("form", [Form("eager"), Form("recorded")], ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)

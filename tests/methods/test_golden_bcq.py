"""BCQ against its author's recorded updates, and the actions chosen after the last of them."""

from __future__ import annotations

import pytest
from helpers.golden.bcq import CASES, acting_difference
from helpers.golden.case import FORMS, Case, Form, check


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)


def test_the_best_proposal_is_taken_as_there() -> None:
    assert acting_difference() < 1e-10

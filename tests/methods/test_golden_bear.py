"""BEAR against the recorded updates of its authors' code of 2019, with either kernel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from helpers.golden.bear import CASES
from helpers.golden.case import FORMS, Case, Form, check, replay


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_deviations_are_there_until_they_are_undone(case: Case) -> None:
    assert max(replay(case, undo=False).parameters.values()) > 1e-3
    only_clipped = replace(case, undo=Case.undo)
    assert 1e-4 < max(replay(only_clipped).parameters.values()) < 1e-2

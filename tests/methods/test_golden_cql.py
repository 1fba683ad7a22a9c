"""CQL against its authors' recorded updates: imitation, Lagrange, entropy and maximum backup."""

from __future__ import annotations

import pytest
from helpers.golden.case import FORMS, Case, Form, check, replay
from helpers.golden.cql import CASES, MAX_BACKUP


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)


def test_the_order_of_the_maximum_backup_differs_until_it_is_undone() -> None:
    assert max(replay(MAX_BACKUP, undo=False).parameters.values()) > 1e-4

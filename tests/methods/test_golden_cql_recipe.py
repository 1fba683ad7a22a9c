"""The AntMaze recipe of CQL, and Cal-QL, against recorded updates of SimpleSAC and of Cal-QL."""

from __future__ import annotations

import math

import pytest
from helpers.golden.case import FORMS, Case, Form, check, replay
from helpers.golden.cql_recipe import CASES


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_authors(case: Case, form: Form) -> None:
    check(case, form)


@pytest.mark.parametrize("case", CASES[1:], ids=str)
def test_the_temperatures_step_differs_until_it_is_undone(case: Case) -> None:
    result = replay(case, undo=False)
    assert max(result.parameters.values()) > 1e-9
    assert result.reported["actor_loss"] > 1e-5
    assert not math.isinf(result.reported["actor_loss"])

"""BC and 10%BC against CORL's recorded updates and its choice of trajectories."""

from __future__ import annotations

import shutil

import pytest
from helpers.golden.bc import CASES, kept_rows
from helpers.golden.case import FORMS, Case, Form, check


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_updates_equal_the_program(case: Case, form: Form) -> None:
    check(case, form)


# Compiling takes some 10 s of a core, for IQL 20 s; so that this is the only method that is
# compared so. test_contract.py compares compiled with eager updates for every method.
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_compiled_updates_equal_the_program() -> None:
    check(CASES[0], Form("compiled"))


def test_the_same_trajectories_are_kept() -> None:
    ours, theirs = kept_rows()
    assert ours == theirs

"""Names in the configuration reach no shell, and lead to no folder but their own."""

from __future__ import annotations

import pytest
from helpers.training_jobs import settings

from bench.config.types import Settings


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dataset", "local/x; touch owned"),
        ("dataset", "../../outside"),
        ("dataset", "/tmp/outside"),
        ("dataset", "local/../../outside"),
        ("dataset", "local/$(touch owned)"),
        ("env_id", "Hopper-v4 && touch owned"),
        ("env_id", "os;os:Hopper-v4"),
        ("recipe", "hopper/medium --seed `touch owned`"),
        ("recipe", "d4rl\ntouch owned"),
    ],
)
def test_no_name_reaches_a_shell_or_leaves_its_folder(field: str, value: str) -> None:
    cell = settings().model_dump()
    with pytest.raises(ValueError, match=field):
        Settings.model_validate(cell | {"task": cell["task"] | {field: value}})


@pytest.mark.parametrize("suite", ["../outside", "a b", "x;y", "", "a" * 101])
def test_a_suites_name_is_one_folder(suite: str) -> None:
    with pytest.raises(ValueError, match="suite"):
        settings(suite=suite)

"""What `make fuzz` prints: the inputs tried of each kind, and how they ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from helpers.fuzzing import ENDED


@pytest.fixture(scope="session", autouse=True)
def _told() -> Iterator[None]:
    yield
    for (kind, end), count in sorted(ENDED.items()):
        print(f"{kind}: {count} {end}")

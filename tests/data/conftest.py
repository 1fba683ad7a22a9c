"""The stand-in for D4RL's host, for every test of a download."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers.http_host import Host

from bench.data import fetch_d4rl, http_answers


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fetch_d4rl, "PAUSE", 0.0)
    monkeypatch.setattr(http_answers, "CHUNK", 2**14)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", fetch_d4rl.BASE_URL):
        monkeypatch.delenv(name, raising=False)
    host = Host()
    with host.serving():
        yield host

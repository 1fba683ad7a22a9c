"""A stand-in for D4RL's file host that misbehaves as it is told, and an entry that names it."""

from __future__ import annotations

import hashlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from bench.config.d4rl_files import Source
from bench.data import fetch_d4rl
from bench.data.fetch_d4rl import SIGNATURE
from bench.errors import BenchError
from helpers.loopback_server import LoopbackServer
from helpers.projects import one_sentence

CONTENT = SIGNATURE + bytes(range(256)) * 4000  # 1 MB, several chunks
NAME = "hopper_medium-v2.hdf5"
PATH = Path("data/d4rl") / NAME
PART = PATH.with_name(f"{NAME}.part")


class Host(LoopbackServer):
    """Serves one content under any path, and misbehaves as told."""

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__()
        self.content = content
        self.ranges = True  # whether Range is honoured
        self.breaks: list[int] = []  # bytes after which each of the next answers breaks off
        self.statuses: list[int] = []  # of the next answers, instead of the content
        self.reason: str | None = None  # given with a status, instead of the usual one
        self.stalls = 0  # how many of the next answers stop in the middle without closing
        self.length = True  # whether Content-Length is sent
        self.stated: str | None = None  # Content-Length to send instead of the right one
        self.drips = False  # whether bytes come one by one
        self.asked: list[tuple[str, str | None]] = []  # path and Range of each request
        self.url = f"{self.address}/gym_mujoco_v2/{NAME}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        if self.statuses:
            request.send_error(self.statuses.pop(0), self.reason)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(self.content):
            request.send_error(416)
            return
        body = self.content[start:]
        request.send_response(206 if start else 200)
        if start:
            last = len(self.content) - 1
            request.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        if self.length:
            request.send_header("Content-Length", self.stated or str(len(body)))
        request.end_headers()
        if self.breaks:
            body = body[: self.breaks.pop(0)]
        if self.stalls:
            self.stalls -= 1
            request.wfile.write(body[: len(body) // 2])
            self.released.wait(30)
            return
        if self.drips:
            for byte in body:
                request.wfile.write(bytes([byte]))
                if self.released.wait(0.05):
                    return
        request.wfile.write(body)


def source(*urls: str, **changes: Any) -> Source:
    row: dict[str, Any] = {
        "dataset": "hopper-medium-v2",
        "urls": urls,
        "bytes": len(CONTENT),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "observation_dim": 11,
        "action_dim": 3,
        "max_episode_steps": 1000,
        "ref_min_score": -20.272305,
        "ref_max_score": 3234.3,
        "environment": "gym HopperEnv (v2)",
    }
    return Source.model_validate(row | changes)


def refusal(what: Source, **options: Any) -> str:
    """Return the sentence with which a fetch is refused."""
    with pytest.raises(BenchError) as caught:
        fetch_d4rl.fetch(what, **options)
    assert not PATH.exists()
    return one_sentence(caught.value)


def nothing_left() -> bool:
    return not list(PATH.parent.iterdir())

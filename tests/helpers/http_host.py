"""A server of files on loopback that misbehaves as it is told."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.config.d4rl_files import Source
from bench.data.fetch_d4rl import SIGNATURE

CONTENT = SIGNATURE + bytes(range(256)) * 4000  # 1 MB, several chunks
NAME = "hopper_medium-v2.hdf5"


class Host:
    """A server on loopback that serves one content, and misbehaves as told."""

    def __init__(self, content: bytes = CONTENT) -> None:
        self.content = content
        self.ranges = True  # whether Range is honoured
        self.breaks: list[int] = []  # bytes after which each of the next answers breaks off
        self.statuses: list[int] = []  # of the next answers, instead of the content
        self.stalls = 0  # how many of the next answers stop in the middle without closing
        self.length = True  # whether Content-Length is sent
        self.asked: list[tuple[str, str | None]] = []  # path and Range of each request
        self.released = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/gym_mujoco_v2/{NAME}"

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer requests inside."""
        thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            self.released.set()
            self.server.shutdown()
            thread.join()
            self.server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append((request.path, wanted))
        if self.statuses:
            request.send_error(self.statuses.pop(0))
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
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if self.breaks:
            body = body[: self.breaks.pop(0)]
        if self.stalls:
            self.stalls -= 1
            request.wfile.write(body[: len(body) // 2])
            self.released.wait(30)
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

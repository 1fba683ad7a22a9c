"""Two mirrors of D4RL's files on loopback, of which the first fails in every way it can.

Addresses end as D4RL's own do (`gym_mujoco_v2/hopper_medium-v2.hdf5`). The first mirror treats one
file after the other differently: whole, broken off twice, busy at first, absent, wrong content.
The second one sends what is asked for.
"""

from __future__ import annotations

from collections import Counter
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rehearsal.loopback import serving

FAULTS = ("none", "breaks off twice", "busy at first", "absent", "wrong content")
CHUNK = 1 << 20


class Mirrors:
    """Serves the files under `root` as /first/FOLDER/NAME and /second/FOLDER/NAME."""

    def __init__(self, root: Path, port: int):
        self.files = {f"{p.parent.name}/{p.name}": p for p in sorted(root.glob("*/*.hdf5"))}
        self.faults = {name: FAULTS[i % len(FAULTS)] for i, name in enumerate(self.files)}
        self.asked: Counter[str] = Counter()  # requests by address
        self.resumed = 0  # requests for the rest of a file
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirrors.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)

    def urls(self, name: str) -> str:
        """Return both addresses of a file, as config/d4rl.tsv has them."""
        base = f"http://127.0.0.1:{self.server.server_port}"
        return f"{base}/first/{name} {base}/second/{name}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send a file, the rest of it, or an error."""
        mirror, _, name = request.path.lstrip("/").partition("/")
        self.asked[request.path] += 1
        path = self.files.get(name)
        fault = self.faults.get(name, "absent") if mirror == "first" else "none"
        if path is None or fault == "absent":
            request.send_error(404)
        elif fault == "busy at first" and self.asked[request.path] == 1:
            request.send_error(503)
        else:
            self._send(request, path, fault)

    def _send(self, request: BaseHTTPRequestHandler, path: Path, fault: str) -> None:
        size = path.stat().st_size
        wanted = request.headers.get("Range", "")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= size:
            request.send_error(416)
            return
        self.resumed += start > 0
        last = size
        if fault == "breaks off twice" and self.asked[request.path] <= 2:
            last = start + (size - start) // 2
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        request.send_header("Content-Length", str(size - start))
        request.end_headers()
        with path.open("rb") as file:
            file.seek(start)
            while start < last and (chunk := file.read(min(CHUNK, last - start))):
                start += len(chunk)
                if fault == "wrong content" and start >= size:
                    chunk = chunk[:-1] + bytes([chunk[-1] ^ 1])
                request.wfile.write(chunk)

    def serving(self) -> AbstractContextManager[None]:
        """Answer requests inside."""
        return serving(self.server)

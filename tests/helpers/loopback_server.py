"""An HTTP server on loopback, for stand-ins of the hosts that data are fetched from."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class LoopbackServer:
    """Passes every GET and HEAD request to `answer`, which a subclass defines."""

    protocol = "HTTP/1.0"

    def __init__(self) -> None:
        self.released = threading.Event()  # set when the server stops: no answer may wait longer
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = host.protocol

            def do_GET(self) -> None:
                host.answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send the response."""
        raise NotImplementedError

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

"""A stand-in on loopback for the Hugging Face hub, with Minari's datasets of MuJoCo."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from rehearsal.loopback import serving

REPO = "farama-minari/mujoco"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 1 << 20


class Hub:
    """Answers what huggingface_hub asks of the repository REPO.

    `folder` holds ROBOT/NAME/data/main_data.hdf5 and metadata.json of each dataset.
    """

    def __init__(self, folder: Path, port: int = 0):
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        self.files: dict[str, Path | bytes] = {str(p.relative_to(folder)): p for p in found}
        datasets = sorted({"/".join(name.split("/")[:2]) for name in self.files})
        robots = sorted({name.split("/")[0] for name in datasets})
        names = {
            "datasets": [f"mujoco/{name}" for name in datasets],
            "namespaces": [f"mujoco/{robot}" for robot in robots],
        }
        self.files["namespace_metadata.json"] = json.dumps(names).encode()
        self.files |= {f"{robot}/namespace_metadata.json": b"{}" for robot in robots}
        self.asked: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self)

            do_HEAD = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Send what is known of the repository, or a file of it."""
        path = request.path.partition("?")[0]
        self.asked.append(f"{request.command} {request.path}")
        about = {"id": REPO, "sha": COMMIT, "siblings": [{"rfilename": f} for f in self.files]}
        content: Path | bytes | None = None
        if path == "/api/datasets":
            content = json.dumps([about]).encode()
        elif path.startswith(f"/api/datasets/{REPO}/tree/"):
            tree = [
                {"type": "file", "path": name, "size": _size(held), "oid": _etag(held)}
                for name, held in self.files.items()
            ]
            content = json.dumps(tree).encode()
        elif path.startswith(f"/api/datasets/{REPO}"):
            content = json.dumps(about).encode()
        elif path.startswith(f"/datasets/{REPO}/resolve/"):
            name = path.removeprefix(f"/datasets/{REPO}/resolve/").partition("/")[2]
            content = self.files.get(name)
        request.send_response(404 if content is None else 200)
        if content is None:
            request.send_header("X-Error-Code", "EntryNotFound")
            content = b"{}"
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(_size(content)))
        request.send_header("ETag", f'"{_etag(content)}"')
        request.send_header("X-Repo-Commit", COMMIT)
        request.end_headers()
        if request.command == "GET":
            for chunk in _chunks(content):
                request.wfile.write(chunk)

    def serving(self) -> AbstractContextManager[None]:
        """Answer requests inside."""
        return serving(self.server)


def _size(content: Path | bytes) -> int:
    return len(content) if isinstance(content, bytes) else content.stat().st_size


@cache
def _etag(content: Path | bytes) -> str:
    digest = hashlib.sha1()
    for chunk in _chunks(content):
        digest.update(chunk)
    return digest.hexdigest()


def _chunks(content: Path | bytes) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk

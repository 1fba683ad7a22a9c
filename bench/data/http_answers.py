"""What servers send: awaited no longer than it is worth, and taken for what it is.

A server may send a byte a second for ever, so a limit on silence alone ends nothing: each step has
a limit of its own, and the files that a client of another library writes have to grow.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.errors import BenchError

CHUNK = 2**18  # bytes
SLOWEST = 60.0  # seconds for CHUNK bytes
PATIENCE = 120.0  # seconds in which another library's client must have written CHUNK bytes
ADDRESS = re.compile(r"https?://[^\s/@?#'\"]+(/[^\s@?#'\"]*)?")
FORK = multiprocessing.get_context("fork")  # to inherit what is registered with the client


class Refused(Exception):
    """Raised where an address will not give the file, however often it is asked."""


def check_address(address: str, name: str) -> str:
    """Return the address of a host, given in `name`; raise BenchError if it is none.

    The message does not repeat it, because a password may be in it.
    """
    if not ADDRESS.fullmatch(address):
        raise BenchError(
            f"{name}: not an address; write it like https://host/folder, without a user name, a "
            "password or a query."
        )
    return address


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Raise Refused, saying what was slow, where the block takes longer; for the main thread."""

    def late(*_: object) -> None:
        raise Refused(f"{what} in {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read(answer: Any) -> bytes:
    """Return the next CHUNK bytes of an answer, fewer at its end; raise Refused if it is slow."""
    with within(SLOWEST, f"sends fewer than {CHUNK:,} bytes"):
        content: bytes = answer.read(CHUNK)
        return content


def length(headers: Message) -> int | None:
    """Return the length that an answer states, if it does; raise Refused if that is no number."""
    text = headers.get("Content-Length")
    if text is not None and not re.fullmatch(r"[0-9]{1,15}", text):
        raise Refused(f"states a length of {text[:20]!r}")
    return None if text is None else int(text)


def impatiently(call: Callable[[], None], folder: Path) -> None:
    """Run `call` in a child process for as long as `folder` grows; raise BenchError if it fails.

    Another library's client waits in threads that only the end of their process ends.
    """
    ours, theirs = FORK.Pipe()
    child = FORK.Process(target=_child, args=(call, ours, theirs), daemon=True)
    child.start()
    theirs.close()
    size = _size(folder)
    try:
        while not ours.poll(PATIENCE):
            before, size = size, _size(folder)
            if size - before < CHUNK:
                raise BenchError(f"fewer than {CHUNK:,} bytes in {PATIENCE:g} s")
        problem = ours.recv_bytes().decode()
    except EOFError:
        problem = "its process was killed"
    finally:
        child.kill()
        child.join()
    if problem:
        raise BenchError(problem)


def _child(call: Callable[[], None], parents: Connection, own: Connection) -> None:
    """Run `call` and send what went wrong, or nothing; end with the parent."""
    parents.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, args=(own,), daemon=True).start()
    problem = ""
    try:
        call()
    except Exception as error:  # each client has errors of its own
        problem = " ".join(f"{type(error).__name__}: {error}".split())
    own.send_bytes(problem.encode())


def _end_with_parent(own: Connection) -> None:
    try:
        own.recv_bytes()
    except (EOFError, OSError):
        os._exit(1)


def _size(folder: Path) -> int:
    """Return the bytes that the files of a folder occupy, while others write them."""
    found = 0
    for place, _, files in os.walk(folder):
        for name in files:
            try:
                found += os.lstat(Path(place) / name).st_blocks * 512
            except FileNotFoundError:
                continue
    return found

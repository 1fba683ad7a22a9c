"""Asks the server of warm commands to run one; as a program it stands in place of `python`.

python -IS warm_client.py -m bench VERB ...     passes on streams, signals and the exit code
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

MODULES = ("bench", "snakemake")


def ask(
    server: str,
    arguments: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    streams: Sequence[int],
) -> tuple[socket.socket, int]:
    """Start `python -m ARGUMENTS`; return what will tell its exit code, and its process id."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(server)
    request = {"arguments": arguments, "folder": folder, "environment": dict(environment)}
    message = json.dumps(request).encode() + b"\n"
    sent = socket.send_fds(connection, [message], list(streams))
    connection.sendall(message[sent:])
    return connection, number(connection)


def number(connection: socket.socket) -> int:
    """Read one line with a number; one byte at a time, as another line may follow."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("the server of warm commands ended")
        line += byte
    return int(line)


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] != ["-m"] or arguments[1] not in MODULES:
        os.execv(sys.executable, [sys.executable, *arguments])
    connection, job = ask(
        os.environ["WARM_COMMANDS"], arguments[1:], os.getcwd(), os.environ, (0, 1, 2)
    )
    for name in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(name, lambda received, _: os.kill(job, received))
    code = number(connection)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()

"""Starts the project's commands as real processes without importing torch each time."""

from __future__ import annotations

import atexit
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from helpers.paths import TESTS
from helpers.warm_client import ask, number


@cache
def server() -> Path:
    """The socket of this process's server, which is started once and ends with it."""
    path = Path(tempfile.mkdtemp(prefix="warm-")) / "socket"
    process = subprocess.Popen(
        [sys.executable, TESTS / "helpers/warm_server.py", path],
        stdin=subprocess.PIPE,
        env={**os.environ, "MUJOCO_GL": "disable", "PYTHONPATH": ""},
        start_new_session=True,
    )
    atexit.register(process.communicate)
    while not path.exists():
        assert process.poll() is None, "the server of warm commands ended"
        time.sleep(0.01)
    return path


def environment() -> dict[str, str]:
    """The variables with which `python` in a rule's command is a warm one."""
    path = server().with_name("bin") / "python"
    if not path.exists():
        path.parent.mkdir()
        client = TESTS / "helpers/warm_client.py"
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{client}" "$@"\n')
        path.chmod(0o755)
    folders = (str(path.parent), str(Path(sys.executable).parent), os.environ["PATH"])
    return {"PATH": os.pathsep.join(folders), "WARM_COMMANDS": str(server())}


def printed(folder: Path, *command: str, **variables: str) -> str:
    """Return what a command prints in a folder; fail unless it succeeds."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment() | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


class WarmJob:
    """What `subprocess.Popen` is for an ordinary process, in a session of its own."""

    def __init__(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]):
        reading, writing = os.pipe()
        self.stdout = os.fdopen(reading, encoding="utf-8", errors="replace")
        self.returncode: int | None = None
        with open(os.devnull) as nothing:
            streams = (nothing.fileno(), writing, writing)
            self._end, self.pid = ask(str(server()), arguments, str(folder), environment, streams)
        os.close(writing)

    def poll(self) -> int | None:
        return self._until(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._until(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Read all that it prints, to its end; kill it after `timeout` seconds."""
        alarm = threading.Timer(timeout or threading.TIMEOUT_MAX, self.kill)
        alarm.daemon = True
        alarm.start()
        output = self.stdout.read()
        alarm.cancel()
        self.wait(timeout)
        return output, None

    def send_signal(self, name: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, name)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _until(self, seconds: float | None) -> int | None:
        if self.returncode is None and select.select([self._end], [], [], seconds)[0]:
            self.returncode = number(self._end)
        return self.returncode

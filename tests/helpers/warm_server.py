"""Runs the project's commands in processes forked from one that has imported torch and the like.

Importing takes 2 to 3 s of a command's CPU, and the tests start hundreds of commands. Each still
has a process and a session of its own, its own folder, environment and streams, and can be killed.

    python warm_server.py SOCKET     serves until its standard input is closed
"""

from __future__ import annotations

import atexit
import gc
import importlib
import inspect
import json
import os
import runpy
import select
import signal
import socket
import sys

# What the commands import that takes long; the project's own modules are imported anew each time.
SLOW = (
    "gymnasium.envs.mujoco.hopper_v4", "h5py", "jinja2", "jsonschema", "matplotlib.figure",
    "minari.data_collector", "pandas", "plotly.offline", "pydantic", "rich.live",
    "rliable.library", "safetensors.torch", "scipy.stats", "seaborn", "snakemake.cli",
    "statsmodels.stats.meta_analysis", "torch.utils.flop_counter", "typst", "tyro",
)  # fmt: skip


def run(request: dict, streams: list[int]) -> None:
    """Become the command: its session, streams, folder, environment, arguments."""
    os.setsid()
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
    os.closerange(3, 256)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    folders = request["environment"].get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [request["folder"], *filter(None, folders), *sys.path[1:]]
    module, *arguments = request["arguments"]
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        if isinstance(ended.code, str):
            sys.stderr.write(ended.code + "\n")
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    # To take the interpreter apart, with all that it has imported, would take a second.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def watch(connection: socket.socket, request: dict, streams: list[int]) -> None:
    """Start the command, tell its id and its exit code; kill it when the asker has gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job = os.fork()
    if job == 0:
        raise Begin(request, streams)
    for stream in streams:
        os.close(stream)
    connection.sendall(f"{job}\n".encode())
    ended = os.pidfd_open(job)
    readable, _, _ = select.select([ended, connection], [], [])
    if ended not in readable:
        os.killpg(job, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    if ended in readable:
        connection.sendall(f"{code}\n".encode())
    os._exit(0)


class Begin(BaseException):
    """Carries a forked process out of the server's frames, to end as an ordinary one."""


def serve(path: str) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(16)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while sys.stdin not in (ready := select.select([listening, sys.stdin], [], [])[0]):
        assert ready
        connection, _ = listening.accept()
        message, streams, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while not message.endswith(b"\n"):
            message += connection.recv(1 << 20)
        if os.fork() == 0:
            listening.close()
            watch(connection, json.loads(message), streams)
        connection.close()
        for stream in streams:
            os.close(stream)


if __name__ == "__main__":
    for name in SLOW:
        importlib.import_module(name)
    inspect.getmodule(serve.__code__)  # keeps the file of each, for which torch.library looks
    gc.freeze()  # so that collecting garbage does not copy what the processes share
    try:
        serve(sys.argv[1])
    except Begin as begin:
        run(*begin.args)

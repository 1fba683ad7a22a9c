"""What `python -m bench benchmark` refuses to measure."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from bench.config.registry import OFFLINE
from bench.errors import BenchError, unknown
from bench.speed.cells import PARTS


def _check_imports(option: str, python: str, package: str) -> None:
    try:
        done = subprocess.run([python, "-c", f"import {package}"], capture_output=True)
    except OSError:
        done = None
    if done is None or done.returncode:
        raise BenchError(
            f"{option}: '{python}' is not a Python interpreter that can import {package}; give the "
            "path of one, such as ENVIRONMENT/bin/python."
        )


def check(
    methods: Sequence[str],
    parts: Sequence[str],
    rounds: int,
    seconds: float,
    peer: str | None = None,
    xla: str | None = None,
) -> None:
    """Raise BenchError for an option of `python -m bench benchmark` that cannot be measured."""
    for option, kind, given, known in (
        ("--methods", "method", methods, OFFLINE),
        ("--parts", "part", parts, PARTS),
    ):
        if not given:
            raise BenchError(f"{option}: none given; use at least one of: {', '.join(known)}.")
        for name in given:
            if name not in known:
                raise unknown(option, kind, name, known)
    if rounds < 1:
        raise BenchError(f"--rounds: {rounds} is not positive; use 1 or more (default 5).")
    if not 0 < seconds < 60:
        raise BenchError(
            f"--seconds: {seconds} is not between 0 and 60; use a value between (default 0.5)."
        )
    if peer is not None:
        _check_imports("--peer", peer, "d3rlpy")
    if xla is not None:
        _check_imports("--xla", xla, "jax")

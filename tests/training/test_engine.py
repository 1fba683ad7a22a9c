"""Executing updates: what a recording sees of draws, counters and branches, and the settings."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.config.executors import COMPILE_FROM
from bench.errors import BenchError
from bench.learning.learner import Learner, Target, cosine
from bench.learning.networks import ValueNet
from bench.learning.streams import Streams
from bench.training import checkpoint
from bench.training.engine import Engine, choose_executor

CPU = torch.device("cpu")


@dataclass
class State:
    value: Learner[ValueNet]
    slow: Target[ValueNet]
    total: Tensor  # (S,)


class Table:
    """Stands in for Replay: row t is the state (t, -t) / 10."""

    def batch(self, rows: Tensor) -> Tensor:
        return torch.stack([rows, -rows], dim=-1) / 10


def update(state: State, batch: Tensor, config: Any, streams: Streams) -> dict[str, Tensor]:
    """Draws twice, branches on a counter, clips, and changes a bare tensor of the state."""
    third = branch(state, config)
    noise = streams.normal(batch.shape[1]) + streams.integers(3, batch.shape[1])
    loss = (state.value(batch) - noise).square().mean(-1)
    state.value.descend(loss, max_norm=0.5)
    if third:
        state.slow.track(state.value, 0.5)
    state.total.add_(loss.detach())
    return {"loss": loss.detach(), "slow": state.slow(batch).mean(-1)}


def branch(state: State, config: Any) -> bool:
    return state.value.updates % 3 == 2


METHOD: Any = SimpleNamespace(update=update, branch=branch)


def make(executor: str, seeds: tuple[int, ...] = (4, 1), method: Any = METHOD) -> Engine:
    net = ValueNet([2, 8], Streams(seeds, "initialisation"))
    value = Learner(net, cosine(0.05, 20))
    state = State(value, Target(value), torch.zeros(len(seeds)))
    table: Any = Table()
    return Engine(method, state, None, table, Streams(seeds, "noise"), executor)


def rows(number: int, seeds: int = 2) -> Tensor:
    return torch.randint(100, (seeds, 16), generator=torch.Generator().manual_seed(number))


@pytest.mark.parametrize("executor", ["recorded", "compiled"])
def test_a_recording_repeats_draws_branches_schedule_and_clipping(executor: str) -> None:
    if executor == "compiled" and not shutil.which("g++"):
        pytest.skip("no C++ compiler on this machine")
    exact = {"rtol": 0, "atol": 0 if executor == "recorded" else 1e-5}
    plain, other = make("eager"), make(executor)
    for number in range(20):
        expected, metrics = plain(rows(number)), other(rows(number))
        for key, value in expected.items():
            torch.testing.assert_close(metrics[key], value, **exact)
        there = checkpoint.state_tensors(other.state)
        for key, value in checkpoint.state_tensors(plain.state).items():
            torch.testing.assert_close(there[key], value, **exact)
    assert torch.equal(plain.streams.state(), other.streams.state())
    assert len(other.proof.branches) == 2


def test_two_steps_of_one_network_are_refused() -> None:
    def twice(state: State, batch: Tensor, config: Any, streams: Streams) -> dict[str, Tensor]:
        for _ in range(2):
            state.value.descend(state.value(batch).square().mean(-1))
        return {}

    instance = make("recorded", method=SimpleNamespace(update=twice))
    with pytest.raises(BenchError, match=r"test_engine.py:\d+: the update lets a network descend"):
        instance(rows(0))


def test_short_runs_are_not_compiled_nor_any_without_compiler_and_headers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/somewhere/g++")
    headers = tmp_path / "Python.h"
    headers.touch()
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    assert choose_executor(COMPILE_FROM - 1, CPU) == "recorded"
    assert choose_executor(COMPILE_FROM, CPU) == "compiled"
    headers.unlink()
    assert choose_executor(10**6, CPU) == "recorded"
    headers.touch()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert choose_executor(10**6, CPU) == "recorded"


def test_memory_of_an_update_is_kept_for_the_next() -> None:
    """In a process of its own, since it changes the allocator."""
    if not sys.platform.startswith("linux"):
        pytest.skip("glibc's allocator alone is tuned")
    code = (
        "import resource, torch\n"
        "from bench.training.engine import prepare_process\n"
        "prepare_process(1)\n"
        "def work():\n"
        "    parts = [torch.ones(10, 256, 256) for _ in range(20)]\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    for _ in range(10): work()\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "for _ in range(3): work()\n"
        # The least of several, because a kernel may take back pages at any time.
        "print(min(faults() for _ in range(5)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pages = 10 * 20 * 10 * 256 * 256 * 4 // resource.getpagesize()
    assert int(done.stdout) < pages / 100


def test_numbers_too_small_for_full_precision_are_zero() -> None:
    code = (
        "import torch\n"
        "from bench.training.engine import prepare_process\n"
        "def product():\n"
        "    return (torch.full((8, 8), 1e-25) @ torch.full((8, 8), 1e-15)).max().item()\n"
        "before = product()\n"
        "prepare_process(1)\n"
        "print(before, product())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert 0 < before < torch.finfo(torch.float32).tiny
    assert after == 0

"""The proof behind a recording: what it compares, when, and what is left after a refusal."""

from __future__ import annotations

from collections import deque
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import scratch_methods
from helpers.scratch_methods import engine, rows

from bench.training import checkpoint
from bench.training.engine import Engine
from bench.training.recording import proof
from bench.training.recording.python_state import Snapshot
from bench.training.recording.tracer import Trace


def run(
    tmp_path: Path, executor: str, updates: int = 12, **parts: str
) -> tuple[Engine, list[float], int]:
    method, line = scratch_methods.write(tmp_path / "scratch_proof.py", **parts)
    made = engine(method, executor)
    losses = [made(rows(n))["actor_loss"].sum().item() for n in range(updates)]
    return made, losses, line


def same(a: Engine, b: Engine) -> bool:
    mine, other = (checkpoint.state_tensors(e.state) for e in (a, b))
    return all(torch.equal(mine[k], other[k]) for k in mine) and torch.equal(
        a.streams.state(), b.streams.state()
    )


def refused(tmp_path: Path, says: str, updates: int = 12, **parts: str) -> None:
    """The method is executed eagerly with the eager result, and the message names the line."""
    plain, losses, _ = run(tmp_path, "eager", updates, **parts)
    other, found, line = run(tmp_path, "recorded", updates, **parts)
    assert other.executor == "eager"
    assert f"scratch_proof.py:{line}: the update {says}" in other.reason
    assert found == losses
    assert same(plain, other)


BRANCH = "def branch(state, config):\n    return {}"


def test_traces_of_one_branch_must_be_the_same(tmp_path: Path) -> None:
    """Nothing shows the position of this iterator but what it returns."""
    refused(
        tmp_path,
        "uses a number that changes between updates: 2, then 3, which",
        above="CYCLE = iter(map(int, itertools.cycle('23')))",
        inside="loss = loss * next(CYCLE)  # here",
    )
    refused(
        tmp_path,
        "does something else at different updates",
        above="CYCLE = iter(map(int, itertools.cycle('01')))",
        inside="loss = (loss.exp() if next(CYCLE) else loss.square())  # here",
    )
    refused(
        tmp_path,
        "uses a tensor that is made anew from changing values",
        above="CYCLE = iter(map(int, itertools.cycle('23')))",
        inside="loss = loss * torch.tensor([next(CYCLE), 1])  # here",
    )


def test_the_same_reads_are_allowed_in_branch_before_the_descent(tmp_path: Path) -> None:
    below = BRANCH.format("state.policy.updates % 2")
    inside = "loss = loss * (1 + branch(state, config))"
    plain, losses, _ = run(tmp_path, "eager", inside=inside, below=below)
    other, found, _ = run(tmp_path, "recorded", inside=inside, below=below)
    assert other.executor == "recorded"
    assert [b.proven for b in other.proof.branches.values()] == [True, True]
    assert found == losses
    assert same(plain, other)


def test_branch_after_the_descent_is_refused(tmp_path: Path) -> None:
    refused(
        tmp_path,
        "calls `branch` after a descent, not before it",
        inside="state.policy.descend(loss)\n"
        "loss = (state.policy(batch.observations) - batch.actions).square().mean((-2, -1))\n"
        "return {'actor_loss': loss.detach() * (1 + branch(state, config))}",
        below=BRANCH.format("state.policy.updates % 2  # here"),
    )


def test_a_branch_that_is_a_count_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proof, "MOST_BRANCHES", 5)
    method, _ = scratch_methods.write(
        tmp_path / "scratch_proof.py", below=BRANCH.format("state.policy.updates")
    )
    made = engine(method, "recorded")
    for n in range(6):
        made(rows(n))
    assert "`branch` names more than 5 branches; it must not return a count" in made.reason


def test_draws_by_the_generators_themselves_are_executed_eagerly(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inside = "loss = loss + torch.rand(2, generator=streams.generators[0])  # here"
    refused(tmp_path, "uses streams.generators, which a recording cannot repeat", inside=inside)


def test_a_recording_with_another_result_is_not_used(tmp_path: Path) -> None:
    method, _ = scratch_methods.write(tmp_path / "scratch_proof.py")
    plain, other = engine(method, "eager"), engine(method, "recorded")
    record = other.proof.record

    def wrong(trace: Trace, some: torch.Tensor) -> Any:
        made: Any = record(trace, some)
        apply = made.apply

        def applied(rows: torch.Tensor, draws: list[torch.Tensor]) -> Any:
            result = apply(rows, draws)
            other.state.policy.flat[0] *= 1 + 1e-6
            return result

        made.apply = applied
        return made

    other.proof.record = wrong
    for n in range(4):
        plain(rows(n)), other(rows(n))
    assert "gives another policy.flat when recorded than when executed" in other.reason
    assert same(plain, other)


def test_later_updates_are_checked_at_places_that_the_seed_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, _ = scratch_methods.write(tmp_path / "scratch_proof.py")

    def places(seed: int, updates: int = 1200) -> list[int]:
        made, found = engine(method, "recorded", seed), []
        check = made.proof.check
        monkeypatch.setattr(made.proof, "check", lambda *a: found.append(n) or check(*a))
        for n in range(updates):
            made(rows(n % 3))
        return found

    first = places(1)
    assert first[:2] == [0, 1]
    gaps = list(islice(proof._gaps(1, 0), 7))
    assert first[2:4] == [2 + gaps[0], 3 + gaps[0] + gaps[1]]
    assert places(1) == first != places(2)
    assert all(10 * 10**i <= gap <= 100 * 10**i for i, gap in enumerate(gaps[:5]))
    assert gaps[6] >= 1_000_000


class Slotted:
    __slots__ = ("count",)


def make_closure() -> Any:
    count = [0]
    return lambda: count, count


def test_what_a_snapshot_sees() -> None:
    slotted, (closure, count), generator = Slotted(), make_closure(), (n for n in range(3))
    slotted.count = 0

    def update(a: Any, memory: Any = []) -> Any:  # noqa: B006
        return memory, closure, slotted, generator, queue, array, names

    queue, array, names = deque([1], maxlen=1), np.zeros(2), {"a"}
    default: Any = update.__defaults__
    changes: dict[str, Any] = {
        "slotted": lambda: setattr(slotted, "count", 1),
        "closure": lambda: count.__setitem__(0, 1),
        "generator": lambda: next(generator),
        "default": lambda: default[0].append(1),
        "queue": lambda: queue.append(2),
        "array": lambda: array.__setitem__(0, 1),
        "names": lambda: names.add("b"),
        "function": lambda: setattr(update, "calls", 1),
    }
    for name, change in changes.items():
        before = Snapshot({"update": update})
        assert before.difference(Snapshot({"update": update})) is None
        change()
        assert before.difference(Snapshot({"update": update})) is not None, name

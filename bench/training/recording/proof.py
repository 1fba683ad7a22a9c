"""Prove that the recordings of a method repeat its updates, before and while they are used.

A recording is a trace of one update. It repeats the others if the method's Python always does the
same, which is proven for each branch at its first two updates, and again at a few later ones:

- the trace finds nothing that depends on values, counts or draws of its own (tracer);
- the update changes nothing that the method keeps in Python (python_state);
- both traces are the same, operation by operation (operations);
- replayed from the same state, the recording gives what the eager update gave: the same bits on a
  CPU, and up to rounding where it is compiled or on a GPU.

The traced updates are real ones. Where something is refused, the state is that of the eager update.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.learning.streams import Streams
from bench.training import checkpoint
from bench.training.products.choice import Products
from bench.training.recording.lines import Finding, definition, place_of
from bench.training.recording.operations import Operations, same_values
from bench.training.recording.python_state import Change, Snapshot, changing_line
from bench.training.recording.tracer import Trace

ATTEMPTS = 3  # traces of a branch, of which two in a row must be the same
MOST_BRANCHES = 64  # more are not names of operations but counts
NEAR = 1e-2  # relative distance of a tensor after one update that rounding may explain

Metrics = dict[str, Tensor]
Eager = Callable[[Tensor, Any], Metrics]


class Recording(Protocol):
    """A recorded update."""

    def __call__(self, rows: Tensor) -> Metrics:
        """Apply the update with new draws."""

    def apply(self, rows: Tensor, draws: list[Tensor]) -> Metrics:
        """Apply the update with these draws."""


@dataclass
class Branch:
    """One branch of the update, and how far it is proven."""

    gaps: Iterator[int]  # updates between checks
    recording: Recording | None = None
    operations: Operations | None = None
    attempts: int = 0
    proven: bool = False
    left: int = 0  # updates to the next check

    def due(self) -> bool:
        """Count an update; return whether it is one to check."""
        self.left -= 1
        return self.left < 0


@dataclass
class Refusal:
    """Why a method is not recorded; `late` if updates have been replayed that may be wrong."""

    findings: list[Finding]
    late: bool = False


class Proof:
    """Executes the updates of a method that are checked.

    `record` makes a recording, which must give the same bits if `exact`; eager updates run in
    `watch`, with the libraries that `products` chooses. After each update, `refusal` says whether
    the method must be executed eagerly from here on, and `suspicious` whether the next update goes
    to `locate`.
    """

    def __init__(
        self,
        method: Any,
        state: Any,
        config: Any,
        record: Callable[[Trace, Tensor], Recording],
        watch: AbstractContextManager[Any],
        products: Products,
        exact: bool,
        seed: int,
    ):
        self.method, self.state, self.record, self.exact = method, state, record, exact
        self.watch, self.products = watch, products
        self.roots = {"update": method.update, "state": state, "config": config}
        self.seed = seed
        self.branches: dict[Hashable, Branch] = {}
        self.refusal: Refusal | None = None
        self.suspicious = False
        self._python: Snapshot | None = None  # after the last checked update

    def branch(self, key: Hashable) -> Branch:
        """Return the branch that the method's `branch` names `key`."""
        if key not in self.branches:
            self.branches[key] = Branch(_gaps(self.seed, len(self.branches)))
        return self.branches[key]

    def inspect(self, rows: Tensor, eager: Eager, streams: Streams) -> Metrics:
        """Apply an update that will not be recorded, and find draws outside `streams`."""
        before, trace = self._look(), Trace(self.method, self.state, Products())
        with self.watch:
            metrics = trace.run(eager, rows, streams)
        change = before.difference(self._look())
        findings = [finding for finding in trace.findings if finding.draws]
        if findings:
            self._refuse(findings)
        else:
            self.suspicious = change is not None and change.draws
        return metrics

    def check(self, branch: Branch, rows: Tensor, eager: Eager, streams: Streams) -> Metrics:
        """Apply an update eagerly and by its recording, and compare them in every way."""
        before, state = self._look(), self._copy()
        trace = Trace(self.method, self.state, self.products)
        with self.watch:
            metrics = trace.run(eager, rows, streams)
        after = self._look()
        inside = before.difference(after)
        change = inside or (self._python.difference(before) if self._python else None)
        self._python = after
        different = branch.operations and branch.operations.difference(trace.operations)
        branch.attempts += 1
        if len(self.branches) > MOST_BRANCHES:
            what = f"`branch` names more than {MOST_BRANCHES} branches; it must not return a count"
            self._refuse([Finding(place_of(definition(self.method.branch)), what)])
        elif trace.findings:
            draws = [self._unplaced(inside)] if inside and inside.draws else []
            self._refuse(trace.findings + draws, branch.proven)
        elif branch.proven and (different or inside):
            self._refuse([different or self._unplaced(change)], late=True)
        elif branch.attempts > ATTEMPTS and (different or change):
            self._refuse([different or self._unplaced(change)])
        elif inside:
            branch.recording = branch.operations = None
            self.suspicious = True
        else:
            self.suspicious = change is not None
            new = branch.recording is None or different is not None
            branch.proven = branch.proven or not (new or change)
            branch.left = next(branch.gaps) if branch.proven else 0
            return self._compare(branch, trace, rows, state, metrics, new)
        return metrics

    def locate(self, run: Callable[[], Metrics]) -> Metrics:
        """Apply an update eagerly, and find the line that changes what the method keeps."""
        metrics, found = changing_line(run, self._look)
        self.suspicious, self._python = False, self._look()
        if found is not None:
            line, change = found
            self._refuse([Finding(place_of(line), str(change), change.draws)])
        return metrics

    def recheck(self) -> None:
        """Prove every branch again if other code has changed what the method keeps in Python."""
        now = self._look()
        if self._python is not None and self._python.difference(now):
            for branch in self.branches.values():
                branch.attempts, branch.proven, branch.left = 0, False, 0
            self.suspicious = True
        self._python = now

    def _compare(
        self,
        branch: Branch,
        trace: Trace,
        rows: Tensor,
        before: dict[str, Tensor],
        metrics: Metrics,
        new: bool,
    ) -> Metrics:
        """Replay from the state `before`; return the metrics, the eager ones if they differ."""
        eager = self._copy()
        if new:
            branch.recording, branch.operations = self.record(trace, rows), trace.operations
        checkpoint.restore_state(self.state, before)
        assert branch.recording is not None
        with torch.no_grad():
            replayed = branch.recording.apply(rows, trace.draws)
        tensors = checkpoint.state_tensors(self.state)
        pairs = {name: (tensors[name], tensor) for name, tensor in eager.items()}
        if self.exact:
            pairs |= {name: (replayed[name], value) for name, value in metrics.items()}
        near = same_values if self.exact else _near
        far = [name for name, (a, b) in pairs.items() if not near(a, b)]
        if not far:
            return replayed
        checkpoint.restore_state(self.state, eager)
        what = f"gives another {far[0]} when recorded than when executed"
        self._refuse([Finding(place_of(trace.operations.place), what)], late=not new)
        return metrics

    def _refuse(self, findings: list[Finding], late: bool = False) -> None:
        self.refusal, self.suspicious = Refusal(findings, late), False

    def _unplaced(self, change: Change | None) -> Finding:
        """Return the finding for a change whose line is not known."""
        assert change is not None
        what = f"{change} (found after the update)"
        return Finding(place_of(definition(self.method.update)), what, change.draws)

    def _look(self) -> Snapshot:
        return Snapshot(self.roots)

    def _copy(self) -> dict[str, Tensor]:
        return {k: v.clone() for k, v in checkpoint.state_tensors(self.state).items()}


def _gaps(seed: int, branch: int) -> Iterator[int]:
    """Yield tens of updates, then hundreds, thousands and so on, at random in each range."""
    random, unit = Random(f"{seed} {branch}"), 10
    while True:
        yield random.randint(unit, 10 * unit)
        unit = min(10 * unit, 1_000_000)


def _near(a: Tensor, b: Tensor) -> bool:
    if not torch.equal(a.isnan(), b.isnan()):
        return False
    one, two = (t.double().nan_to_num() for t in (a, b))
    return bool((one - two).norm() <= NEAR * two.norm())

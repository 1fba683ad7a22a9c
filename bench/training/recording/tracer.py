"""Trace an update while it is executed eagerly, and find what a recording of it would freeze.

The traced update is a real one: it changes the state as any eager update does. Nothing of the
method has to be executed twice, so a method whose Python changes is not disturbed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bench.learning.learner import Learner
from bench.learning.streams import Streams
from bench.training import checkpoint
from bench.training.products.choice import Products
from bench.training.recording.lines import Finding, Line, current_line, definition, place_of
from bench.training.recording.operations import (
    INDEX,
    Draw,
    Held,
    Operation,
    Operations,
    Ref,
    map_leaves,
    rules_of,
    storage,
)

DRAWS = ("normal", "uniform", "integers", "permutation")  # the draws of Streams
# Functions of a tensor that return its values without being an operation on tensors.
READS = frozenset(getattr(Tensor, name) for name in ("tolist", "numpy", "__array__", "__dlpack__"))
VALUE = (
    "reads a tensor's value in Python, which a recording would freeze; compute with tensors "
    "instead, for example with torch.where"
)
SHAPE = (
    "makes a tensor whose shape depends on values, which a recording would freeze; multiply by a "
    "mask of 0 and 1 instead"
)
COUNT = (
    "reads a number of updates, which a recording would freeze; name what depends on it with "
    "`branch(state, config)`, and call that"
)


class Trace(TorchDispatchMode):
    """One eager update: its operations, including backward passes, and its draws.

    `products` chooses the operator of each matrix product, which is executed and noted.
    `findings` holds what a recording would freeze; `operations` are of use if there is none.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise each process would import torch's compiler, which takes 1 s

    def __init__(self, method: Any, state: Any, products: Products):
        super().__init__()
        self.products = products
        self.update: Callable[..., Any] = method.update
        branch = getattr(method, "branch", None)
        self.branch: CodeType | None = getattr(branch, "__code__", None)
        self.learners = learners(state)
        own = list(checkpoint.state_tensors(state).values())
        for learner in self.learners:
            own += [learner.step_size, learner.correction, learner.shrinkage]
        self.own = {storage(tensor) for tensor in own}
        self.operations = Operations(definition(self.update))
        self.draws: list[Tensor] = []
        self.findings: list[Finding] = []
        self.paused = False
        self._numbers: dict[int, Ref] = {}
        self._alive: list[Tensor] = []  # an id is unique only while its tensor is alive
        self._made: set[int] = set()  # the memory of results

    def run(
        self, eager: Callable[[Tensor, Any], dict[str, Tensor]], rows: Tensor, streams: Streams
    ) -> dict[str, Tensor]:
        """Apply `eager(rows, streams)`, tracing it; return its metrics."""
        self.operations.inputs.append(self._number(rows))
        for learner in self.learners:
            learner.driver = self
        try:
            with Reads(self), self:
                metrics = eager(rows, Tape(streams, self))
        finally:
            for learner in self.learners:
                learner.driver = None
        for name, value in metrics.items():
            if isinstance(value, Tensor):
                self.operations.outputs[name] = self._refer(value, self.operations.place)
            else:
                self.note(f"returns '{name}' as a number, which a recording would freeze")
        self._numbers, self._alive, self._made = {}, [], set()  # intermediate results are freed
        return metrics

    def note(self, what: str, line: Line | None = None, draws: bool = False) -> None:
        """Add a finding at a line, by default the definition of `update`."""
        self.findings.append(Finding(place_of(line or self.operations.place), what, draws))

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Execute without tracing."""
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def draw(self, streams: Streams, kind: str, arguments: tuple[int, ...]) -> Tensor:
        """Draw from `streams`, and make what is drawn an input."""
        with self.pause():
            drawn: Tensor = getattr(streams, kind)(*arguments)
            self.draws.append(drawn.clone())  # the update may change what it has drawn
        self.operations.draws.append(Draw(kind, arguments))
        self.operations.inputs.append(self._result(drawn))
        return drawn

    def step(self, learner: Learner[Any]) -> None:
        """Advance a learner, whose step size a recording reads from a tensor."""
        if self._has_moved(learner):
            self.note("lets a network descend a second time in one update", current_line())
        self.operations.moved.append(learner)
        with self.pause():
            learner.advance()

    def read(self, learner: Learner[Any]) -> None:
        """Note that a learner's count is read, unless `branch` does it before the descent."""
        if self.paused:
            return
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code is self.branch:
                if self._has_moved(learner):
                    self.note("calls `branch` after a descent, not before it", current_line())
                return
            frame = frame.f_back
        self.note(COUNT, current_line())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        line = current_line() or self.operations.place

        def refer(value: Any) -> Any:
            return self._refer(value, line) if isinstance(value, Tensor) else value

        given = map_leaves(args, refer), map_leaves(kwargs, refer)
        self._check(func, args, kwargs, line)
        func = self.products(func, args)
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            results: Any = self._result(result)
        else:
            parts = result if isinstance(result, tuple | list) else ()
            results = [self._result(part) if isinstance(part, Tensor) else None for part in parts]
        self.operations.done.append(Operation(func, *given, results, line))
        return result

    def _check(self, func: Any, args: tuple[Any, ...], kwargs: Any, line: Line) -> None:
        rules = rules_of(func)
        if rules.random:
            self.note("draws random numbers outside `streams`", line, draws=True)
        if rules.value:
            self.note(VALUE, line)
        if rules.shape and (func is not INDEX or any(map(_is_mask, args[1]))):
            self.note(SHAPE, line)
        for key in rules.written:
            if isinstance(key, str):
                given = kwargs.get(key)
            else:
                given = args[key] if key < len(args) else None
            for tensor in given if isinstance(given, list | tuple) else (given,):
                if isinstance(tensor, Tensor):
                    memory = storage(tensor)
                    if memory not in self.own and memory not in self._made:
                        self.note("changes a tensor that is not in the state's tensors", line)

    def _has_moved(self, learner: Learner[Any]) -> bool:
        return any(learner is other for other in self.operations.moved)

    def _refer(self, tensor: Tensor, line: Line) -> Ref:
        if id(tensor) not in self._numbers:
            with self.pause():
                self.operations.held.append(Held(self._number(tensor), tensor.detach(), line))
        return self._numbers[id(tensor)]

    def _result(self, tensor: Tensor) -> Ref:
        self._made.add(storage(tensor))
        return self._number(tensor)

    def _number(self, tensor: Tensor) -> Ref:
        ref = Ref(len(self._alive))
        self._numbers[id(tensor)] = ref
        self._alive.append(tensor)
        return ref


class Reads(TorchFunctionMode):
    """Notes functions that return a tensor's values without being operations."""

    def __init__(self, trace: Trace):
        super().__init__()
        self.trace = trace

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in READS and not self.trace.paused:
            self.trace.note(VALUE, current_line())
        return func(*args, **(kwargs or {}))


class Tape:
    """A stand-in for Streams that makes every draw an input of a trace."""

    def __init__(self, streams: Streams, trace: Trace):
        self.streams, self.trace = streams, trace

    def __len__(self) -> int:
        return len(self.streams)

    def __getattr__(self, name: str) -> Any:
        if name in DRAWS:
            return lambda *arguments: self.trace.draw(self.streams, name, arguments)
        if name != "device":
            self.trace.note(
                f"uses streams.{name}, which a recording cannot repeat; use {', '.join(DRAWS)}",
                current_line(),
            )
        return getattr(self.streams, name)


def learners(state: Any) -> list[Learner[Any]]:
    """Return the learners of a method's state, in order."""
    parts = (getattr(state, field.name) for field in fields(state))
    return [part for part in parts if isinstance(part, Learner)]


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)

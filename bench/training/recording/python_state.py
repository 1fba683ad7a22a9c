"""What a method keeps in Python between updates, and the line that changes it.

A recording holds tensors, which it reads anew at every update. Numbers, flags and references in
Python are read once, when the update is traced. A snapshot holds those that the update can reach:
attributes of the state and its networks, settings, and the globals, default arguments, closures
and attributes of its functions and classes, and the generators of random numbers.
"""

from __future__ import annotations

import random
import sys
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from types import CodeType, FrameType, FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from bench.learning.learner import Learner
from bench.training.recording.lines import Line, is_method_code

T = TypeVar("T")

PLAIN = (bool, int, float, complex, str, bytes, type(None), np.generic, torch.dtype, torch.device)
GENERATORS = ("random", "numpy.random", "torch.random")  # those that a library shares
# What the engine advances itself at every update, and what a module needs to be one.
NOT_READ = {
    Learner: frozenset({"_updates", "schedule", "driver"}),
    nn.Module: frozenset(vars(nn.Module())) - {"training", "_parameters", "_buffers", "_modules"},
}


class Change(NamedTuple):
    """What differs between two snapshots."""

    name: str
    before: Any
    after: Any

    @property
    def draws(self) -> bool:
        """Whether it is a generator that a library shares: random numbers were drawn."""
        return self.name in GENERATORS

    def __str__(self) -> str:
        if self.draws:
            return "draws random numbers outside `streams`"
        shown = [repr(v) for v in (self.before, self.after) if isinstance(v, PLAIN)]
        values = f" from {shown[0]} to {shown[1]}" if len(shown) == 2 else ""
        return f"changes {self.name}{values}, which a recording would freeze"


class Snapshot:
    """The values that `roots` reach; other objects count by their identity."""

    def __init__(self, roots: Mapping[str, Any]):
        self.values: dict[str, Any] = {
            "random": _content(random._inst),
            "numpy.random": _content(np.random.mtrand._rand),
            "torch.random": _content(torch.default_generator),
        }
        self._alive: list[Any] = []  # an id is unique only while its object is alive
        seen: set[int] = set()
        left = list(roots.items())
        while left:
            name, value = left.pop()
            while name in self.values:
                name += "'"  # another object of the same name
            if isinstance(value, PLAIN):
                self.values[name] = value if value == value else "nan"
                continue
            self._alive.append(value)
            self.values[name] = None if isinstance(value, tuple) else id(value), _content(value)
            if id(value) not in seen:
                seen.add(id(value))
                left += _parts(name, value)

    def difference(self, later: Snapshot) -> Change | None:
        """Return the first value that differs, or None."""
        if self.values == later.values:
            return None
        for name in [*self.values, *later.values]:
            before, after = self.values.get(name), later.values.get(name)
            if before != after:
                return Change(name, before, after)
        return None


def changing_line(
    run: Callable[[], T], look: Callable[[], Snapshot]
) -> tuple[T, tuple[Line, Change] | None]:
    """Return the result of `run` and the first line of a method that changes what `look` sees."""
    before, found, last = look(), list[tuple[Line, Change]](), [("", 0)]

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        if not found and last[0][1]:
            change = before.difference(look())
            if change:
                found.append((last[0], change))
        caller = frame.f_back if event == "return" else frame
        if caller is not None and is_method_code(caller.f_code.co_filename):
            last[0] = caller.f_code.co_filename, caller.f_lineno
        return None if found else local

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return local if is_method_code(frame.f_code.co_filename) and not found else None

    others = sys.gettrace()
    sys.settrace(enter)
    try:
        result = run()
    finally:
        sys.settrace(others)
    return result, found[0] if found else None


def _content(value: Any) -> Hashable:
    """Return what an object holds that is not reached as a part of it."""
    match value:
        case np.ndarray():
            return value.dtype.str, value.shape, value.tobytes()
        case random.Random():
            return value.getstate()
        case np.random.RandomState():
            return repr(value.get_state(legacy=False)["state"])
        case np.random.Generator():
            return repr(value.bit_generator.state)
        case torch.Generator():
            return value.get_state().numpy().tobytes()
        case dict():
            return tuple(key if isinstance(key, PLAIN) else id(key) for key in value)
        case list() | tuple() | deque():
            return len(value)
        case set() | frozenset():
            return frozenset(item if isinstance(item, PLAIN) else id(item) for item in value)
        case bytearray():
            return bytes(value)
        case GeneratorType():
            return value.gi_frame and value.gi_frame.f_lasti
    if hasattr(value, "cache_info"):
        return repr(value.cache_info())
    if type(value).__module__ == "itertools":
        return repr(value)  # that of a counter holds its number
    return None


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield what an object refers to, with names for messages."""
    match value:
        case Tensor() | np.ndarray():
            return
        case dict():
            yield from ((f"{name}[{key!r}]", part) for key, part in value.items())
            return
        case list() | tuple() | deque():
            yield from ((f"{name}[{number}]", part) for number, part in enumerate(value))
            return
        case ModuleType():
            return  # what a function uses of it is reached from the function
        case type():
            if _is_own(value):
                own = ((k, v) for k, v in vars(value).items() if not k.startswith("__"))
                yield from ((f"{name}.{key}", part) for key, part in own)
            return
        case FunctionType():
            yield from _parts_of_function(name, value)
        case MethodType():
            yield from ((name, value.__func__), (f"{name}.__self__", value.__self__))
        case partial():
            yield from ((name, value.func), (name, value.args), (name, value.keywords))
        case property():
            yield name, value.fget
        case staticmethod() | classmethod():
            yield name, value.__func__
        case GeneratorType():
            yield f"{name}'s locals", value.gi_frame and value.gi_frame.f_locals
    if _is_own(type(value)):
        yield type(value).__name__, type(value)
    skipped = next((names for kind, names in NOT_READ.items() if isinstance(value, kind)), ())
    for key, part in getattr(value, "__dict__", {}).items():
        if key not in skipped:
            yield f"{name}.{key}", part
    for kind in type(value).__mro__:
        slots = vars(kind).get("__slots__", ())
        for key in (slots,) if isinstance(slots, str) else slots:
            if key != "__dict__" and hasattr(value, key):
                yield f"{name}.{key}", getattr(value, key)


def _parts_of_function(name: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Yield default arguments, closure, and the globals that a method's function names."""
    code = function.__code__
    yield f"the default arguments of {name}", function.__defaults__
    yield f"the default arguments of {name}", function.__kwdefaults__
    for variable, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield variable, cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    if not is_method_code(code.co_filename):
        return
    names = set(_names(code))
    for variable in sorted(names & function.__globals__.keys()):
        part = function.__globals__[variable]
        yield variable, part
        if isinstance(part, ModuleType) and is_method_code(getattr(part, "__file__", None) or "<"):
            for attribute in sorted(names & vars(part).keys()):
                yield f"{variable}.{attribute}", getattr(part, attribute)


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names that a function's code uses, including the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _is_own(kind: type) -> bool:
    """Return whether a class is defined in the code of a method."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return file is not None and is_method_code(file)

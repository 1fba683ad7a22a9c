"""The operations of one update, compared with those of another and made into a graph."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx

from bench.learning.learner import Learner
from bench.training.recording.lines import Finding, Line, place_of


class Ref(int):
    """The number of a tensor in a trace."""


class Operation(NamedTuple):
    """An operation on tensors: arguments with a Ref for each tensor, and its line."""

    func: Any
    args: Any
    kwargs: Any
    results: Any  # a Ref, or a list of Ref and None
    line: Line


class Held(NamedTuple):
    """A tensor that the update reads but did not make: of the state, the data, or a constant."""

    ref: Ref
    tensor: Tensor
    line: Line

    def same(self, other: Held) -> bool:
        """Return whether both are the same memory, or constants of the same values."""
        a, b = self.tensor, other.tensor
        layouts = [(t.dtype, t.shape, t.stride(), t.storage_offset()) for t in (a, b)]
        if layouts[0] == layouts[1] and storage(a) == storage(b):
            return True
        return a.dtype == b.dtype and same_values(a, b)


class Draw(NamedTuple):
    """A draw from `streams`."""

    kind: str
    arguments: tuple[int, ...]


@dataclass
class Operations:
    """What one update did, in order; tensors are numbered in the order in which they appear."""

    place: Line  # of the definition of `update`
    done: list[Operation] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    inputs: list[Ref] = field(default_factory=list)  # the rows, then the draws
    draws: list[Draw] = field(default_factory=list)
    moved: list[Learner[Any]] = field(default_factory=list)
    outputs: dict[str, Ref] = field(default_factory=dict)  # the metrics

    def difference(self, other: Operations) -> Finding | None:
        """Return the first difference of a later update of the same branch, if there is one."""
        for mine, theirs in zip(self.done, other.done, strict=False):
            if mine.func is not theirs.func:
                return _frozen(theirs.line, "does something else at different updates")
            if not _alike(mine[1:4], theirs[1:4]):
                values = next(_changes(mine[1:3], theirs[1:3]), None)
                change = f": {values[0]!r}, then {values[1]!r}" if values else ""
                return _frozen(theirs.line, f"uses a number that changes between updates{change}")
        for one, two in zip(self.held, other.held, strict=False):
            if one.ref != two.ref or not one.same(two):
                return _frozen(two.line, "uses a tensor that is made anew from changing values")
        longer = max(self, other, key=lambda update: len(update.done)).done
        if len(self.done) != len(other.done):
            shorter = min(len(self.done), len(other.done))
            return _frozen(longer[shorter].line, "is executed at some updates only")
        if [self.draws, self.outputs] != [other.draws, other.outputs]:
            return Finding(place_of(self.place), "draws or returns other things at some updates")
        if [id(learner) for learner in self.moved] != [id(learner) for learner in other.moved]:
            return Finding(place_of(self.place), "moves other networks at some updates")
        return None

    def graph(self) -> fx.GraphModule:
        """Return the operations as a module: inputs -> outputs.

        It holds the tensors of `held`: parameters, Adam's moments, the data.
        """
        graph, root = fx.Graph(), torch.nn.Module()
        nodes: dict[int, fx.Node] = {}
        for number, ref in enumerate(self.inputs):
            nodes[ref] = graph.placeholder(f"input_{number}")
        for held in self.held:
            root.register_buffer(f"held_{held.ref}", held.tensor)
            nodes[held.ref] = graph.get_attr(f"held_{held.ref}")

        def given(value: Any) -> Any:
            return map_leaves(value, lambda leaf: nodes[leaf] if isinstance(leaf, Ref) else leaf)

        for func, args, kwargs, results, _ in self.done:
            node = graph.call_function(func, given(args), given(kwargs))
            if isinstance(results, Ref):
                nodes[results] = node
            else:
                for number, ref in enumerate(results):
                    if ref is not None:
                        nodes[ref] = graph.call_function(operator.getitem, (node, number))
        graph.output(tuple(nodes[ref] for ref in self.outputs.values()))
        return fx.GraphModule(root, graph)


@dataclass
class Rules:
    """What an operation does besides computing."""

    random: bool
    value: bool
    shape: bool
    written: tuple[int | str, ...]  # positions and names of the arguments that it changes


INDEX = torch.ops.aten.index.Tensor  # its shape depends on values only if an index is a mask


@cache
def rules_of(func: Any) -> Rules:
    """Return what torch declares of an operation."""
    tags = getattr(func, "tags", ())
    arguments: list[Any] = list(func._schema.arguments) if hasattr(func, "_schema") else []
    written = [
        argument.name if argument.kwarg_only else number
        for number, argument in enumerate(arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]
    return Rules(
        random=torch.Tag.nondeterministic_seeded in tags,
        value=torch.Tag.data_dependent_output in tags,
        shape=torch.Tag.dynamic_output_shape in tags,
        written=tuple(written),
    )


def same_values(a: Tensor, b: Tensor) -> bool:
    """Return whether two tensors are equal, counting NaN as equal to NaN."""
    return torch.equal(a, b) or (
        a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())
    )


def storage(tensor: Tensor) -> int:
    """Return the identity of a tensor's memory."""
    return int(tensor.untyped_storage()._cdata)


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Apply `change` to everything in nested tuples, lists and dicts."""
    if isinstance(value, tuple):
        return tuple(map_leaves(v, change) for v in value)
    if isinstance(value, list):
        return [map_leaves(v, change) for v in value]
    if isinstance(value, dict):
        return {k: map_leaves(v, change) for k, v in value.items()}
    return change(value)


def _changes(a: Any, b: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the pairs of leaves that differ."""
    if isinstance(a, tuple | list) and isinstance(b, tuple | list) and len(a) == len(b):
        for one, two in zip(a, b, strict=True):
            yield from _changes(one, two)
    elif isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _changes(a[key], b[key])
    elif type(a) is not type(b) or not (a == b or (a != a and b != b)):
        yield a, b


def _alike(a: Any, b: Any) -> bool:
    return a == b or next(_changes(a, b), None) is None


def _frozen(line: Line, what: str) -> Finding:
    return Finding(place_of(line), f"{what}, which a recording would freeze")

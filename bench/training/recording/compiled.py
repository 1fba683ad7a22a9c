"""Compile the graph of an update for the processor, and call the compiled code directly.

torch.compile's own way to compiled code leads through Python that costs more than the update of a
narrow network: it looks up what was compiled, and rebuilds views of the state at each call. A
recording has one graph, and its state stays where it is. So torch's compiler is given the graph
without torch.compile, and after the first call the compiled code gets the same memory again.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, fx

from bench.training.recording.operations import storage

OPTIONS = {
    "compile_threads": 1,
    # One C++ source an update instead of one a fused loop: compiling takes half as long.
    "cpp_wrapper": True,
}


class Compiled:
    """A graph with its state, compiled: inputs -> outputs, without gradients."""

    def __init__(self, module: fx.GraphModule, inputs: tuple[Tensor, ...]):
        compiler = importlib.import_module("torch._inductor.compile_fx")  # takes a second
        _copy_outputs(module)
        with torch.no_grad(), _context():
            self.whole = compiler.compile_fx(module, list(inputs), config_patches=OPTIONS)
        self.memory = {storage(tensor) for tensor in module.buffers()}
        self.code: Any = None  # the compiled code alone, once it is known what to give it
        self.given: list[Tensor] = []  # its arguments
        self.places: list[tuple[int, int]] = []  # of each input among them, and its number

    def __call__(self, *inputs: Tensor) -> Any:
        """Apply the update."""
        if self.code is None:
            return self._first(inputs)
        given = list(self.given)
        for place, number in self.places:
            given[place] = inputs[number]
        return self.code(given)

    def _first(self, inputs: tuple[Tensor, ...]) -> Any:
        """Apply the update through torch's wrappers, and see whether they can be left out.

        They can if they pass on the state and the inputs, no copies, and return what they get.
        """
        with _calls() as noted:
            outputs = self.whole(*inputs)
        if len(noted) != 1:
            return outputs
        code, given, results = noted.pop()
        numbers = {id_of(tensor): number for number, tensor in enumerate(inputs)}
        places = [(p, numbers[id_of(t)]) for p, t in enumerate(given) if id_of(t) in numbers]
        passed = {p for p, _ in places}
        held = all(storage(t) in self.memory for p, t in enumerate(given) if p not in passed)
        if held and [id_of(t) for t in results] == [id_of(t) for t in outputs]:
            self.code, self.given, self.places = code, given, places
        return outputs


@contextmanager
def _calls() -> Iterator[list[tuple[Any, list[Tensor], list[Tensor]]]]:
    """Note what compiled code is called, with what, and what it returns.

    Code that torch's compiler finds again passes no hook but the call itself.
    """
    kind = importlib.import_module("torch._inductor.output_code").CompiledFxGraph
    called, noted = kind.__call__, []

    def call(graph: Any, arguments: list[Tensor]) -> list[Tensor]:
        code, kept = graph.current_callable, list(arguments)  # the code empties the list
        results: list[Tensor] = called(graph, arguments)
        noted.append((code, kept, results))
        return results

    kind.__call__ = call
    try:
        yield noted
    finally:
        kind.__call__ = called


@contextmanager
def _context() -> Iterator[None]:
    """Let torch's compiler look for graphs that it has compiled before, and for their code.

    Without an environment of shapes, even if all are known, it would compile each graph anew.
    """
    guards = importlib.import_module("torch._guards")
    functions = importlib.import_module("torch._functorch.config")
    fake = importlib.import_module("torch._subclasses.fake_tensor")
    shapes = importlib.import_module("torch.fx.experimental.symbolic_shapes")
    mode = fake.FakeTensorMode(
        shape_env=shapes.ShapeEnv(), static_shapes=True, allow_non_fake_inputs=True
    )
    with functions.patch(enable_autograd_cache=True), guards.tracing(guards.TracingContext(mode)):
        yield


def _copy_outputs(module: fx.GraphModule) -> None:
    """Make no output a view of the state, at which torch's compiler fails."""
    (output,) = module.graph.find_nodes(op="output")
    with module.graph.inserting_before(output):
        clone = torch.ops.aten.clone.default
        copies = tuple(module.graph.call_function(clone, (node,)) for node in output.args[0])
    output.args = (copies,)
    module.recompile()


def id_of(tensor: Tensor) -> tuple[Any, ...]:
    """Return where a tensor lies in memory, and how."""
    return tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()

"""Execute gradient updates: a method's `update` is recorded once and then replayed.

A method is written in plain PyTorch. The engine runs its `update` once under a tracer and
keeps the list of tensor operations: forward passes, gradients, Adam, target. Replaying the
list skips autograd and the method's Python; compiling it also fuses the operations between
the matrix products. Values that change between updates are inputs: the rows of the batch,
the random draws, and, through `Learner.advance`, Adam's step size.

An `update` that branches on its counters defines `branch(state, config)`, which names the
branch that the next call takes; each branch has its own recording.
"""

from __future__ import annotations

import ctypes
import gc
import operator
import os
import shutil
import sysconfig
from collections.abc import Callable, Hashable
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map

from bench.config.executors import COMPILE_FROM
from bench.learning.learner import Learner
from bench.learning.replay import Replay
from bench.learning.streams import Streams
from bench.training import checkpoint, rounding


def choose_executor(updates: int, device: torch.device, precision: str = "float32") -> str:
    """Return "compiled" where that is possible and pays off, else "recorded".

    torch compiles a Python extension and needs Python's headers, a separate package on Debian.
    In bfloat16 nothing is compiled (`rounding.watch`).
    """
    if precision == "bfloat16":
        return "recorded"
    compiler = device.type != "cpu" or shutil.which(os.environ.get("CXX", "g++"))
    headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    possible = updates >= COMPILE_FROM and compiler and headers
    return "compiled" if possible else "recorded"


def prepare_process(threads: int, precision: str = "float32", device: str = "cpu") -> None:
    """Configure a training process: threads, precision, allocator, no numbers below 1.2e-38.

    `bfloat16` rounds the factors of an update's matrix products to bfloat16; sums and everything
    stored stay float32. Raises BenchError where `device` does not round products.
    """
    torch.set_num_threads(threads)
    # Softmax weights of CQL's sampled actions fall below 1e-38, and a processor takes a hundred
    # times longer for such numbers: on hopper 17 updates per second when they are 0, 10 otherwise.
    torch.set_flush_denormal(True)
    if precision == "bfloat16":
        rounding.enable(device)
    gc.freeze()  # imports stay alive: later collections can skip them
    try:
        # By default glibc returns every large block to the system and faults it in again at the
        # next update: 10% of the time at width 256. The options are M_MMAP_THRESHOLD,
        # M_TRIM_THRESHOLD and M_TOP_PAD of malloc.h.
        for option, value in ((-3, 32 << 20), (-1, 1 << 30), (-2, 64 << 20)):
            ctypes.CDLL(None).mallopt(option, value)
    except (OSError, AttributeError, TypeError):
        pass  # not glibc: other allocators differ


class Tape:
    """A stand-in for Streams that records every draw.

    Given `draws`, it returns those in order, so that they can be inputs of a recording.
    """

    def __init__(self, streams: Streams, draws: tuple[Tensor, ...] | None = None):
        self.streams = streams
        self.given = None if draws is None else iter(draws)
        self.calls: list[tuple[str, tuple[int, ...]]] = []
        self.draws: list[Tensor] = []

    def __len__(self) -> int:
        return len(self.streams)

    def __getattr__(self, kind: str) -> Callable[..., Tensor]:
        def draw(*arguments: int) -> Tensor:
            if self.given is not None:
                return next(self.given)
            self.calls.append((kind, arguments))
            self.draws.append(getattr(self.streams, kind)(*arguments))
            return self.draws[-1]

        return draw


def learners(state: Any) -> list[Learner[Any]]:
    """Return the learners of a method's state, in order."""
    parts = (getattr(state, field.name) for field in fields(state))
    return [part for part in parts if isinstance(part, Learner)]


class Recorder(TorchDispatchMode):
    """Records every tensor operation, including backward passes, as a graph.

    The graph itself holds tensors that are neither inputs nor results of recorded operations:
    parameters, Adam's moments, the data.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise each process would import torch's compiler, which takes 1 s

    def __init__(self, inputs: tuple[Tensor, ...]):
        super().__init__()
        self.graph, self.root = fx.Graph(), torch.nn.Module()
        self.nodes: dict[int, fx.Node] = {}
        self.alive: list[Tensor] = []  # an id is unique only while its tensor is alive
        for number, tensor in enumerate(inputs):
            self._bind(tensor, self.graph.placeholder(f"input_{number}"))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        node = self.graph.call_function(func, *tree_map(self._node, (args, kwargs or {})))
        if isinstance(result, Tensor):
            self._bind(result, node)
        else:
            for number, part in enumerate(result):
                self._bind(part, self.graph.call_function(operator.getitem, (node, number)))
        return result

    def finish(self, outputs: tuple[Tensor, ...]) -> fx.GraphModule:
        """Return the graph as a module that returns `outputs`."""
        self.graph.output(tree_map(self._node, outputs))
        return fx.GraphModule(self.root, self.graph)

    def _bind(self, tensor: Tensor, node: fx.Node) -> None:
        self.nodes[id(tensor)] = node
        self.alive.append(tensor)

    def _node(self, value: Any) -> Any:
        if not isinstance(value, Tensor):
            return value
        if id(value) not in self.nodes:
            name = f"held_{len(self.alive)}"
            self.root.register_buffer(name, value.detach())
            self._bind(value, self.graph.get_attr(name))
        return self.nodes[id(value)]


def _drive(found: list[Learner[Any]], driven: bool) -> None:
    for learner in found:
        learner.driven = driven


class Recording:
    """One branch of an update as a graph of tensor operations."""

    def __init__(self, engine: Engine, rows: Tensor):
        state, streams = engine.state, engine.streams
        before = {k: v.clone() for k, v in checkpoint.state_tensors(state).items()}
        drawn = streams.state()
        found = learners(state)
        counts = [learner.updates for learner in found]

        # Run once to see what is drawn and which networks move, then once for the tracer.
        tape = Tape(streams)
        _drive(found, False)
        metrics = engine.eager(rows, tape)
        _drive(found, True)
        self.names, self.calls, self.streams = list(metrics), tape.calls, streams
        steps = [learner.updates - count for learner, count in zip(found, counts, strict=True)]
        assert max(steps) <= 1, "a network takes more than one step an update"
        self.moved = [learner for learner, step in zip(found, steps, strict=True) if step]
        checkpoint.restore_state(state, before)
        recorder = Recorder((rows, *tape.draws))
        with engine.watch, recorder:
            outputs = tuple(engine.eager(rows, Tape(streams, tuple(tape.draws))).values())
        graph = recorder.finish(outputs)
        compiled = engine.executor == "compiled"
        self.run = _compile(graph) if compiled else _script(graph, (rows, *tape.draws))
        streams.restore(drawn)
        checkpoint.restore_state(state, before)

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        for learner in self.moved:
            learner.advance()
        draws = [getattr(self.streams, kind)(*arguments) for kind, arguments in self.calls]
        return dict(zip(self.names, self.run(rows, *draws), strict=True))


class Engine:
    """Applies a method's updates with an executor: eager, recorded or compiled.

    The executor changes results only by the rounding of float32. In bfloat16, raises BenchError
    at a matrix product whose factors are not rounded.
    """

    def __init__(
        self, method: ModuleType, state: Any, config: Any, replay: Replay, streams: Streams,
        executor: str,
    ):  # fmt: skip
        self.method, self.state, self.config = method, state, config
        self.replay, self.streams, self.executor = replay, streams, executor
        self.recordings: dict[Hashable, Recording] = {}
        self.watch = rounding.watch(executor)
        self.refresh = getattr(method, "refresh", None)

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        """Apply one update on the transitions at `rows` (S, B); return the metrics, (S,) each."""
        if self.refresh is not None:
            with self.watch:
                self.refresh(self.state, self.replay, self.config)
        if self.executor == "eager":
            with self.watch:
                return self.eager(rows, self.streams)
        branch = getattr(self.method, "branch", lambda state, config: None)
        key = branch(self.state, self.config)
        if key not in self.recordings:
            self.recordings[key] = Recording(self, rows)
        with torch.no_grad():
            return self.recordings[key](rows)

    def eager(self, rows: Tensor, streams: Streams | Tape) -> dict[str, Tensor]:
        """Apply the method's own `update` in plain PyTorch."""
        metrics: dict[str, Tensor] = self.method.update(
            self.state, self.replay.batch(rows), self.config, streams
        )
        return metrics


MASK = torch.ops.aten.threshold_backward
VIEWS = ("view", "transpose", "expand", "unsqueeze", "squeeze", "select", "slice")


def _script(
    module: fx.GraphModule, inputs: tuple[Tensor, ...]
) -> Callable[..., tuple[Tensor, ...]]:
    """Convert the graph to TorchScript, whose interpreter needs no Python.

    Operations without effect are dropped. Views of state tensors are taken once, since an
    update changes its state in place.
    """
    graph = module.graph
    graph.eliminate_dead_code()  # recognises mutation only while targets are torch.ops
    for node in list(graph.nodes):
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
            continue
        name = node.target.overloadpacket.__name__
        source = node.args[0] if node.args else None
        if name == "detach":
            node.replace_all_uses_with(source)
            graph.erase_node(node)
        elif name in VIEWS and isinstance(source, fx.Node) and source.op == "get_attr":
            held = node.target(getattr(module, str(source.target)), *node.args[1:])
            module.register_buffer(f"view_of_{node.name}", held)
            with graph.inserting_before(node):
                node.replace_all_uses_with(graph.get_attr(f"view_of_{node.name}"))
            graph.erase_node(node)
    for node in graph.find_nodes(op="call_function", target=MASK.default):
        gradient = node.args[0]
        if gradient.target is torch.ops.aten.bmm.default and len(gradient.users) == 1:
            # Nothing else uses the gradient that a ReLU masks: mask it in place.
            node.target, node.kwargs = MASK.grad_input, {"grad_input": gradient}
    module.recompile()
    with torch.no_grad():
        return torch.jit.trace(module, inputs, check_trace=False)


def _compile(module: fx.GraphModule) -> Callable[..., tuple[Tensor, ...]]:
    """Fuse the operations between the matrix products with torch's compiler."""
    module.graph.eliminate_dead_code()
    module.recompile()
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_all_guards_unsafe,
        "compile_threads": 1,
        # One C++ source an update instead of one a fused loop: compiling takes half as long.
        "cpp_wrapper": True,
    }
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)

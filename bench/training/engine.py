"""Execute gradient updates: a method's `update` is recorded once and then replayed.

A method is written in plain PyTorch. The engine runs its `update` under a tracer and
keeps the list of tensor operations: forward passes, gradients, Adam, target. Replaying the
list skips autograd and the method's Python; compiling it also fuses the operations between
the matrix products. Values that change between updates are inputs: the rows of the batch,
the random draws, and, through `Learner.advance`, Adam's step size.

An `update` that branches on its counters defines `branch(state, config)`, which names the
branch that the next call takes; each branch has its own recording. A method that is not proven
to be recordable (bench.training.recording.proof) is executed eagerly.
"""

from __future__ import annotations

import ctypes
import gc
import os
import shutil
import sysconfig
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, fx

from bench.config.executors import COMPILE_FROM
from bench.errors import BenchError
from bench.learning.replay import Replay
from bench.learning.streams import Streams
from bench.training import rounding
from bench.training.cards.capture import captured, fastest
from bench.training.products.choice import PRODUCTS, Products
from bench.training.recording.compiled import Compiled
from bench.training.recording.proof import Proof, Refusal
from bench.training.recording.tracer import Tape, Trace


def choose_executor(updates: int, device: torch.device, precision: str = "float32") -> str:
    """Return "compiled" where that is possible and pays off, else "recorded".

    torch compiles a Python extension and needs Python's headers, a separate package on Debian.
    In bfloat16 nothing is compiled (`rounding.watch`).
    """
    pays = updates >= COMPILE_FROM and precision != "bfloat16"
    return "compiled" if pays and can_compile(device) else "recorded"


def can_compile(device: torch.device) -> bool:
    """Return whether this machine has what torch's compiler needs."""
    compiler = shutil.which(os.environ.get("CXX", "g++"))
    headers = Path(sysconfig.get_path("include"), "Python.h").exists()
    kernels = device.type == "cpu" or find_spec("triton")  # what compiles for a GPU
    return bool(compiler and headers and kernels)


def prepare_process(threads: int, precision: str = "float32", device: str = "cpu") -> None:
    """Configure a training process: threads, precision, allocator, no numbers below 1.2e-38.

    Products of float32 are products of float32 on a GPU too, not of TensorFloat-32.

    `bfloat16` rounds the factors of an update's matrix products to bfloat16; sums and everything
    stored stay float32. Raises BenchError where `device` does not round products.
    """
    torch.set_num_threads(threads)
    # Softmax weights of CQL's sampled actions fall below 1e-38, and a processor takes a hundred
    # times longer for such numbers: on hopper 17 updates per second when they are 0, 10 otherwise.
    torch.set_flush_denormal(True)
    # TensorFloat-32 keeps 10 bits of a factor's 23; a card must not use it without being asked.
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    if device.startswith("cuda:"):
        torch.cuda.set_device(device)
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


class StaleRecording(BenchError):
    """A recording no longer repeats its update, so updates since the last check may be wrong."""


class Recording:
    """One branch of an update as a graph of tensor operations, from a trace of it.

    Making it may apply the update to the state; the caller restores that.
    """

    def __init__(self, trace: Trace, rows: Tensor, streams: Streams, compiled: bool):
        operations = trace.operations
        self.names, self.draws = list(operations.outputs), operations.draws
        self.moved, self.streams = operations.moved, streams
        graph, inputs = operations.graph(), (rows, *trace.draws)
        if rows.device.type == "cuda":
            graph.graph.eliminate_dead_code()
            graph.recompile()
            run = _compile(graph, inputs) if compiled else graph
            self.run = captured(graph, run, inputs, rows.device)
        else:
            self.run = _compile(graph, inputs) if compiled else _script(graph, inputs)

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        """Apply the update with new draws."""
        return self.apply(rows, [getattr(self.streams, d.kind)(*d.arguments) for d in self.draws])

    def apply(self, rows: Tensor, draws: list[Tensor]) -> dict[str, Tensor]:
        """Apply the update with these draws."""
        for learner in self.moved:
            learner.advance()
        return dict(zip(self.names, self.run(rows, *draws), strict=True))


class Engine:
    """Applies a method's updates with an executor: eager, recorded or compiled.

    The executor changes results only by the rounding of float32. On a GPU, a recording is captured
    as a CUDA graph, and "compiled" means the faster of recorded and compiled unless it is `fixed`.
    A method that cannot be recorded is executed eagerly from then on, with a printed sentence, kept
    in `reason`; with `fixed`, that is a BenchError. `seed` decides which updates are checked again;
    `products` chooses the library of each matrix product of a recording, by default torch's. In
    bfloat16, raises BenchError at a matrix product whose factors are not rounded.
    """

    def __init__(
        self, method: ModuleType, state: Any, config: Any, replay: Replay, streams: Streams,
        executor: str, fixed: bool = True, seed: int = 0, products: Products | None = None,
    ):  # fmt: skip
        self.method, self.state, self.config = method, state, config
        self.replay, self.streams, self.executor = replay, streams, executor
        self.fixed, self.seed, self.reason = fixed, seed, ""
        self.products = products or Products()
        self.watch = rounding.watch(executor)
        self.refresh = getattr(method, "refresh", None)
        self.branch = getattr(method, "branch", lambda state, config: None)
        exact = executor == "recorded" and streams.device.type == "cpu"
        self.proof = Proof(
            method, state, config, self._record, self.watch, self.products, exact, seed
        )
        self.inspected = False  # whether an eager update has been searched for draws

    def __call__(self, rows: Tensor) -> dict[str, Tensor]:
        """Apply one update on the transitions at `rows` (S, B); return the metrics, (S,) each."""
        if self.proof.suspicious:
            metrics = self.proof.locate(lambda: self._eager(rows))
        elif self.executor == "eager" and self.inspected:
            return self._eager(rows)
        else:
            self._refresh()
            if self.executor == "eager":
                self.inspected = True
                metrics = self.proof.inspect(rows, self.eager, self.streams)
            else:
                branch = self.proof.branch(self.branch(self.state, self.config))
                if not branch.due() and branch.recording is not None:
                    with torch.no_grad():
                        return branch.recording(rows)
                metrics = self.proof.check(branch, rows, self.eager, self.streams)
        if self.proof.refusal is not None:
            self._refused(self.proof.refusal)
        return metrics

    def on(self, replay: Replay) -> Engine:
        """Return an engine for further updates, on another replay."""
        other = Engine(
            self.method, self.state, self.config, replay, self.streams, self.executor, self.fixed,
            self.seed, self.products,
        )  # fmt: skip
        other.reason = self.reason
        return other

    def recheck(self) -> None:
        """Look whether other code, such as an evaluation, has changed what `update` reads."""
        if self.executor != "eager":
            self.proof.recheck()

    def eager(self, rows: Tensor, streams: Streams | Tape) -> dict[str, Tensor]:
        """Apply the method's own `update` in plain PyTorch."""
        metrics: dict[str, Tensor] = self.method.update(
            self.state, self.replay.batch(rows), self.config, streams
        )
        return metrics

    def _refresh(self) -> None:
        if self.refresh is not None:
            with self.watch:
                self.refresh(self.state, self.replay, self.config)

    def _eager(self, rows: Tensor) -> dict[str, Tensor]:
        self._refresh()
        with self.watch:
            return self.eager(rows, self.streams)

    def _record(self, trace: Trace, rows: Tensor) -> Recording:
        """Return a recording; on a card, unless the executor is fixed, the faster of both kinds."""
        if self.executor != "compiled" or self.fixed or rows.device.type != "cuda":
            return Recording(trace, rows, self.streams, self.executor == "compiled")
        made = {e: Recording(trace, rows, self.streams, e == "compiled") for e in BOTH}
        self.executor = fastest({e: partial(r.run, rows, *trace.draws) for e, r in made.items()})
        return made[self.executor]

    def _refused(self, refusal: Refusal) -> None:
        """Continue eagerly, or raise BenchError."""
        first, self.proof.refusal = refusal.findings[0], None
        if refusal.late:
            raise StaleRecording(
                f"{first.place}: the update {first.what}, and did not when it was recorded, so "
                "the run's results are discarded; set 'executor: eager' and run again."
            )
        if self.fixed and self.executor != "eager":
            raise BenchError(
                f"{first.place}: the update {first.what}, so 'executor: {self.executor}' is not "
                "possible; change the line, or set 'executor: eager'."
            )
        random = next((finding for finding in refusal.findings if finding.draws), None)
        if random is not None:
            print(f"{random.place}: the update {random.what}; this run cannot be repeated.")
        if self.executor != "eager":
            self.executor, self.inspected = "eager", True
            self.reason = f"{first.place}: the update {first.what}; it is executed eagerly."
            print(self.reason, flush=True)


BOTH = ("recorded", "compiled")  # ways to execute a recording
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
        if gradient.target in PRODUCTS and len(gradient.users) == 1:
            # Nothing else uses the gradient that a ReLU masks: mask it in place.
            node.target, node.kwargs = MASK.grad_input, {"grad_input": gradient}
    module.recompile()
    with torch.no_grad():
        return torch.jit.trace(module, inputs, check_trace=False)


def _compile(
    module: fx.GraphModule, inputs: tuple[Tensor, ...]
) -> Callable[..., tuple[Tensor, ...]]:
    """Fuse the operations between the matrix products with torch's compiler."""
    module.graph.eliminate_dead_code()
    module.recompile()
    if inputs[0].device.type == "cpu":
        return Compiled(module, inputs)
    options: dict[str, Any] = {
        "guard_filter_fn": torch.compiler.skip_all_guards_unsafe,
        "compile_threads": 1,
    }
    return torch.compile(module, fullgraph=True, dynamic=False, options=options)

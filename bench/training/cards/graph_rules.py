"""What a recorded update must keep to be captured as a CUDA graph.

A captured graph repeats kernels on the same memory. It cannot read a value on the host, wait for
the card, copy from ordinary memory, or make a tensor whose size depends on values.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from bench.training.recording.operations import INDEX, rules_of


class Rules(fx.Interpreter):
    """Executes a recorded graph and notes in `broken` every operation that breaks a rule."""

    def __init__(self, graph: fx.GraphModule, device: torch.device):
        super().__init__(graph)
        self.device, self.broken = device, list[str]()

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        if n.op == "get_attr" and self._elsewhere(result) and result.dim():
            self.broken.append(f"reads {n.target}, which is on {result.device}")
        if n.op == "call_function" and hasattr(n.target, "_schema"):
            self._check(n, result)
        return result

    def _check(self, n: fx.Node, result: Any) -> None:
        rules, given = rules_of(n.target), self.fetch_args_kwargs_from_env(n)[0]
        if rules.value:
            self.broken.append(f"{n.target} reads a value on the host")
        if rules.shape and (n.target is not INDEX or any(map(_is_mask, given[1]))):
            self.broken.append(f"{n.target} makes a tensor whose size depends on values")
        parts = result if isinstance(result, tuple | list) else (result,)
        if any(self._elsewhere(part) for part in parts):
            self.broken.append(f"{n.target} makes a tensor on the processor")

    def _elsewhere(self, value: Any) -> bool:
        return isinstance(value, Tensor) and value.device.type != self.device.type


def broken_rules(
    graph: fx.GraphModule, inputs: tuple[Tensor, ...], device: torch.device
) -> list[str]:
    """Execute the graph once; return a phrase for each rule that it breaks."""
    rules = Rules(graph, device)
    with torch.no_grad():
        rules.run(*inputs)
    return list(dict.fromkeys(rules.broken))


def _is_mask(index: Any) -> bool:
    return isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8)

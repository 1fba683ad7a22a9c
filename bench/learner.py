"""A network with its optimiser, and the slow copy of a network.

All parameters of a network are views of one flat tensor, so that Adam and the soft
update are one kernel each, whatever the number of layers. Adam is elementwise: a stack
of S seeds under one Adam is S independent runs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """The same learning rate at every update."""
    return lambda _: rate


def cosine(rate: float, updates: int) -> Schedule:
    """From `rate` to 0 over `updates`, then 0; updates are counted from 0."""
    return lambda t: 0.5 * rate * (1 + math.cos(math.pi * min(t / updates, 1.0)))


def linear(rate: float, updates: int) -> Schedule:
    """From `rate` to 0 over `updates`, then 0."""
    return lambda t: rate * max(1 - t / updates, 0.0)


def _flatten(net: nn.Module) -> Tensor:
    """Move every parameter of `net` into one flat tensor and make it a view of that."""
    parameters = list(net.parameters())
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    offset = 0
    for p in parameters:
        p.data = flat[offset : offset + p.numel()].view_as(p)
        offset += p.numel()
    return flat


class Learner(Generic[Net]):
    """A network and its Adam (betas 0.9 and 0.999, eps 1e-8, no weight decay)."""

    def __init__(self, net: Net, schedule: Schedule, device: str | torch.device = "cpu"):
        self.net = net.to(device)
        self.schedule = schedule
        self.updates = 0
        self.parameters = list(self.net.parameters())
        self.flat = _flatten(self.net)
        self.flat.grad = torch.zeros_like(self.flat)
        self.adam = torch.optim.Adam([self.flat], lr=schedule(0), fused=True)

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)

    def descend(self, loss: Tensor, max_norm: float | None = None) -> None:
        """One Adam step on `loss` (S,); the seeds share no parameter, so summing keeps them apart.

        `max_norm` clips the gradient norm of each seed.
        """
        gradients = torch.autograd.grad(loss.sum(), self.parameters)
        if max_norm is not None:
            # The seed axis is the third from last of every parameter (see bench.nets).
            squares = [g.square().movedim(-3, 0).flatten(1).sum(1) for g in gradients]
            scale = (max_norm / (torch.stack(squares).sum(0).sqrt() + 1e-6)).clamp(max=1.0)
            gradients = tuple(g * scale[:, None, None] for g in gradients)
        assert self.flat.grad is not None
        torch.cat([g.reshape(-1) for g in gradients], out=self.flat.grad)
        self.adam.param_groups[0]["lr"] = self.schedule(self.updates)
        self.adam.step()
        self.updates += 1

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a checkpoint needs, by name."""
        adam = self.adam.state.get(self.flat, {})
        return {
            "flat": self.flat,
            "updates": torch.tensor(self.updates),
            **{f"adam.{key}": value for key, value in adam.items()},
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        self.flat.copy_(tensors["flat"])
        self.updates = int(tensors["updates"])
        adam = {k.removeprefix("adam."): v for k, v in tensors.items() if k.startswith("adam.")}
        self.adam.state[self.flat] = {k: v.to(self.flat.device, copy=True) for k, v in adam.items()}


class Target(Generic[Net]):
    """A copy of a network that follows it slowly and is never differentiated."""

    def __init__(self, learner: Learner[Net]):
        self.net = copy.deepcopy(learner.net).requires_grad_(False)
        self.flat = _flatten(self.net)

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)

    def track(self, learner: Learner[Net], polyak: float) -> None:
        """target <- (1 - polyak) target + polyak net."""
        self.flat.lerp_(learner.flat, polyak)

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a checkpoint needs, by name."""
        return {"flat": self.flat}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        self.flat.copy_(tensors["flat"])

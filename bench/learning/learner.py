"""A network with its optimiser, and the slow copy of a network.

All parameters of a network are views of one flat tensor, so Adam and the soft update
cost a few kernels for any number of layers. Adam is elementwise: a stack of S seeds
under one Adam is S independent runs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)
Schedule = Callable[[int], float]


def constant(rate: float) -> Schedule:
    """Return a schedule with the same learning rate at every update."""
    return lambda _: rate


def cosine(rate: float, updates: int) -> Schedule:
    """Return a cosine schedule from `rate` to 0 over `updates`, then 0; updates count from 0."""
    return lambda t: 0.5 * rate * (1 + math.cos(math.pi * min(t / updates, 1.0)))


def linear(rate: float, updates: int) -> Schedule:
    """Return a linear schedule from `rate` to 0 over `updates`, then 0."""
    return lambda t: rate * max(1 - t / updates, 0.0)


def warm_up(rate: float, updates: int) -> Schedule:
    """Return a schedule that rises linearly to `rate` at update `updates`, then stays constant."""
    return lambda t: rate * min((t + 1) / max(updates, 1), 1.0)


def _flatten(net: nn.Module) -> Tensor:
    """Move every parameter of `net` into one flat tensor and make it a view of that."""
    parameters = list(net.parameters())
    flat = torch.cat([p.detach().reshape(-1) for p in parameters])
    offset = 0
    for p in parameters:
        p.data = flat[offset : offset + p.numel()].view_as(p)
        offset += p.numel()
    return flat


class Driver(Protocol):
    """What traces an update (bench.training.tracer), at the steps of a learner."""

    def step(self, learner: Learner[Any]) -> None:
        """Call the learner's `advance`, outside the trace."""

    def read(self, learner: Learner[Any]) -> None:
        """Take note that the update reads how many steps the learner has taken."""


BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # PyTorch's and optax's defaults


class Learner(Generic[Net]):
    """A network and its Adam (Kingma and Ba 2015, algorithm 1).

    `weight_decay` times the parameters is added to the gradient, as torch.optim.Adam does;
    `decoupled_decay` times the rate shrinks the parameters themselves, as torch.optim.AdamW does.
    Values that change between updates are kept in tensors, so that an update can be recorded and
    replayed (bench.training.engine), which calls `advance` itself. `driver` is set during the
    recording.
    """

    def __init__(
        self,
        net: Net,
        schedule: Schedule,
        device: str | torch.device = "cpu",
        weight_decay: float = 0.0,
        decoupled_decay: float = 0.0,
    ):
        self.net = net.to(device)
        self.schedule = schedule
        self.weight_decay = weight_decay
        self.decoupled_decay = decoupled_decay
        self.driver: Driver | None = None
        self.updates = 0
        self.parameters = list(self.net.parameters())
        self.flat = _flatten(self.net)
        self.mean = torch.zeros_like(self.flat)
        self.square = torch.zeros_like(self.flat)
        # -rate / (1 - beta1^t) and 1 / sqrt(1 - beta2^t)
        self.step_size = torch.zeros((), device=device)
        self.correction = torch.zeros((), device=device)
        self.shrinkage = torch.ones((), device=device)  # 1 - rate * decoupled_decay

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)

    @property
    def updates(self) -> int:
        """Steps taken so far."""
        if self.driver is not None:
            self.driver.read(self)
        return self._updates

    @updates.setter
    def updates(self, count: int) -> None:
        self._updates = count

    def descend(self, loss: Tensor, max_norm: float | None = None) -> None:
        """Take one Adam step on `loss` (S,); seeds share no parameters, so the sum separates them.

        `max_norm` clips the gradient norm of each seed.
        """
        gradients = torch.autograd.grad(loss.sum(), self.parameters)
        if max_norm is not None:
            # The seed axis is the third from last of every parameter (see bench.learning.networks).
            squares = [g.square().movedim(-3, 0).flatten(1).sum(1) for g in gradients]
            scale = (max_norm / (torch.stack(squares).sum(0).sqrt() + 1e-6)).clamp(max=1.0)
            gradients = tuple(g * scale[:, None, None] for g in gradients)
        if self.driver is None:
            self.advance()
        else:
            self.driver.step(self)
        self._step(torch.cat([g.reshape(-1) for g in gradients]))

    def _step(self, gradient: Tensor) -> None:
        if self.weight_decay:
            gradient = gradient.add(self.flat, alpha=self.weight_decay)
        if self.decoupled_decay:
            self.flat.mul_(self.shrinkage)
        self.mean.lerp_(gradient, 1 - BETA1)
        self.square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        denominator = self.square.sqrt().mul_(self.correction).add_(EPSILON)
        self.flat.addcmul_(self.mean / denominator, self.step_size)

    def advance(self) -> None:
        """Count one update and set its learning rate and bias corrections."""
        rate = self.schedule(self.updates)
        self.updates += 1
        self.step_size.fill_(-rate / (1 - BETA1**self.updates))
        self.correction.fill_(1 / math.sqrt(1 - BETA2**self.updates))
        self.shrinkage.fill_(1 - rate * self.decoupled_decay)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint needs, by name."""
        return {
            "flat": self.flat,
            "updates": torch.tensor(self.updates),
            "adam.mean": self.mean,
            "adam.square": self.square,
        }

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        self.flat.copy_(tensors["flat"])
        self.updates = int(tensors["updates"])
        self.mean.copy_(tensors["adam.mean"])
        self.square.copy_(tensors["adam.square"])


class Momentum(Learner[Net]):
    """A network trained by gradient descent with momentum.

    velocity <- 0.9 velocity + gradient; parameters <- parameters - rate velocity. `mean` holds
    the velocity; `square` stays 0.
    """

    def _step(self, gradient: Tensor) -> None:
        self.mean.mul_(BETA1).add_(gradient)
        self.flat.addcmul_(self.mean, self.step_size)

    def advance(self) -> None:
        """Count one update and set its learning rate."""
        self.step_size.fill_(-self.schedule(self.updates))
        self.updates += 1


class Target(Generic[Net]):
    """A target network: a slowly updated copy that takes no gradient."""

    def __init__(self, learner: Learner[Net]):
        self.net = copy.deepcopy(learner.net).requires_grad_(False)
        self.flat = _flatten(self.net)

    def __call__(self, *inputs: Tensor) -> Tensor:
        return self.net(*inputs)

    def track(self, learner: Learner[Net], polyak: float) -> None:
        """Update the copy: target <- (1 - polyak) target + polyak net."""
        self.flat.lerp_(learner.flat, polyak)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that a checkpoint needs, by name."""
        return {"flat": self.flat}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Continue from what `tensors` returned."""
        self.flat.copy_(tensors["flat"])

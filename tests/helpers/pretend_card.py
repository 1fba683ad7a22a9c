"""A card that is not there: fake tensors, with devices and shapes but no values.

An operation fails that mixes the card's tensors with the processor's, that reads a value, or whose
result's size depends on values. The device is `cuda` where torch is built for it. In a build
without CUDA autograd cannot handle a fake tensor on `cuda` (it asks for CUDA's device guard and
aborts), so the device is `meta` there, to which fake tensors apply the same rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from bench.learning.streams import Streams

CARD = torch.device("cuda" if torch.backends.cuda.is_built() else "meta")


def on_card(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type == CARD.type


@contextmanager
def pretended() -> Iterator[None]:
    """Let every new tensor be a fake one; arrays of fake tensors on the processor are zeros."""
    real, learn = torch.from_numpy, nn.Module.to
    with pytest.MonkeyPatch.context() as patch, FakeTensorMode(allow_non_fake_inputs=True) as mode:

        def move(self: nn.Module, device: Any) -> nn.Module:
            # The original swaps parameters, which the fakes' weak references prevent at times.
            for module in self.modules():
                for name, own in module._parameters.items():
                    if own is not None:
                        moved = own.detach().to(device)
                        module._parameters[name] = nn.Parameter(moved, own.requires_grad)
                for name, held in module._buffers.items():
                    module._buffers[name] = held if held is None else held.to(device)
            return self

        def zeros(self: Tensor) -> np.ndarray:
            assert not on_card(self), "a tensor of the card has no array"
            return np.zeros(self.shape, np.dtype(str(self.dtype).removeprefix("torch.")))

        patch.setattr(torch, "from_numpy", lambda array: mode.from_tensor(real(array)))
        patch.setattr(nn.Module, "to", move)
        patch.setattr(Tensor, "numpy", zeros)
        patch.setattr(FakeTensor, "tolist", lambda self: zeros(self).tolist())
        yield
    assert nn.Module.to is learn


class Copies(TorchDispatchMode):
    """Notes every operation that copies between the card and the processor."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [
            a for a in torch.utils._pytree.tree_leaves((args, kwargs)) if isinstance(a, Tensor)
        ]
        made = [r for r in torch.utils._pytree.tree_leaves(result) if isinstance(r, Tensor)]
        to_host = any(map(on_card, given)) and not all(map(on_card, made))
        to_card = any(map(on_card, made)) and any(g.dim() and not on_card(g) for g in given)
        if to_host or to_card:
            self.found.append(str(func))
        return result


class OnCard(Streams):
    """Streams whose numbers are made on the card."""

    def _stack(self, draws: list[Tensor]) -> Tensor:
        first: Tensor = draws[0]
        shape = (len(draws), *first.shape)
        make: Callable[..., Tensor] = torch.zeros
        return make(shape, dtype=first.dtype, device=self.device)

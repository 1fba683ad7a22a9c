"""Round the factors of matrix products to bfloat16, and verify that it happens.

torch has a switch for it but does not say whether it takes effect. oneDNN has rounding kernels for
some processors only; on an AMD EPYC with avx512_bf16 it ignores the request and multiplies in
float32. Products of up to 4,096 multiplications do not reach oneDNN at all. Products are therefore
tested: a few when a process starts, and each kind in an update when it first occurs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.errors import BenchError

Product = Callable[..., Tensor]

aten = torch.ops.aten
# The last two arguments are the factors; an earlier one is added.
PRODUCTS: tuple[Product, ...] = tuple(
    op.default for op in (aten.bmm, aten.baddbmm, aten.mm, aten.addmm, aten.mv, aten.dot)
)
# First, hidden and last layers of the suites' networks, (in, out), for 1 and 5 seeds. All of them
# must round: libraries choose a kernel by shape, and the narrow first and last layers may get
# a different one from the square layers between them.
LAYERS = ((11, 64), (64, 64), (64, 1), (64, 3), (17, 256), (256, 256), (256, 1), (256, 6))
SEEDS, BATCH = (1, 5), 256
NO_EFFECT = (
    "precision: 'bfloat16' has no effect on this machine (torch multiplies in float32 here); "
    "use 'float32'."
)


def enable(device: str = "cpu") -> None:
    """Round the factors of float32 products in this process.

    Raises BenchError, with the switch unchanged, where torch does not round all of them.
    """
    check(device)
    _switch().fp32_precision = "bf16"


def check(device: str = "cpu") -> None:
    """Raise BenchError unless `enable` would have an effect; the switch stays unchanged."""
    switch = _switch()
    before = switch.fp32_precision
    switch.fp32_precision = "bf16"
    try:
        products = [p for seeds in SEEDS for layer in LAYERS for p in _of_layer(*layer, seeds)]
        exact = [
            factors
            for factors in products
            if not rounds(aten.bmm.default, *(f.to(device) for f in factors))
        ]
    finally:
        switch.fp32_precision = before
    if len(exact) == len(products):
        raise BenchError(NO_EFFECT)
    if exact:
        raise _partial(exact[0])


def watch(executor: str) -> AbstractContextManager[Any]:
    """Return a context that raises BenchError at an unrounded product; a no-op in float32.

    Raises BenchError for the compiled executor: torch's compiler turns products with a single
    row or column, such as a value network's last layer, into sums of its own in float32.
    """
    if _switch().fp32_precision != "bf16":
        return nullcontext()
    if executor == "compiled":
        raise BenchError(
            "executor: 'compiled' multiplies in float32 where a factor is a single row or column, "
            "whatever the precision; use 'recorded' with precision 'bfloat16'."
        )
    return Watch()


class Watch(TorchDispatchMode):
    """Tests each kind of product, by operation, shapes and strides, when it first occurs."""

    def __init__(self) -> None:
        super().__init__()
        self.proven: set[Any] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # otherwise each process would import torch's compiler, which takes 1 s

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if func in PRODUCTS:
            kind = (func, *((a.shape, a.stride()) for a in args))
            if kind not in self.proven:
                if not rounds(func, *args):
                    raise _partial(args[-2:])
                self.proven.add(kind)
        return func(*args, **(kwargs or {}))


def rounds(product: Product, *like: Tensor) -> bool:
    """Return whether `product` of tensors laid out like these rounds its last two, the factors.

    Each element must be that of rounded factors, summed in float32. Values are drawn at random,
    because a network's may be zeros, which need no rounding.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = [_drawn(tensor, generator) for tensor in like]
    added, factors = [d.double() for d in drawn[:-2]], drawn[-2:]
    wide = product(*added, *(f.double() for f in factors))
    rounded = product(*added, *(f.bfloat16().double() for f in factors))
    made = product(*drawn).double()
    # float32 is 2^16 times finer than bfloat16; long sums lose some of that.
    return bool((made - rounded).abs().max() < 0.01 * (wide - rounded).abs().max())


def _switch() -> Any:
    return torch.backends.mkldnn.matmul  # type: ignore[attr-defined]


def _drawn(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draw normal values of the same shape and strides."""
    steps = zip(like.shape, like.stride(), strict=True)
    length = 1 + sum((n - 1) * s for n, s in steps)
    values = torch.randn(length, generator=generator, dtype=like.dtype)
    return values.to(like.device).as_strided(like.shape, like.stride())


def _of_layer(width_in: int, width_out: int, seeds: int) -> list[tuple[Tensor, Tensor]]:
    """Return the factors of a layer's product and its two gradients, as autograd lays them out."""
    x, weight = torch.empty(seeds, BATCH, width_in), torch.empty(seeds, width_in, width_out)
    gradient = torch.empty(seeds, BATCH, width_out)
    return [(x, weight), (gradient, weight.mT), (x.mT, gradient)]


def _partial(factors: tuple[Tensor, ...]) -> BenchError:
    shapes = " by ".join(str(tuple(f.shape)) for f in factors)
    return BenchError(
        f"precision: 'bfloat16' has no effect on products of {shapes} on this machine (torch "
        "multiplies them in float32); use 'float32'."
    )

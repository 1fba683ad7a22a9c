"""Random streams that draw on a GPU, the numbers of many updates at once.

A draw on the processor costs a copy to the card for every update. Here each seed has a generator
on the card, which draws a block of numbers for each kind of request; a request takes the next part
of its block. The numbers are others than on the processor.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from bench.learning.streams import Streams
from bench.seeds import derive

BLOCK = 1 << 20  # numbers of a seed in a block, about
MOST = 256  # requests that a block serves at most


class Request(NamedTuple):
    """A kind of draw: the name of the method of Streams, and its arguments."""

    kind: str
    arguments: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one seed's numbers."""
        return self.arguments[1:] if self.kind == "integers" else self.arguments

    @property
    def served(self) -> int:
        """How many requests a block serves."""
        return min(max(BLOCK // max(prod(self.shape), 1), 1), MOST)


class CardStreams(Streams):
    """Streams whose normal, uniform and integer numbers are drawn on `device` in blocks.

    A block depends only on the seed, the purpose, the request and the block's number, so neither
    the other seeds nor an interruption change it. Permutations are drawn on the processor.
    """

    def __init__(self, seeds: Sequence[int], purpose: str, device: str | torch.device):
        super().__init__(seeds, purpose, device)
        self.seeds, self.purpose = tuple(seeds), purpose
        self.on_card = [torch.Generator(self.device) for _ in seeds]
        self.taken: dict[Request, int] = {}
        self.blocks: dict[Request, tuple[int, Tensor]] = {}  # number, (served, S, *shape)

    def normal(self, *shape: int) -> Tensor:
        return self._next(Request("normal", shape))

    def uniform(self, *shape: int) -> Tensor:
        return self._next(Request("uniform", shape))

    def integers(self, high: int, *shape: int) -> Tensor:
        return self._next(Request("integers", (high, *shape)))

    def state(self) -> Tensor:
        """Return how many of each request were taken, and the processor's generators: JSON."""
        taken = [[*request, count] for request, count in self.taken.items()]
        generators = [bytes(g.get_state().tolist()).hex() for g in self.generators]
        text = json.dumps({"taken": taken, "generators": generators}).encode()
        return torch.frombuffer(bytearray(text), dtype=torch.uint8)

    def restore(self, state: Tensor) -> None:
        """Continue from what `state` returned, here or by streams of the processor."""
        self.taken, self.blocks = {}, {}
        if state.dim() == 2:  # of the processor's: nothing was taken on a card
            super().restore(state)
            return
        content = json.loads(bytes(state.tolist()))
        self.taken = {Request(kind, tuple(args)): n for kind, args, n in content["taken"]}
        rows = [torch.tensor(list(bytes.fromhex(g)), dtype=torch.uint8)
                for g in content["generators"]]  # fmt: skip
        super().restore(torch.stack(rows))

    def _next(self, request: Request) -> Tensor:
        taken = self.taken.get(request, 0)
        number, place = divmod(taken, request.served)
        held = self.blocks.get(request)
        if held is None or held[0] != number:
            held = number, self._block(request, number)
            self.blocks[request] = held
        self.taken[request] = taken + 1
        return held[1][place]

    def _block(self, request: Request, number: int) -> Tensor:
        parts = []
        for seed, generator in zip(self.seeds, self.on_card, strict=True):
            generator.manual_seed(derive(seed, f"{self.purpose}: block {number} of {request!r}"))
            parts.append(self._draw(request, (request.served, *request.shape), generator))
        return torch.stack(parts, 1)

    def _draw(self, request: Request, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        if request.kind == "integers":
            high = request.arguments[0]
            return torch.randint(high, shape, generator=generator, device=self.device)
        draw = torch.randn if request.kind == "normal" else torch.rand
        return draw(shape, generator=generator, device=self.device)

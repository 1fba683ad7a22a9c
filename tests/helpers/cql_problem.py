"""The sizes and batches on which CQL, Cal-QL and SAC are compared with plain references."""

from __future__ import annotations

from functools import partial

from helpers import plain_torch

SIZE, STEPS = 16, 50


batches = partial(plain_torch.batches, size=SIZE)


SMALL = {"hidden": (16, 16), "samples": 3}

"""What the networks of a run take on disk, before it has run."""

from __future__ import annotations

import functools
import json

import torch

from bench.config import registry
from bench.config.types import Settings
from bench.config.validation import configure
from bench.learning.scalers import ObservationScaler
from bench.learning.streams import Streams
from bench.learning.types import Spec
from bench.training.checkpoint import networks, state_tensors

DIMS = 17, 6  # observations and actions of HalfCheetah and Walker2d, where the data's are not known


def bytes_of_seed(cell: Settings, dims: tuple[int, int] | None) -> int:
    """Return the bytes of one seed in checkpoint.safetensors and policy.safetensors together.

    `dims` are the sizes of an observation and an action. The rows that a checkpoint of an online
    phase holds until it ends are not counted.
    """
    state, kept = _bytes(cell.method, json.dumps(cell.config), cell.updates, dims or DIMS)
    before = 2 * kept if cell.online else 0  # both files hold the networks before the online phase
    return state + kept + before


@functools.cache
def _bytes(method: str, config: str, updates: int, dims: tuple[int, int]) -> tuple[int, int]:
    """Return the bytes of one seed's State, and of the networks that a policy needs."""
    module = registry.load(method)
    read = configure(module.Config, json.loads(config), "config")
    first = Streams((0,), "initialisation", torch.device("cpu"))
    state = module.init(Spec(*dims, rows=1), read, first, updates)
    mean = torch.zeros(dims[0])
    sizes = [
        sum(t.nbytes for t in tensors.values())
        for tensors in (state_tensors(state), networks(state, ObservationScaler(mean, mean)))
    ]
    return sizes[0], sizes[1]

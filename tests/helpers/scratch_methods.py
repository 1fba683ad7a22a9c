"""Small methods written by a test: cloning, with one thing in its update that is to be judged."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from bench.learning.streams import Streams
from bench.learning.types import Batch, Spec
from bench.training.engine import Engine
from bench.training.products.choice import Products

MARK = "# here"  # the line that a message must name
TEMPLATE = """
import itertools
import os
import random
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from bench.learning.learner import Learner, constant
from bench.learning.networks import DeterministicPolicy

{above}

@dataclass(frozen=True)
class Config:
    hidden: list = field(default_factory=lambda: [4])


@dataclass
class State:
    policy: Learner
    total: Tensor


def init(spec, config, streams, updates):
    sizes = [spec.observation_dim, config.hidden[0], spec.action_dim]
    policy = Learner(DeterministicPolicy(sizes, streams), constant(1e-3), streams.device)
    return State(policy, torch.zeros(len(streams)))


def update(state, batch, config, streams):
    error = state.policy(batch.observations) - batch.actions
    loss = error.square().mean((-2, -1))
{inside}
    state.policy.descend(loss)
    return {{"actor_loss": loss.detach()}}


def act(state, observations, config):
{acting}
    return state.policy(observations)

{below}
"""


def write(
    path: Path, inside: str = "", above: str = "", below: str = "", acting: str = ""
) -> tuple[ModuleType, int]:
    """Write a method to `path`, import it anew, and return it with the number of the marked line.

    `inside` stands in `update` between the loss and the descent, `acting` in `act`; both are
    indented here.
    """

    def indented(text: str) -> str:
        return "\n".join(f"    {line}" for line in (text or "pass").splitlines())

    text = TEMPLATE.format(
        inside=indented(inside), above=above, below=below, acting=indented(acting)
    )
    path.write_text(text)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    sys.modules.pop(path.stem, None)
    importlib.invalidate_caches()
    module = importlib.import_module(path.stem)
    marked = [n for n, line in enumerate(text.splitlines(), 1) if line.endswith(MARK)]
    return module, marked[0] if marked else 0


def engine(
    method: ModuleType, executor: str, seed: int = 0, products: Products | None = None
) -> Engine:
    """Return an engine of a scratch method on 40 random rows, which may fall back to eager."""
    generator = torch.Generator().manual_seed(0)
    observations = torch.randn(40, 3, generator=generator)
    actions = observations[:, :2].tanh()

    def batch(rows: Tensor) -> Batch:
        s, a = observations[rows], actions[rows]
        return Batch(s, a, a.sum(-1), torch.ones(rows.shape), s)

    replay: Any = SimpleNamespace(batch=batch)
    config = method.Config()
    state = method.init(Spec(3, 2, 40), config, Streams((0, 4), "initialisation"), 100)
    noise = Streams((0, 4), "noise")
    return Engine(
        method, state, config, replay, noise, executor, fixed=False, seed=seed, products=products
    )


def rows(number: int) -> Tensor:
    """Return the rows of the batch of this number: (2, 8)."""
    return torch.randint(40, (2, 8), generator=torch.Generator().manual_seed(number))

"""Recorded runs of the methods' own programs (tests/golden/README.md): arrays, names and draws.

This module reads a file and maps its names to ours; case.py runs the updates.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.learning.learner import Learner
from bench.learning.streams import Streams
from bench.learning.types import Spec
from helpers.paths import TESTS

GOLDEN = TESTS / "golden"
Named = dict[str, Tensor]
Draw = tuple[str, Tensor]  # "normal" or "uniform", and the numbers without the axis of seeds


class Record:
    """One file; arrays come in torch's default precision."""

    def __init__(self, name: str):
        with np.load(GOLDEN / f"{name}.npz", allow_pickle=False) as file:
            self.arrays = dict(file)
        self.settings: dict[str, Any]
        if "hyperparameters" in self.arrays:
            self.settings = json.loads(str(self.arrays["hyperparameters"]))
        else:  # IQL's, which leave the widths to the arrays
            self.settings = {
                k.partition("/")[2]: v.item() for k, v in self.under("settings").items()
            }
            biases = self.under("init/value/MLP_0").items()
            self.settings["hidden"] = [len(v) for k, v in sorted(biases) if k.endswith("bias")][:-1]

    def __contains__(self, key: str) -> bool:
        return key in self.arrays

    def __call__(self, key: str) -> Tensor:
        return torch.from_numpy(self.arrays[key]).to(torch.get_default_dtype())

    def under(self, folder: str) -> dict[str, np.ndarray]:
        """The arrays of a folder, by their whole keys."""
        return {k: v for k, v in self.arrays.items() if k.startswith(f"{folder}/")}

    def snapshots(self) -> list[int]:
        """The numbers of updates after which parameters were recorded."""
        found = (re.match(r"after(\d+)/", key) for key in self.arrays)
        return sorted({int(match[1]) for match in found if match})

    def updates(self) -> int:
        return self.snapshots()[-1]

    def spec(self) -> Spec:
        return Spec(*(self.arrays[f"batch/{k}"].shape[-1] for k in ("observations", "actions")))


def layers(record: Record, when: str, prefix: str, *networks: str) -> Named:
    """An MLP's parameters under our names; several networks become its members."""
    found: Named = {}
    for layer in range(20):
        keys = [f"{when}/{network}/layer_{layer}" for network in networks]
        if f"{keys[0]}/weight" not in record:
            break
        for kind, part in (("weights", "weight"), ("biases", "bias")):
            parts = torch.stack([record(f"{key}/{part}") for key in keys])  # (M, in, out), (M, out)
            parts = parts if part == "weight" else parts.unsqueeze(1)
            found[f"{prefix}.{kind}.{layer}"] = parts[:, None] if len(networks) > 1 else parts
    return found


def laid_out(layout: dict[str, str | tuple[str, str]]) -> Callable[[Record, str], Named]:
    """Of `layout`, from our MLP or parameter to their network, pair of networks or array."""

    def parameters(record: Record, when: str) -> Named:
        found: Named = {}
        for ours, theirs in layout.items():
            if isinstance(theirs, str) and f"{when}/{theirs}" in record:
                found[ours] = record(f"{when}/{theirs}")
            else:
                names = (theirs,) if isinstance(theirs, str) else theirs
                found |= layers(record, when, ours, *names)
        return found

    return parameters


TWINS = {
    "critic.trunk": ("critic_1", "critic_2"),
    "target_critic.trunk": ("target_critic_1", "target_critic_2"),
}
WITH_VAE = {  # BCQ and BEAR
    "policy.trunk": "policy",
    "target_policy.trunk": "target_policy",
    "vae.encoder": "vae_encoder",
    "vae.decoder": "vae_decoder",
    **TWINS,
}


class RecordedStreams(Streams):
    """Hands out recorded draws in place of random ones; shapes and kinds must agree."""

    def __init__(self, draws: list[Draw]):
        super().__init__([0], "recorded")
        self.draws, self.position = draws, 0

    def _next(self, kind: str, shape: tuple[int, ...]) -> Tensor:
        expected, numbers = self.draws[self.position]
        assert (kind, shape) == (expected, tuple(numbers.shape))
        self.position += 1
        return numbers.unsqueeze(0).clone()

    def normal(self, *shape: int) -> Tensor:
        return self._next("normal", shape)

    def uniform(self, *shape: int) -> Tensor:
        return self._next("uniform", shape)

    def permutation(self, size: int) -> Tensor:
        return self._next("permutation", (size,))

    def state(self) -> Tensor:
        return torch.tensor(self.position)

    def restore(self, state: Tensor) -> None:
        self.position = int(state)


@contextlib.contextmanager
def precision(dtype: torch.dtype) -> Iterator[None]:
    """Within, networks and draws are made in `dtype`."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def own_parameters(state: Any) -> Named:
    """All parameters of a method's state, as `critic.trunk.weights.0`."""
    nets = {f.name: getattr(getattr(state, f.name), "net", None) for f in fields(state)}
    return {
        f"{part}.{name}": value
        for part, net in nets.items()
        if net is not None
        for name, value in net.named_parameters()
    }


def load(state: Any, values: Named) -> None:
    """Set parameters; targets stay as they are unless named."""
    own = own_parameters(state)
    for name, value in values.items():
        own[name].data.copy_(value.reshape(own[name].shape))


def furthest(state: Any, expected: Named) -> float:
    """The largest absolute difference of a parameter."""
    own = own_parameters(state)
    assert expected, "nothing to compare"
    return max(
        distance(own[k].detach(), v.reshape(own[k].shape), False) for k, v in expected.items()
    )


def distance(ours: Tensor, theirs: Tensor, relative: bool = True) -> float:
    """The largest difference, infinite where one is not a number; relative where above 1."""
    difference = (ours.double() - theirs.double()).abs()
    if relative:
        difference = difference / theirs.double().abs().clamp(min=1)
    return float(difference.nan_to_num(nan=torch.inf).max())


def note_losses(state: Any, noted: Named) -> None:
    """From now on, note the loss of every descent as `critic.descend`."""
    for field in fields(state):
        learner = getattr(state, field.name)
        if isinstance(learner, Learner):
            learner.descend = noting(f"{field.name}.descend", learner.descend, noted)


def noting(name: str, descend: Callable[..., None], noted: Named) -> Callable[..., None]:
    def noted_descend(loss: Tensor, max_norm: float | None = None) -> None:
        noted[name] = loss.detach().clone()
        descend(loss, max_norm)

    return noted_descend


# --- draws ----------------------------------------------------------------------------


def by_sample(draws: Tensor) -> Tensor:
    """(B, N, d), N samples of each state, as (N, B, d)."""
    return draws.transpose(0, 1).contiguous()


def flat_by_sample(draws: Tensor) -> Tensor:
    """(B, N, d) as (N B, d): sample n of row b stands at n B + b."""
    return by_sample(draws).flatten(0, 1)

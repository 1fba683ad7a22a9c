"""The policy of a finished run, from run.json and policy.safetensors alone; no data are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bench.config import registry
from bench.config.types import Settings
from bench.config.validation import configure
from bench.environments import vector
from bench.errors import BenchError
from bench.files import read_json
from bench.learning.learner import Learner
from bench.learning.scalers import Moments, ObservationScaler
from bench.learning.streams import Streams
from bench.learning.types import Actor, Spec
from bench.paths import RunFolder, card_of
from bench.records.run_record import settings_of
from bench.records.runs import read_run
from bench.training.method_contract import make_actor


@dataclass(frozen=True)
class Policy:
    """The policies of some seeds of a run at its end; S is their number."""

    folder: Path
    settings: Settings
    record: Mapping[str, Any]
    seeds: tuple[int, ...]
    action_dim: int
    method: ModuleType
    config: Any
    state: Any
    scaler: ObservationScaler

    def actor(self, episodes: int, purpose: str) -> Actor:
        """Return a function of raw observations (S, E, obs) and rewards (S, E) to actions.

        `purpose` names the random draws of a method that acts with randomness.
        """
        noise = Streams(self.seeds, f"actions of {purpose}")
        act = make_actor(self.method, self.state, self.config, noise, episodes)

        @torch.no_grad()
        def scaled(observations: Tensor, rewards: Tensor) -> Tensor:
            return torch.nan_to_num(act(self.scaler(observations), rewards))

        return scaled


def load(folder: Path, seed: int | None = None) -> Policy:
    """Return the policies of the run in `folder`: of one seed, or of all that did not diverge.

    Raises BenchError where the run is unfinished or its networks do not fit the current code.
    """
    files = RunFolder(folder)
    record = read_run(files.record)
    settings = settings_of(record)
    lost = {int(name) for name in record["diverged"]}
    seeds = tuple(s for s in settings.seeds if s not in lost)
    if seed is not None:
        if seed not in seeds:
            raise BenchError(f"{folder}: seed {seed} is not one of {seeds}; choose one of those.")
        seeds = (seed,)
    if not seeds:
        raise BenchError(f"{folder}: every seed has diverged, so that there is no policy.")
    try:
        saved = load_file(files.policy)
    except (OSError, SafetensorError) as error:
        raise BenchError(f"{files.policy}: not readable ({error}); train the run again.") from None
    method = registry.load(settings.method)
    config = configure(method.Config, settings.config, str(files.record))
    width = _action_dim(settings)
    spec = Spec(len(saved["observation.mean"]), width, 1)
    state = method.init(spec, config, Streams(seeds, "initialisation"), max(settings.updates, 1))
    try:
        _fill(state, saved, [settings.seeds.index(s) for s in seeds], len(settings.seeds))
    except (KeyError, RuntimeError, ValueError):
        raise BenchError(
            f"{files.policy}: its networks do not fit the current code; train the run again."
        ) from None
    scaler = ObservationScaler(saved["observation.mean"], saved["observation.scale"])
    return Policy(folder, settings, record, seeds, width, method, config, state, scaler)


def _action_dim(settings: Settings) -> int:
    """Return the length of an action, from the dataset's card or else from the environment."""
    card = card_of(settings.task.transitions)
    if card.exists():
        return int(read_json(card)["action_dim"])
    if not settings.task.scored:
        raise BenchError(f"{card}: file not found; it says how long the actions of the run are.")
    env = vector.make(settings.task.env_id)
    width = vector.action_space(env).shape[0]
    env.close()
    return width


def _fill(state: Any, saved: Mapping[str, Tensor], places: list[int], seeds: int) -> None:
    """Copy the networks and running moments of the seeds at `places` of `seeds` into `state`."""
    for field in fields(state):
        part = getattr(state, field.name)
        if isinstance(part, Learner | Moments):
            held = part.net.state_dict() if isinstance(part, Learner) else part.tensors()
            for name, tensor in held.items():
                tensor.copy_(_of_seeds(saved[f"{field.name}.{name}"], tensor, places, seeds))


def _of_seeds(saved: Tensor, ours: Tensor, places: list[int], seeds: int) -> Tensor:
    """Return the part of `saved` that belongs to the seeds at `places`, in the shape of `ours`."""
    if saved.shape == ours.shape and len(places) == seeds:
        return saved
    if saved.ndim < 3 or saved.shape[-3] != seeds:  # the seed axis of every parameter
        raise ValueError("no seed axis")
    part = saved.index_select(-3, torch.tensor(places))
    if part.shape != ours.shape:
        raise ValueError("another shape")
    return part
